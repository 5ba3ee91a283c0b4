// The text of an object's id: base58btc of the 32 bytes that name the root of its manifest.

import { base58Decode } from "../identity/base58.ts";

const OBJECT_ID_SIZE = 32;
/** 32 bytes have 32 to 44 digits: what is longer is not worth decoding. */
const TEXT_LENGTH_MAX = 44;

/** The 32 bytes of an object's id, or undefined for anything else. Says nothing of whether there is such an object. */
export function decodeObjectId(id: string): Uint8Array | undefined {
  const bytes = id.length <= TEXT_LENGTH_MAX ? base58Decode(id) : undefined;
  return bytes?.length === OBJECT_ID_SIZE ? bytes : undefined;
}
