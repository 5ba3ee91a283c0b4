// What is left of a segment of which too few shards prove themselves by their headers: the seals of its blocks
// say as well what is whole. Headers may be gone (a first sector that was overwritten) where the bytes are not.

import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Pace } from "./pace.ts";
import { reconstructPaced } from "./reconstruct-paced.ts";
import { openFrames, sealedSize } from "./sealed-block.ts";
import { openTable, type SegmentShape } from "./segment.ts";
import { cutPayload } from "./segment-reader.ts";
import type { ShardSeal } from "./shard.ts";
import { blockKey } from "./vault-keys.ts";

/** Ways to put a segment together that are tried: each costs as much as reading it. */
const TRIES_MAX = 64;

/** What was found of a segment, by the index of its shards. */
export interface Wreck {
  readonly shape: SegmentShape;
  /** The data of each shard that has all of it, whatever it is worth; undefined for the others. */
  readonly bodies: readonly (Uint8Array | undefined)[];
  /** Indexes of those whose header vouches for every leaf. */
  readonly proven: readonly number[];
}

/** The data shards as they were written, or undefined when no choice of what was found makes the seals hold. */
export async function salvageData(seal: ShardSeal, wreck: Wreck, pace: Pace): Promise<Uint8Array[] | undefined> {
  const { shape, bodies, proven } = wreck;
  const doubtful = [...bodies.keys()].filter((index) => bodies[index] !== undefined && !proven.includes(index));
  let tries = 0;
  for (const chosen of choices(doubtful, shape.dataShards - proven.length)) {
    if (++tries > TRIES_MAX) return undefined;
    const data = await assemble(seal.kernels, wreck, [...proven, ...chosen], pace);
    if (await sealsHold(seal, shape, data, pace)) return data;
  }
  return undefined;
}

/** Every choice of `count` of the ascending `items`, that of the first ones first. */
function* choices(items: readonly number[], count: number): Generator<number[], void, undefined> {
  if (count <= 0) {
    yield [];
    return;
  }
  for (const [at, item] of items.entries()) {
    for (const rest of choices(items.slice(at + 1), count - 1)) yield [item, ...rest];
  }
}

/** The data shards by k sources, padded as when they were written. */
async function assemble(
  kernels: Kernels,
  { shape, bodies }: Wreck,
  sources: readonly number[],
  pace: Pace,
): Promise<Uint8Array[]> {
  const { dataShards, shardSize, payloadSize } = shape;
  const areas = bodies.map((body, index) => (sources.includes(index) ? body!.slice() : new Uint8Array(shardSize)));
  const lost = [...areas.keys()].filter((index) => !sources.includes(index));
  if (lost.some((index) => index < dataShards)) await reconstructPaced(kernels, { shape, areas, lost }, pace);
  const data = areas.slice(0, dataShards);
  for (const [index, area] of data.entries()) area.fill(0, Math.max(0, payloadSize - index * shardSize));
  return data;
}

/** Whether table and blocks are those of the segment, to the last bit. */
async function sealsHold(
  { keys, kernels }: ShardSeal,
  shape: SegmentShape,
  data: readonly Uint8Array[],
  pace: Pace,
): Promise<boolean> {
  const { id, payloadSize, tableSize } = shape;
  const table = { offset: payloadSize - tableSize, size: tableSize };
  try {
    let end = 0;
    for (const block of openTable(cutPayload(data, shape, table), id, keys, kernels)) {
      const { storedBytes, offset } = block;
      const size = sealedSize(storedBytes);
      end = offset + size;
      if (end > table.offset) return false;
      const span = { firstFrame: 0, bytes: cutPayload(data, shape, { offset, size }) };
      openFrames(kernels, blockKey(keys, kernels, block.id, Uint8Array.fromHex(id)), storedBytes, span);
      await pace();
    }
    return end === table.offset;
  } catch (thrown) {
    if (thrown instanceof TwinError && thrown.code === "TWIN_SEAL_BROKEN") return false;
    throw thrown;
  }
}
