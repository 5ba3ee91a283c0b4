// From plain blocks to the shards of their segment: sealed straight into the shards, coded and hashed
// leaf by leaf while the bytes are near. Header and data of a shard stand in one buffer, ready for a store.

import type { Kernels } from "../kernels/kernels.ts";
import type { Pace } from "./pace.ts";
import { TAG_SIZE, sealBlock, type FrameSink } from "./sealed-block.ts";
import { type SegmentBlock, type SegmentShape, sealTable } from "./segment.ts";
import { type ShardSeal, encodeHeader, headerSize, leafCount, leafRange } from "./shard.ts";
import { blockKey } from "./vault-keys.ts";
import { LIMITS } from "../base/limits.ts";

const HASH_SIZE = 32;

/** A block whose plaintext begins at byte `at` of some buffer. */
export interface PlainBlock extends Omit<SegmentBlock, "offset"> {
  readonly at: number;
}

/** A segment to be made. */
export interface SegmentOrder {
  readonly shape: SegmentShape;
  readonly blocks: readonly PlainBlock[];
  /** Holds the plaintext of the blocks. */
  readonly plain: Uint8Array<ArrayBuffer>;
  /** One buffer for each shard, of header and data, with any content. */
  readonly shards: readonly Uint8Array<ArrayBuffer>[];
}

/** Writes the shards of a segment. */
export async function packSegment(seal: ShardSeal, order: SegmentOrder, pace: Pace): Promise<void> {
  const { shape, blocks, plain, shards } = order;
  const { keys, kernels } = seal;
  const areas = shards.map((shard) => shard.subarray(headerSize(shape.shardSize)));
  const sink = createSpread(areas.slice(0, shape.dataShards));
  const id = Uint8Array.fromHex(shape.id);
  for (const block of blocks) {
    const bytes = plain.subarray(block.at, block.at + block.sizeBytes);
    sealBlock(kernels, blockKey(keys, kernels, block.id, id), bytes, sink);
    await pace();
  }
  const table = sealTable(blocks, shape.id, keys, kernels);
  sink(table.length, (out) => out.set(table));
  clearPadding(areas, shape);
  const leafHashes = await codeLeaves(kernels, shape, areas, pace);
  for (const [index, shard] of shards.entries()) {
    shard.set(encodeHeader(seal, { shape, index, leafHashes: leafHashes[index]! }));
  }
}

/** Writes the header in front of a shard whose data stands in `shard` behind the room for it. */
export async function finishShard(
  seal: ShardSeal,
  place: { readonly shape: SegmentShape; readonly index: number },
  shard: Uint8Array,
  pace: Pace,
): Promise<void> {
  const data = shard.subarray(headerSize(place.shape.shardSize));
  const leafHashes = new Uint8Array(leafCount(data.length) * HASH_SIZE);
  for (let leaf = 0; leaf < leafCount(data.length); leaf++) {
    const { offset, sizeBytes } = leafRange(data.length, leaf);
    leafHashes.set(seal.kernels.hash(data.subarray(offset, offset + sizeBytes)), leaf * HASH_SIZE);
    await pace();
  }
  shard.set(encodeHeader(seal, { ...place, leafHashes }));
}

/** Lays what comes, one behind the other, across `areas`. */
function createSpread(areas: readonly Uint8Array[]): FrameSink {
  const scratch = new Uint8Array(LIMITS.vault.frameSizeBytes + TAG_SIZE);
  let index = 0;
  let at = 0;
  return (size, fill) => {
    if (index < areas.length && at + size <= areas[index]!.length) {
      fill(areas[index]!.subarray(at, at + size));
      at += size;
      return;
    }
    const whole = size <= scratch.length ? scratch.subarray(0, size) : new Uint8Array(size);
    fill(whole);
    for (let taken = 0; taken < size;) {
      if (at === areas[index]!.length) [index, at] = [index + 1, 0];
      const part = whole.subarray(taken, taken + areas[index]!.length - at);
      areas[index]!.set(part, at);
      taken += part.length;
      at += part.length;
    }
  };
}

/** Zeroes the data areas behind the payload. */
function clearPadding(areas: readonly Uint8Array[], { payloadSize, shardSize, dataShards }: SegmentShape): void {
  for (let index = 0; index < dataShards; index++) {
    areas[index]!.fill(0, Math.max(0, Math.min(shardSize, payloadSize - index * shardSize)));
  }
}

/** Makes the parity areas. Answers the leaf hashes of all areas. */
async function codeLeaves(
  kernels: Kernels,
  { shardSize, dataShards, parityShards }: SegmentShape,
  areas: readonly Uint8Array[],
  pace: Pace,
): Promise<Uint8Array[]> {
  const code = kernels.createErasureCode(dataShards, parityShards);
  const hashes = areas.map(() => new Uint8Array(leafCount(shardSize) * HASH_SIZE));
  for (let leaf = 0; leaf < leafCount(shardSize); leaf++) {
    const { offset, sizeBytes } = leafRange(shardSize, leaf);
    const leaves = areas.map((area) => area.subarray(offset, offset + sizeBytes));
    code.encodeInto(leaves.slice(0, dataShards), leaves.slice(dataShards));
    for (const [index, bytes] of leaves.entries()) hashes[index]!.set(kernels.hash(bytes), leaf * HASH_SIZE);
    await pace();
  }
  return hashes;
}
