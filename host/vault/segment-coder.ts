// From plain blocks to the shards of their segment: sealed straight into the shards, coded and hashed
// leaf by leaf while the bytes are near. Header and data of a shard stand in one buffer, ready for a store.

import type { Kernels } from "../kernels/kernels.ts";
import { compressChunk, type Zstd } from "./compression.ts";
import type { Pace } from "./pace.ts";
import { reconstructPaced } from "./reconstruct-paced.ts";
import { TAG_SIZE, sealBlock, type FrameSink } from "./sealed-block.ts";
import {
  planSegment,
  type SegmentBlock,
  type SegmentCode,
  type SegmentId,
  type SegmentShape,
  sealTable,
} from "./segment.ts";
import { HASH_SIZE, type ShardSeal, encodeHeader, hashLeaves, headerSize, leafCount, leafRange } from "./shard.ts";
import { blockKey } from "./vault-keys.ts";
import { LIMITS } from "../base/limits.ts";

/** A block whose plaintext begins at byte `at` of some buffer. */
export interface PlainBlock extends Omit<SegmentBlock, "offset" | "storedBytes"> {
  readonly at: number;
  /** Whether it is to be compressed, if that pays. */
  readonly compress: boolean;
}

/** A segment to be made. */
export interface SegmentOrder {
  readonly id: SegmentId;
  readonly code: SegmentCode;
  readonly blocks: readonly PlainBlock[];
  /** Holds the plaintext of the blocks. */
  readonly plain: Uint8Array;
  /** One buffer for each shard, with any content: room for header and data if nothing is compressed. */
  readonly shards: readonly Uint8Array[];
}

/** A segment that was made, in the buffers of its order. */
export interface PackedSegment {
  readonly shape: SegmentShape;
  readonly blocks: readonly SegmentBlock[];
  /** Of no use any more but for its buffer. */
  readonly plain: Uint8Array;
  /** Header and data of each. */
  readonly shards: readonly Uint8Array[];
}

/** Where a segment is packed. */
export interface PackPlace {
  readonly zstd: Zstd;
  readonly pace: Pace;
}

/** Makes the shards of a segment. What is compressed takes the place of its plaintext. */
export async function packSegment(
  seal: ShardSeal,
  order: SegmentOrder,
  { zstd, pace }: PackPlace,
): Promise<PackedSegment> {
  const { keys, kernels } = seal;
  const { plain } = order;
  const stored = await compressBlocks(order, zstd, pace);
  const { shape, blocks } = planSegment(Uint8Array.fromHex(order.id), order.code, stored);
  const shards = order.shards.map((shard) => shard.subarray(0, headerSize(shape.shardSize) + shape.shardSize));
  const areas = shards.map((shard) => shard.subarray(headerSize(shape.shardSize)));
  const sink = createSpread(areas.slice(0, shape.dataShards));
  const id = Uint8Array.fromHex(shape.id);
  for (const block of stored) {
    const bytes = plain.subarray(block.at, block.at + block.storedBytes);
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
  return { shape, blocks, plain, shards };
}

/** The blocks with their stored sizes; those that become smaller stand as frames at the place of their plaintext. */
async function compressBlocks(
  { blocks, plain }: SegmentOrder,
  zstd: Zstd,
  pace: Pace,
): Promise<(PlainBlock & { readonly storedBytes: number })[]> {
  const stored: (PlainBlock & { readonly storedBytes: number })[] = [];
  for (const block of blocks) {
    const bytes = plain.subarray(block.at, block.at + block.sizeBytes);
    const frame = block.compress ? await compressChunk(zstd, bytes) : undefined;
    if (frame !== undefined) bytes.set(frame);
    stored.push({ ...block, storedBytes: frame?.length ?? block.sizeBytes });
    await pace();
  }
  return stored;
}

/** Writes the header in front of a shard whose data stands in `shard` behind the room for it. */
export function finishShard(
  seal: ShardSeal,
  place: { readonly shape: SegmentShape; readonly index: number },
  shard: Uint8Array,
): void {
  const leafHashes = hashLeaves(seal.kernels, shard.subarray(headerSize(place.shape.shardSize)));
  shard.set(encodeHeader(seal, { ...place, leafHashes }));
}

/** Shards of a segment to be made again. */
export interface RemakeOrder {
  readonly shape: SegmentShape;
  /** The data of each whole shard by index, of k at least; undefined for the others. */
  readonly whole: readonly (Uint8Array | undefined)[];
  /** Indexes of those that are wanted. */
  readonly wanted: readonly number[];
}

/** The wanted shards, header and data, in the order of `wanted`. Throws `TWIN_CODE_LOST` when too few are whole. */
export async function remakeShards(
  seal: ShardSeal,
  { shape, whole, wanted }: RemakeOrder,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { shardSize } = shape;
  const head = headerSize(shardSize);
  const made = wanted.map(() => new Uint8Array(head + shardSize));
  const areas = whole.map((given, index) => {
    const at = wanted.indexOf(index);
    const own = at === -1 ? undefined : made[at]!.subarray(head);
    if (given !== undefined) own?.set(given);
    return own ?? given ?? new Uint8Array(shardSize);
  });
  const lost = [...whole.keys()].filter((index) => whole[index] === undefined);
  await reconstructPaced(seal.kernels, { shape, areas, lost }, pace);
  for (const [at, index] of wanted.entries()) {
    finishShard(seal, { shape, index }, made[at]!);
    await pace();
  }
  return made;
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
