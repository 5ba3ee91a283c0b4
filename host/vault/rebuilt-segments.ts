// Segments with lost data shards that one long read goes through: each is rebuilt once, not for every block.

import type { SegmentId } from "./segment.ts";

/** So many are kept: blocks of one object stand in order, and neighbours are read ahead. */
const KEPT_COUNT = 2;

/** The data shards of segments that were rebuilt, for one reader. */
export interface RebuiltSegments {
  /** Those of the segment: made by `rebuild` when they are not here, which answers undefined when that cannot be. */
  find(
    segment: SegmentId,
    rebuild: () => Promise<readonly Uint8Array[] | undefined>,
  ): Promise<readonly Uint8Array[] | undefined>;
}

/** None yet. */
export function createRebuiltSegments(): RebuiltSegments {
  const kept = new Map<SegmentId, Promise<readonly Uint8Array[] | undefined>>();
  return {
    find(segment, rebuild) {
      const shards = kept.getOrInsertComputed(segment, rebuild);
      const [oldest] = kept.keys();
      if (kept.size > KEPT_COUNT && oldest !== undefined) kept.delete(oldest);
      return shards;
    },
  };
}
