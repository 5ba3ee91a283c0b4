// How a group of records stands in a journal segment (docs/formats/state.md). A group names its
// number and the hash of the one before: each can be judged alone, and none can be put elsewhere.

import { compareBytes, concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** The changes of one twin, sealed; numbered without gaps per twin. */
export interface JournalRecord {
  readonly twin: string;
  /** From 1. */
  readonly sequence: number;
  readonly sealed: Uint8Array;
}

/** What is written and synced at once. */
export interface JournalGroup {
  /** From 1, without gaps. */
  readonly number: number;
  /** 32 bytes: the hash of the group before; zeros before the first. */
  readonly previous: Uint8Array;
  readonly records: readonly JournalRecord[];
}

/** A group that was read, and where. */
export interface FoundGroup extends JournalGroup {
  /** 32 bytes. */
  readonly hash: Uint8Array;
  /** Offset behind it. */
  readonly end: number;
}

/** Groups begin at multiples of this: a torn one never damages the sector of another, and a later one can be found behind it. */
const ALIGNMENT = 512;
/** "TJG1" in ASCII, little-endian. */
const MAGIC = 0x31474a54;
const HASH_SIZE = 32;
/** Magic `u32`, body size `u32`, number `u64`, the previous hash; then the group's own hash, then the body. */
const HASHED_HEAD_SIZE = 16 + HASH_SIZE;
const HEAD_SIZE = HASHED_HEAD_SIZE + HASH_SIZE;
/** Size of the twin's id `u16`, sequence `u64`, size of the sealed bytes `u32`. */
const RECORD_HEAD_SIZE = 14;

/** Before the first group. */
export const FIRST_PREVIOUS: Uint8Array = new Uint8Array(HASH_SIZE);

/** The group's bytes, padded with zeros to whole sectors, and its hash. */
export function encodeGroup(
  { number, previous, records }: JournalGroup,
  kernels: Pick<Kernels, "hash">,
): { readonly bytes: Uint8Array; readonly hash: Uint8Array } {
  const names = records.map(({ twin }) => utf8Encode(twin));
  const bodySize = records.reduce(
    (size, { sealed }, index) => size + RECORD_HEAD_SIZE + names[index]!.length + sealed.length,
    0,
  );
  const bytes = new Uint8Array(Math.ceil((HEAD_SIZE + bodySize) / ALIGNMENT) * ALIGNMENT);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, bodySize, true);
  view.setBigUint64(8, BigInt(number), true);
  bytes.set(previous, 16);
  let offset = HEAD_SIZE;
  for (const [index, { sequence, sealed }] of records.entries()) {
    const name = names[index]!;
    view.setUint16(offset, name.length, true);
    view.setBigUint64(offset + 2, BigInt(sequence), true);
    view.setUint32(offset + 10, sealed.length, true);
    bytes.set(name, offset + RECORD_HEAD_SIZE);
    bytes.set(sealed, offset + RECORD_HEAD_SIZE + name.length);
    offset += RECORD_HEAD_SIZE + name.length + sealed.length;
  }
  const hash = hashOf(bytes, bodySize, kernels);
  bytes.set(hash, HASHED_HEAD_SIZE);
  return { bytes, hash };
}

/** The group at `offset`, or undefined when there is none, or not a whole one. */
export function decodeGroup(
  segment: Uint8Array,
  offset: number,
  kernels: Pick<Kernels, "hash">,
): FoundGroup | undefined {
  const bytes = segment.subarray(offset);
  if (bytes.length < HEAD_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  const bodySize = view.getUint32(4, true);
  if (bodySize > bytes.length - HEAD_SIZE) return undefined;
  const hash = hashOf(bytes, bodySize, kernels);
  if (compareBytes(hash, bytes.subarray(HASHED_HEAD_SIZE, HEAD_SIZE)) !== 0) return undefined;
  return {
    number: Number(view.getBigUint64(8, true)),
    previous: bytes.slice(16, HASHED_HEAD_SIZE),
    records: decodeRecords(bytes.subarray(HEAD_SIZE, HEAD_SIZE + bodySize)),
    hash,
    end: offset + Math.ceil((HEAD_SIZE + bodySize) / ALIGNMENT) * ALIGNMENT,
  };
}

/** The first whole group at or behind `offset`. */
export function findGroup(segment: Uint8Array, offset: number, kernels: Pick<Kernels, "hash">): FoundGroup | undefined {
  for (let at = offset; at < segment.length; at += ALIGNMENT) {
    const group = decodeGroup(segment, at, kernels);
    if (group !== undefined) return group;
  }
  return undefined;
}

/** Its hash held, so its sizes are those that we wrote. */
function decodeRecords(body: Uint8Array): JournalRecord[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const records: JournalRecord[] = [];
  for (let offset = 0; offset < body.length;) {
    const name = offset + RECORD_HEAD_SIZE;
    const sealed = name + view.getUint16(offset, true);
    const end = sealed + view.getUint32(offset + 10, true);
    const sequence = Number(view.getBigUint64(offset + 2, true));
    records.push({ twin: utf8Decode(body.subarray(name, sealed)), sequence, sealed: body.subarray(sealed, end) });
    offset = end;
  }
  return records;
}

function hashOf(bytes: Uint8Array, bodySize: number, kernels: Pick<Kernels, "hash">): Uint8Array {
  const body = bytes.subarray(HEAD_SIZE, HEAD_SIZE + bodySize);
  return kernels.hash(concatBytes(bytes.subarray(0, HASHED_HEAD_SIZE), body));
}
