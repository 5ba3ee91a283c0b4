// Lost shards from the others, a stretch at a time, with breaths between.

import type { Kernels } from "../kernels/kernels.ts";
import type { Pace } from "./pace.ts";
import type { SegmentShape } from "./segment.ts";

/** Of each shard between two breaths: a whole number of the code's stripes. */
const STRETCH_SIZE = 256 * 1_024;

/** Shards of one segment. */
export interface LostShards {
  readonly shape: SegmentShape;
  /** The data of all shards, with room for those that are lost. */
  readonly areas: readonly Uint8Array[];
  /** Indexes, at most m. */
  readonly lost: readonly number[];
}

/** Makes the lost shards in their room. Throws `TWIN_CODE_LOST` when too few are left. */
export async function reconstructPaced(
  kernels: Pick<Kernels, "createErasureCode">,
  { shape, areas, lost }: LostShards,
  pace: Pace,
): Promise<void> {
  if (lost.length === 0) return;
  const code = kernels.createErasureCode(shape.dataShards, shape.parityShards);
  for (let start = 0; start < shape.shardSize; start += STRETCH_SIZE) {
    const stretch = areas.map((area) => area.subarray(start, start + STRETCH_SIZE));
    code.reconstructInto(stretch, lost);
    await pace();
  }
}
