// From a closed segment to its shards: header and data in one buffer each, ready for a store.

import type { Kernels } from "../kernels/kernels.ts";
import type { Pace } from "./pace.ts";
import type { ClosedSegment, SegmentShape } from "./segment.ts";
import { type ShardSeal, encodeHeader, headerSize, leafCount, leafRange } from "./shard.ts";

/** Columns coded in one synchronous call: long enough for the kernel's speed, short enough between two breaths. */
const STRIPE_SIZE = 256 * 1024;

/**
 * The shards of a segment, by index, each header + data in a fresh buffer that is never used again:
 * a store that was given up on may still be writing it.
 */
export async function encodeShards(
  seal: ShardSeal,
  closed: ClosedSegment,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { shape, parts } = closed;
  const header = headerSize(shape.shardSize);
  const shards = Array.from(
    { length: shape.dataShards + shape.parityShards },
    () => new Uint8Array(header + shape.shardSize),
  );
  spread(parts, shards, header);
  const code = seal.kernels.createErasureCode(shape.dataShards, shape.parityShards);
  for (let start = header; start < header + shape.shardSize; start += STRIPE_SIZE) {
    const end = Math.min(start + STRIPE_SIZE, header + shape.shardSize);
    const stripes = shards.map((shard) => shard.subarray(start, end));
    code.encodeInto(stripes.slice(0, shape.dataShards), stripes.slice(shape.dataShards));
    await pace();
  }
  for (const [index, shard] of shards.entries()) await finishShard(seal, { shape, index }, shard, pace);
  return shards;
}

/** Writes the header in front of a shard whose data stands in `shard` behind the room for it. */
export async function finishShard(
  seal: ShardSeal,
  place: { readonly shape: SegmentShape; readonly index: number },
  shard: Uint8Array,
  pace: Pace,
): Promise<void> {
  const leafHashes = await hashLeaves(seal.kernels, shard.subarray(headerSize(place.shape.shardSize)), pace);
  shard.set(encodeHeader(seal, { ...place, leafHashes }));
}

/** Lays the parts, one behind the other, across the data areas of the shards. */
function spread(parts: readonly Uint8Array[], shards: readonly Uint8Array[], header: number): void {
  let index = 0;
  let at = header;
  for (const part of parts) {
    let taken = 0;
    while (taken < part.length) {
      const shard = shards[index]!;
      const size = Math.min(part.length - taken, shard.length - at);
      shard.set(part.subarray(taken, taken + size), at);
      taken += size;
      at += size;
      if (at === shard.length) {
        index++;
        at = header;
      }
    }
  }
}

async function hashLeaves(kernels: Kernels, data: Uint8Array, pace: Pace): Promise<Uint8Array> {
  const hashes = new Uint8Array(leafCount(data.length) * 32);
  for (let leaf = 0; leaf < leafCount(data.length); leaf++) {
    const { offset, sizeBytes } = leafRange(data.length, leaf);
    hashes.set(kernels.hash(data.subarray(offset, offset + sizeBytes)), leaf * 32);
    await pace();
  }
  return hashes;
}
