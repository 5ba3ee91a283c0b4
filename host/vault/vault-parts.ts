// What the parts of an open vault share.

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { KernelPool } from "../kernels/pool.ts";
import type { Slabs } from "../kernels/slabs.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Census } from "./census.ts";
import type { DispersalParts } from "./dispersal.ts";
import type { Gate } from "./gate.ts";
import type { ManifestCache } from "./manifest-cache.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import type { VaultJobs } from "./vault-jobs.ts";
import type { SegmentCode, SegmentId } from "./segment.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { ShardSeal } from "./shard.ts";
import type { StoreMarks } from "./store-marks.ts";
import { type SegmentRecord, type VaultIndex, indexWrites } from "./vault-index.ts";

/** One vault's parts, made once by `openVault`. */
export interface VaultParts {
  readonly seal: ShardSeal;
  readonly code: SegmentCode;
  /** k + h: distinct stores that must take a segment before a put is answered. */
  readonly shardsNeeded: number;
  /** So many small segments are not worth a compaction. */
  readonly smallSegmentsKept: number;
  /** Bytes that all objects together may have; changes while the vault is open. */
  readonly quota: { bytes: number | undefined };
  /** Workers for puts and long reads; without them the work is done here. */
  readonly pool: KernelPool<VaultJobs> | undefined;
  readonly dispersal: DispersalParts;
  readonly index: VaultIndex;
  readonly census: Census;
  /** Changes while the vault is open: look at it anew after every wait. */
  readonly stores: GuardedStore[];
  readonly marks: StoreMarks;
  readonly segments: SegmentReader;
  readonly blocks: BlockReader;
  readonly manifests: ManifestCache;
  /** Memory that large puts, walks and long reads share with the workers. */
  readonly slabs: Slabs;
  /** Of short reads, of walks and of long reads of what must be rebuilt. */
  readonly buffers: ReadBuffers;
  /** Segments of puts at work: nothing refers to their shards yet, and yet they are no orphans. */
  readonly active: Set<SegmentId>;
  /** One change of index and census at a time, so that what a change was decided on still holds when it is made. */
  readonly changes: Gate;
  /** Puts at a time that are not small. */
  readonly middlePuts: Gate;
  /** Large puts at a time: each holds some segments in memory. */
  readonly largePuts: Gate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The vault's store of that name. */
export function storeNamed(stores: readonly GuardedStore[], name: string | undefined): GuardedStore | undefined {
  return stores.find((store) => store.name === name);
}

/**
 * Replaces where the segment's shards are and which of them are absent, in index and census. The
 * change is made of the newest record, whatever the caller saw before.
 */
export function changeSegment(
  { index, census, changes }: Pick<VaultParts, "index" | "census" | "changes">,
  id: SegmentId,
  change: (current: SegmentRecord) => SegmentRecord,
): Promise<void> {
  return changes(async () => {
    const current = index.segment(id);
    if (current === undefined) return;
    const next = change(current);
    const isSame = next.absent.join() === current.absent.join() && next.stores.join() === current.stores.join();
    if (isSame && next.adopted === current.adopted) return;
    await index.commit([indexWrites.segment(next)]);
    census.remove(current);
    census.add(next);
  });
}
