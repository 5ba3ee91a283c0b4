// Puts a vault together over its stores and its index, and offers it as one `Vault`.

import { extname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { createSlabs } from "../kernels/slabs.ts";
import type { StateStore } from "../state/state-store.ts";
import { rebuildIndex } from "./adopt-segments.ts";
import { createBlockReader } from "./block-reader.ts";
import { createCensus } from "./census.ts";
import { createGate } from "./gate.ts";
import { createManifestCache } from "./manifest-cache.ts";
import { guardStore } from "./guarded-store.ts";
import type { Vault } from "./object.ts";
import type { VaultJobs } from "./vault-jobs.ts";
import type { SegmentCode } from "./segment.ts";
import { createReadBuffers } from "./read-buffers.ts";
import { createSegmentReader } from "./segment-reader.ts";
import { type Blame, createShardReader } from "./shard-reader.ts";
import type { ShardStore } from "./shard-store.ts";
import { createStoreMarks } from "./store-marks.ts";
import { createVaultIndex, type SegmentRecord } from "./vault-index.ts";
import { deriveVaultKeys } from "./vault-keys.ts";
import { createVaultDoor } from "./vault-door.ts";
import { type VaultParts, changeSegment, storeNamed } from "./vault-parts.ts";

/** The module of jobs that a pool for vaults is opened with. */
export const VAULT_JOBS: URL = new URL(`./vault-jobs${extname(import.meta.url)}`, import.meta.url);

const SMALL_SEGMENTS_KEPT = 15;

/** What {@link openVault} needs. */
export interface VaultOptions {
  /** The 32-byte vault key. Not kept: subkeys are derived from it. */
  readonly key: Uint8Array;
  /** Where the index lives. Stays the caller's, who disposes it after the vault. */
  readonly index: StateStore;
  /** At least k + m, under distinct names. */
  readonly stores: readonly ShardStore[];
  /** Names of stores that are being emptied. */
  readonly draining?: readonly string[] | undefined;
  /** How new segments are cut. Old ones stay as they are. */
  readonly code: SegmentCode & {
    /** Stores beyond k that must take a segment before a put is answered; default m: all of them. */
    readonly happiness?: number | undefined;
  };
  /** Bytes that all objects together may have; absent: no bound. */
  readonly quotaBytes?: number | undefined;
  /** So many small segments a compaction leaves as they are; more become one. Default 15. */
  readonly smallSegmentsKept?: number | undefined;
  readonly kernels: Kernels;
  /** Workers that do the heavy part of puts and long reads, opened with {@link VAULT_JOBS}. Stays the caller's, who disposes it after the vault. */
  readonly pool?: KernelPool<VaultJobs> | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Opens the vault. An empty index over stores that hold shards of this vault is rebuilt from them
 * first. Throws `TWIN_CONFIG_INVALID` for a code or stores that cannot work together.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  checkOptions(options);
  const { code, kernels, clock, random, log } = options;
  const seal = { keys: deriveVaultKeys(options.key, kernels), kernels };
  const stores = options.stores.map((store) => guardStore(store, clock));
  for (const store of stores) store.isDraining = options.draining?.includes(store.name) === true;
  const index = createVaultIndex(options.index);
  const census = createCensus();
  const changes = createGate(1);
  const shardsNeeded = code.dataShards + (code.happiness ?? code.parityShards);
  const shards = createShardReader({
    seal,
    store: (name) => storeNamed(stores, name),
    onBlame: createBlameBook({ index, census, changes, log }),
  });
  const segments = createSegmentReader(seal, shards, clock);
  const slabs = options.pool?.slabs ?? createSlabs();
  const buffers = createReadBuffers(slabs);
  const blocks = createBlockReader({ seal, index, segments, buffers, pool: options.pool });
  const parts: VaultParts = {
    seal,
    code: { dataShards: code.dataShards, parityShards: code.parityShards },
    shardsNeeded,
    quota: { bytes: options.quotaBytes },
    smallSegmentsKept: options.smallSegmentsKept ?? SMALL_SEGMENTS_KEPT,
    pool: options.pool,
    index,
    census,
    changes,
    stores,
    segments,
    blocks,
    slabs,
    buffers,
    manifests: createManifestCache(blocks),
    marks: createStoreMarks({ seal, stores, census, log }),
    dispersal: { seal, stores, shardsNeeded, random, log },
    active: new Set(),
    middlePuts: createGate(LIMITS.vault.middlePutCount),
    largePuts: createGate(LIMITS.vault.largePutCount),
    clock,
    random,
    log,
  };
  for (const record of index.segments()) census.add(record);
  for (const { record } of index.objects()) census.addObject(record);
  if (census.segmentCount === 0) {
    await rebuildIndex(parts);
    // A new vault misses nothing anywhere. Later an empty place may be one whose disk is away, also when nothing is expected there.
    if (census.segmentCount === 0) await Promise.allSettled(stores.map(async (store) => store.claim?.()));
  }
  return createVaultDoor(parts);
}

/** Writes each blamed shard down as absent, once, so that the margin tells of it before the next scrub. */
function createBlameBook(
  parts: Pick<VaultParts, "index" | "census" | "changes" | "log">,
): (segment: SegmentRecord, index: number, blame: Blame) => void {
  const pending = new Set<string>();
  return (segment, index, blame) => {
    const key = `${segment.id} ${index}`;
    if (pending.has(key) || parts.index.segment(segment.id)?.absent.includes(index) !== false) return;
    pending.add(key);
    parts.log.warn({ segment: segment.id, shard: index, store: segment.stores[index], blame }, "a shard is not whole");
    changeSegment(parts, segment.id, (current) => ({
      ...current,
      absent: [...new Set([...current.absent, index])].toSorted((left, right) => left - right),
    }))
      .catch(() => parts.log.warn({ segment: segment.id }, "a missing shard could not be noted"))
      .finally(() => pending.delete(key));
  };
}

function checkOptions({ code, stores }: VaultOptions): void {
  const { dataShards, parityShards, happiness = parityShards } = code;
  const count = dataShards + parityShards;
  const isCode = [dataShards, parityShards, happiness].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!isCode || dataShards < 1 || parityShards < 1 || happiness > parityShards || count > LIMITS.vault.shardCount) {
    throw new TwinError(
      "TWIN_CONFIG_INVALID",
      `A code of ${dataShards} data and ${parityShards} parity shards cannot be: at least 1 of each, at most ${LIMITS.vault.shardCount} in all.`,
    );
  }
  if (new Set(stores.map(({ name }) => name)).size !== stores.length) {
    throw new TwinError("TWIN_CONFIG_INVALID", "Two stores have one name: give each its own.");
  }
  if (stores.length < count) {
    throw new TwinError(
      "TWIN_CONFIG_INVALID",
      `${dataShards}+${parityShards} shards need ${count} stores, there are ${stores.length}: add stores or take a smaller code.`,
    );
  }
}
