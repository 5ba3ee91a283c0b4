// Whether the rows of the vault's index fit together. Each is sealed, so none can be made up; but who can write the
// file can take rows away or put older ones back, and what counts on them would delete blocks that are still used.

import { equalBytes } from "../base/bytes.ts";
import type { Pace } from "./pace.ts";
import type { SegmentId } from "./segment.ts";

/** Where a block is said to stand, and of how many objects it is a part. */
interface CountedPlace {
  readonly segment: SegmentId;
  readonly uses: number;
}

/** The rows that count on each other, each table in the order of its keys. */
export interface BalanceRows {
  /** With the parts that their own rows tell; the others are among `parts`. */
  readonly objects: () => Iterable<{ readonly id: Uint8Array; readonly parts: readonly Uint8Array[] | undefined }>;
  readonly parts: () => Iterable<{ readonly object: Uint8Array; readonly block: Uint8Array }>;
  readonly blocks: () => Iterable<{ readonly id: Uint8Array; readonly place: CountedPlace }>;
  readonly segments: () => Iterable<unknown>;
  /** Blocks that a segment is said to hold, those of them that say the same: each once, in one row or several. */
  readonly contents: () => Iterable<{ readonly segment: Uint8Array; readonly blocks: readonly Uint8Array[] }>;
  readonly hasObject: (id: Uint8Array) => boolean;
  readonly hasSegment: (id: Uint8Array) => boolean;
  readonly hasPart: (object: Uint8Array, block: Uint8Array) => boolean;
}

/**
 * Whether every object has its root, every part its object, every block as many users as there are parts of it, and its
 * segment, which says that it stands there, and every segment blocks. Reads all rows, none of which may change meanwhile, and keeps two sums:
 * ids are keyed hashes, of which nobody finds some that add up.
 */
export async function isBalanced(rows: BalanceRows, pace: Pace): Promise<boolean> {
  let uses = 0n;
  let places = 0n;
  for (const { id, parts } of rows.objects()) {
    const hasRoot = parts === undefined ? rows.hasPart(id, id) : parts.some((part) => equalBytes(part, id));
    if (!hasRoot) return false;
    for (const part of parts ?? []) uses -= numberOf(part);
    await pace();
  }
  for (const { id, place } of rows.blocks()) {
    if (place.uses === 0) return false;
    uses += BigInt(place.uses) * numberOf(id);
    places += numberOf(Uint8Array.fromHex(place.segment)) * numberOf(id);
    await pace();
  }
  const hasObject = once(rows.hasObject);
  for (const { object, block } of rows.parts()) {
    if (!hasObject(object)) return false;
    uses -= numberOf(block);
    await pace();
  }
  let segments = 0;
  const hasSegment = once(rows.hasSegment);
  let last: Uint8Array | undefined;
  for (const { segment, blocks } of rows.contents()) {
    if (!hasSegment(segment)) return false;
    for (const block of blocks) places -= numberOf(segment) * numberOf(block);
    if (blocks.length > 0 && (last === undefined || !equalBytes(last, segment))) {
      segments++;
      last = segment;
    }
    await pace();
  }
  for (const _ of rows.segments()) {
    segments--;
    await pace();
  }
  return uses === 0n && places === 0n && segments === 0;
}

/** The first 16 bytes of an id, big-endian. */
function numberOf({ buffer, byteOffset }: Uint8Array): bigint {
  const view = new DataView(buffer, byteOffset);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

/** The same, asked once for each run of one key. */
function once(has: (key: Uint8Array) => boolean): (key: Uint8Array) => boolean {
  let last: string | undefined;
  let answer = false;
  return (key) => {
    const name = key.toHex();
    if (name !== last) [last, answer] = [name, has(key)];
    return answer;
  };
}
