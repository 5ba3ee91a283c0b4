// The vault's stores while it runs: added, drained shard by shard, removed. Nothing is less protected on
// the way: a shard leaves its old place only when it was read back from its new one.

import { TwinError } from "../base/errors.ts";
import { throwIfAborted } from "./abortable.ts";
import { guardStore, type GuardedStore } from "./guarded-store.ts";
import type { DrainOptions, DrainReport, StoreRack } from "./object.ts";
import { createRepairTools, repairSegment } from "./repair.ts";
import type { ShardStore } from "./shard-store.ts";
import { type VaultParts, storeNamed } from "./vault-parts.ts";

/** A drain that finds new shards again and again (puts that had begun before) ends after so many walks. */
const WALKS_MAX = 4;

type RunningDrain = DrainOptions & { readonly signal: AbortSignal };

/** The rack of `parts`, whose list of stores it changes; {@link drainStore} is apart. */
export function createStoreRack(parts: VaultParts): Omit<StoreRack, "drain"> {
  return {
    add: (store) => addStore(parts, store),
    async keep(name) {
      const store = needStore(parts, name);
      store.isDraining = false;
      await store.claim?.();
    },
    setQuota(quotaBytes) {
      parts.quota.bytes = quotaBytes;
    },
    async remove(name, { lost = false } = {}) {
      const store = needStore(parts, name);
      const { shardCount } = parts.census.usage(name);
      if (shardCount > 0 && !lost) {
        throw new TwinError(
          "TWIN_STORE_NEEDED",
          `Store ${name} still holds ${shardCount === 1 ? "a shard" : `${shardCount} shards`}: drain it first. If it is gone for good, remove it as lost, then scrub.`,
          { store: name, shards: shardCount },
        );
      }
      needOthers(parts, store);
      parts.stores.splice(parts.stores.indexOf(store), 1);
      parts.log.info({ store: name, lost }, "a store was removed");
    },
  };
}

async function addStore(parts: VaultParts, store: ShardStore): Promise<void> {
  if (storeNamed(parts.stores, store.name) !== undefined) {
    throw new TwinError("TWIN_CONFIG_INVALID", `There is a store named ${store.name} already: choose another name.`);
  }
  const guarded = guardStore(store, parts.clock);
  await guarded.claim?.();
  // A store that does not take a mark and give it back takes no shard either.
  const problem = await parts.marks.problemOf(guarded);
  if (problem !== undefined) throw new TwinError("TWIN_STORE_FAILED", `Store ${store.name} was not added: ${problem}`);
  parts.stores.push(guarded);
  parts.log.info({ store: store.name, domain: store.domain }, "a store was added");
}

/** Empties a store; see `StoreRack.drain`. */
export async function drainStore(
  parts: VaultParts,
  name: string,
  { signal, onProgress, onStart }: RunningDrain,
): Promise<DrainReport> {
  const store = needStore(parts, name);
  needOthers(parts, store);
  // From here on no new shard goes there.
  store.isDraining = true;
  await onStart?.();
  using tools = createRepairTools(parts);
  let moved = 0;
  let total = parts.census.usage(name).shardCount;
  for (let walk = 0; walk < WALKS_MAX && parts.census.usage(name).shardCount > 0; walk++) {
    for (const record of parts.index.segments()) {
      throwIfAborted(signal);
      if (!record.stores.includes(name)) continue;
      const finding = await repairSegment(parts, record, tools);
      moved += finding.moved;
      total = Math.max(total, moved);
      onProgress?.(moved, total);
    }
  }
  const left = parts.census.usage(name).shardCount;
  parts.log.info({ store: name, moved, left }, "a store was drained");
  return { moved, left };
}

function needStore(parts: VaultParts, name: string): GuardedStore {
  const store = storeNamed(parts.stores, name);
  if (store !== undefined) return store;
  throw new TwinError(
    "TWIN_CONFIG_INVALID",
    `There is no store named ${name}; yours are ${parts.stores.map((known) => known.name).join(", ")}.`,
  );
}

/** A segment needs a store for each of its shards, also when this one is gone. */
function needOthers({ stores, code }: VaultParts, leaving: GuardedStore): void {
  const others = stores.filter((store) => store !== leaving && !store.isDraining).length;
  const needed = code.dataShards + code.parityShards;
  if (others >= needed) return;
  throw new TwinError(
    "TWIN_STORE_NEEDED",
    `Without store ${leaving.name} ${others} stores are left, ${needed} are needed for ${code.dataShards}+${code.parityShards}: add another one first.`,
    { store: leaving.name, others, needed },
  );
}
