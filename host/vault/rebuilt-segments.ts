// Segments with lost data shards that one long read goes through: each is rebuilt once, not for every block, in
// buffers that the next ones take over.

import type { ReadBuffers } from "./read-buffers.ts";
import type { SegmentId } from "./segment.ts";

/** So many are kept: blocks of one object stand in order, and neighbours are read ahead. */
const KEPT_COUNT = 2;

/** The data shards of a segment; undefined when they cannot be had. */
type DataShards = readonly Uint8Array[] | undefined;

/** The data shards of segments that were rebuilt, for one reader. Disposing frees them. */
export interface RebuiltSegments extends Disposable {
  /**
   * What `use` makes of the data shards of the segment, which it must not keep: they are made by `rebuild`, in
   * buffers of the reader's, when they are not here. Undefined when `rebuild` answers so.
   */
  use<T>(
    segment: SegmentId,
    rebuild: (buffers: ReadBuffers) => Promise<DataShards>,
    use: (shards: readonly Uint8Array[]) => T,
  ): Promise<T | undefined>;
}

interface Rebuilt {
  readonly shards: Promise<DataShards>;
  users: number;
  isKept: boolean;
}

/** None yet. Holds `buffers` until it is disposed. */
export function createRebuiltSegments(buffers: ReadBuffers): RebuiltSegments {
  const hold = buffers.hold();
  const kept = new Map<SegmentId, Rebuilt>();

  const release = async (rebuilt: Rebuilt): Promise<void> => {
    if (rebuilt.isKept || rebuilt.users > 0) return;
    for (const shard of (await rebuilt.shards.catch(() => undefined)) ?? []) buffers.give(shard);
  };
  const drop = (segment: SegmentId): void => {
    const rebuilt = kept.get(segment);
    kept.delete(segment);
    if (rebuilt === undefined) return;
    rebuilt.isKept = false;
    void release(rebuilt);
  };
  return {
    async use(segment, rebuild, use) {
      const rebuilt = kept.getOrInsertComputed(segment, () => ({ shards: rebuild(buffers), users: 0, isKept: true }));
      rebuilt.users++;
      const [oldest] = kept.keys();
      if (kept.size > KEPT_COUNT && oldest !== undefined) drop(oldest);
      try {
        const shards = await rebuilt.shards;
        return shards && use(shards);
      } finally {
        rebuilt.users--;
        void release(rebuilt);
      }
    },
    [Symbol.dispose]() {
      for (const segment of kept.keys()) drop(segment);
      hold[Symbol.dispose]();
    },
  };
}
