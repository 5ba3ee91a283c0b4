// Groups as earlier builds wrote them, under one hash for everything (docs/formats/state.md): they are
// read, and never written.

import { compareBytes, concatBytes, utf8Decode } from "../base/bytes.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { ALIGNMENT, type FoundGroup, HASH_SIZE, type JournalRecord } from "./journal-form.ts";

/** "TJG1" in ASCII, little-endian. */
const MAGIC = 0x31474a54;
/** Magic `u32`, body size `u32`, number `u64`, the previous hash; then the group's own hash, then the body. */
const HASHED_HEAD_SIZE = 16 + HASH_SIZE;
const HEAD_SIZE = HASHED_HEAD_SIZE + HASH_SIZE;
/** Size of the twin's id `u16`, sequence `u64`, size of the sealed bytes `u32`; then both. */
const RECORD_HEAD_SIZE = 14;

/** The group at `offset`, or undefined when there is none, or not a whole one. */
export function decodeEarlyGroup(
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
  const body = bytes.subarray(HEAD_SIZE, HEAD_SIZE + bodySize);
  const hash = kernels.hash(concatBytes(bytes.subarray(0, HASHED_HEAD_SIZE), body));
  if (compareBytes(hash, bytes.subarray(HASHED_HEAD_SIZE, HEAD_SIZE)) !== 0) return undefined;
  return {
    number: Number(view.getBigUint64(8, true)),
    previous: bytes.slice(16, HASHED_HEAD_SIZE),
    records: decodeRecords(body),
    damaged: new Set(),
    hash,
    end: offset + Math.ceil((HEAD_SIZE + bodySize) / ALIGNMENT) * ALIGNMENT,
  };
}

/** The group's hash held, so its sizes are those that were written. */
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
