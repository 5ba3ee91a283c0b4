// Counts what stands where, so that the margin is known at any moment without walking the segments:
// segments with the same pattern of stores are one line of the count.

import { isHostType } from "./object.ts";
import type { ObjectRecord, SegmentRecord } from "./vault-index.ts";
import { shardCountOf } from "./segment.ts";
import { headerSize } from "./shard.ts";

/** Segments that stand on the same stores in the same way. */
interface Pattern {
  /** Stores of the shards that were there at the last count. */
  readonly stores: readonly string[];
  readonly dataShards: number;
  readonly shardCount: number;
  segments: number;
}

/** What the last count, seen through the stores that answer now, amounts to. */
interface Margin {
  /** Stores that may still be lost; negative when some segment is unreadable. Undefined without segments. */
  readonly margin: number | undefined;
  /** The same for failure domains. */
  readonly domainMargin: number | undefined;
  /** Segments with fewer than all of their shards. */
  readonly degradedSegments: number;
}

/** A running count of segments and objects. */
export interface Census {
  readonly segmentCount: number;
  add(record: SegmentRecord): void;
  /** Takes back what was added with an equal record. */
  remove(record: SegmentRecord): void;
  /** The margin when only the stores for which `answers` holds are left. */
  margin(answers: (store: string) => boolean, domainOf: (store: string) => string): Margin;
  /** Objects and their bytes, as they were counted in. */
  readonly objects: { readonly objectCount: number; readonly sizeBytes: number };
  addObject(record: ObjectRecord): void;
  removeObject(record: ObjectRecord): void;
  usage(store: string): { readonly shardCount: number; readonly usedBytes: number };
}

/** An empty count. */
export function createCensus(): Census {
  const patterns = new Map<string, Pattern>();
  const usage = new Map<string, { shardCount: number; usedBytes: number }>();
  const objects = { objectCount: 0, sizeBytes: 0 };
  let segmentCount = 0;

  const count = (record: SegmentRecord, sign: 1 | -1): void => {
    const stores = standingStores(record);
    const { dataShards } = record;
    const shardCount = shardCountOf(record);
    const key = `${dataShards} ${shardCount} ${stores.join(" ")}`;
    const pattern = patterns.getOrInsertComputed(key, () => ({ stores, dataShards, shardCount, segments: 0 }));
    pattern.segments += sign;
    if (pattern.segments === 0) patterns.delete(key);
    for (const store of stores) {
      const used = usage.getOrInsertComputed(store, () => ({ shardCount: 0, usedBytes: 0 }));
      used.shardCount += sign;
      used.usedBytes += sign * (headerSize(record.shardSize) + record.shardSize);
    }
    segmentCount += sign;
  };

  const countObject = ({ type, sizeBytes }: ObjectRecord, sign: 1 | -1): void => {
    if (isHostType(type)) return;
    objects.objectCount += sign;
    objects.sizeBytes += sign * sizeBytes;
  };

  return {
    get segmentCount() {
      return segmentCount;
    },
    add: (record) => count(record, 1),
    remove: (record) => count(record, -1),
    margin(answers, domainOf) {
      let margin: number | undefined;
      let domainMargin: number | undefined;
      let degradedSegments = 0;
      for (const { stores, dataShards, shardCount, segments } of patterns.values()) {
        const standing = stores.filter(answers);
        if (standing.length < shardCount) degradedSegments += segments;
        const own = marginOf(standing, dataShards);
        if (margin === undefined || own < margin) margin = own;
        const domains = marginOf(standing.map(domainOf), dataShards);
        if (domainMargin === undefined || domains < domainMargin) domainMargin = domains;
      }
      return { margin, domainMargin, degradedSegments };
    },
    objects,
    addObject: (record) => countObject(record, 1),
    removeObject: (record) => countObject(record, -1),
    usage: (store) => usage.get(store) ?? { shardCount: 0, usedBytes: 0 },
  };
}

/** Stores of the shards that were there when last looked at, one entry per shard. */
export function standingStores(record: SegmentRecord): string[] {
  return record.stores.filter((_store, index) => !record.absent.includes(index));
}

/** How many stores (or domains) may go, the fullest ones first, before fewer than `dataShards` shards are left. */
export function marginOf(standing: readonly string[], dataShards: number): number {
  let left = standing.length;
  if (left < dataShards) return left - dataShards;
  const perStore = new Map<string, number>();
  for (const store of standing) perStore.set(store, (perStore.get(store) ?? 0) + 1);
  let margin = 0;
  for (const shards of [...perStore.values()].toSorted((a, b) => b - a)) {
    left -= shards;
    if (left < dataShards) return margin;
    margin++;
  }
  return margin;
}
