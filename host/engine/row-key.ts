// Keys of the host's own tables: numbers big-endian, so that rows are in order of number.

import { concatBytes, utf8Encode } from "../base/bytes.ts";

const SEPARATOR = Uint8Array.of(0);

/** 8 bytes, big-endian, of a whole number from 0 to 2^53 - 1. */
export function numberKey(sequence: number): Uint8Array {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint32(0, Math.floor(sequence / 2 ** 32));
  view.setUint32(4, sequence >>> 0);
  return key;
}

/** The number of a key that ends in {@link numberKey}. */
export function numberOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset + key.length - 8).getBigUint64(0));
}

/** `owner`, a zero byte, the number: rows of one owner, in order. */
export function ownedKey(owner: string, sequence: number): Uint8Array {
  return concatBytes(utf8Encode(owner), SEPARATOR, numberKey(sequence));
}

/** Sorts before every key. */
export const FIRST_KEY: Uint8Array = new Uint8Array();
