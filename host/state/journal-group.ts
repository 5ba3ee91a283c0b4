// How a group of records stands in a journal segment (docs/formats/state.md). A group names its
// number and the hash of the one before: each can be judged alone, and none can be put elsewhere. Its
// hash is over the list of its records, which has theirs: one that is damaged does not hide whose it is.

import { compareBytes, concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { decodeEarlyGroup } from "./journal-group-early.ts";
import { ALIGNMENT, type FoundGroup, HASH_SIZE, type JournalGroup, type JournalRecord } from "./journal-form.ts";

/** "TJG2" in ASCII, little-endian. */
const MAGIC = 0x32474a54;
/** Magic `u32`, size of the list `u32`, size of the sealed parts `u32`, number `u64`, the previous hash; then the group's own hash, the list, the sealed parts. */
const HASHED_HEAD_SIZE = 20 + HASH_SIZE;
const HEAD_SIZE = HASHED_HEAD_SIZE + HASH_SIZE;
/** Size of the twin's id `u16`, sequence `u64`, size of the sealed part `u32`, its hash; then the id. */
const ENTRY_HEAD_SIZE = 14 + HASH_SIZE;

/** Before the first group. */
export const FIRST_PREVIOUS: Uint8Array = new Uint8Array(HASH_SIZE);

/** The group's bytes, padded with zeros to whole sectors, and its hash. */
export function encodeGroup(
  { number, previous, records }: JournalGroup,
  kernels: Pick<Kernels, "hash">,
): { readonly bytes: Uint8Array; readonly hash: Uint8Array } {
  const names = records.map(({ twin }) => utf8Encode(twin));
  const listSize = names.reduce((size, name) => size + ENTRY_HEAD_SIZE + name.length, 0);
  const sealedSize = records.reduce((size, { sealed }) => size + sealed.length, 0);
  const bytes = new Uint8Array(Math.ceil((HEAD_SIZE + listSize + sealedSize) / ALIGNMENT) * ALIGNMENT);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, listSize, true);
  view.setUint32(8, sealedSize, true);
  view.setBigUint64(12, BigInt(number), true);
  bytes.set(previous, 20);
  let [entry, at] = [HEAD_SIZE, HEAD_SIZE + listSize];
  for (const [index, { sequence, sealed }] of records.entries()) {
    const name = names[index]!;
    view.setUint16(entry, name.length, true);
    view.setBigUint64(entry + 2, BigInt(sequence), true);
    view.setUint32(entry + 10, sealed.length, true);
    bytes.set(kernels.hash(sealed), entry + 14);
    bytes.set(name, entry + ENTRY_HEAD_SIZE);
    bytes.set(sealed, at);
    entry += ENTRY_HEAD_SIZE + name.length;
    at += sealed.length;
  }
  const hash = hashOf(bytes, listSize, kernels);
  bytes.set(hash, HASHED_HEAD_SIZE);
  return { bytes, hash };
}

/** The group at `offset`, or undefined when there is none, or its list is not whole. */
export function decodeGroup(
  segment: Uint8Array,
  offset: number,
  kernels: Pick<Kernels, "hash">,
): FoundGroup | undefined {
  const bytes = segment.subarray(offset);
  if (bytes.length < HEAD_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return decodeEarlyGroup(segment, offset, kernels);
  const [listSize, sealedSize] = [view.getUint32(4, true), view.getUint32(8, true)];
  const size = HEAD_SIZE + listSize + sealedSize;
  if (size > bytes.length) return undefined;
  const hash = hashOf(bytes, listSize, kernels);
  if (compareBytes(hash, bytes.subarray(HASHED_HEAD_SIZE, HEAD_SIZE)) !== 0) return undefined;
  return {
    number: Number(view.getBigUint64(12, true)),
    previous: bytes.slice(20, HASHED_HEAD_SIZE),
    ...decodeRecords(bytes.subarray(HEAD_SIZE, size), listSize, kernels),
    hash,
    end: offset + Math.ceil(size / ALIGNMENT) * ALIGNMENT,
  };
}

/** The first group at or behind `offset`. */
export function findGroup(segment: Uint8Array, offset: number, kernels: Pick<Kernels, "hash">): FoundGroup | undefined {
  for (let at = offset; at < segment.length; at += ALIGNMENT) {
    const group = decodeGroup(segment, at, kernels);
    if (group !== undefined) return group;
  }
  return undefined;
}

/** The hash over its list held, so its sizes are those that we wrote. */
function decodeRecords(
  body: Uint8Array,
  listSize: number,
  kernels: Pick<Kernels, "hash">,
): Pick<FoundGroup, "records" | "damaged"> {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const records: JournalRecord[] = [];
  const damaged = new Set<JournalRecord>();
  for (let [entry, at] = [0, listSize]; entry < listSize;) {
    const name = entry + ENTRY_HEAD_SIZE;
    const next = name + view.getUint16(entry, true);
    const end = at + view.getUint32(entry + 10, true);
    const sealed = body.subarray(at, end);
    const sequence = Number(view.getBigUint64(entry + 2, true));
    const record = { twin: utf8Decode(body.subarray(name, next)), sequence, sealed };
    records.push(record);
    if (compareBytes(kernels.hash(sealed), body.subarray(entry + 14, name)) !== 0) damaged.add(record);
    [entry, at] = [next, end];
  }
  return { records, damaged };
}

function hashOf(bytes: Uint8Array, listSize: number, kernels: Pick<Kernels, "hash">): Uint8Array {
  const list = bytes.subarray(HEAD_SIZE, HEAD_SIZE + listSize);
  return kernels.hash(concatBytes(bytes.subarray(0, HASHED_HEAD_SIZE), list));
}
