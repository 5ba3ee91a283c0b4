// The objects of shards alone: no index, nothing written, any stores that are left. For the day on which
// everything else is gone.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { base58Encode } from "../identity/base58.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { createBlockReader } from "./block-reader.ts";
import { findObject, listShards, mapBlocks, readSegments } from "./found-segments.ts";
import { guardStore } from "./guarded-store.ts";
import { isHostType, type ObjectInfo, type Vault } from "./object.ts";
import { readObject } from "./object-reader.ts";
import { createManifestCache } from "./manifest-cache.ts";
import { createPace } from "./pace.ts";
import { createReadBuffers } from "./read-buffers.ts";
import { createSegmentReader } from "./segment-reader.ts";
import { createShardReader } from "./shard-reader.ts";
import type { ShardStore } from "./shard-store.ts";
import type { ObjectRecord } from "./vault-index.ts";
import { deriveVaultKeys } from "./vault-keys.ts";
import { storeNamed } from "./vault-parts.ts";

/** What reading shards needs. */
export interface ShardLibraryParts {
  /** The 32-byte vault key. Not kept. */
  readonly key: Uint8Array;
  /** Under distinct names; any k of n shards of each segment are enough. Never written. */
  readonly stores: readonly ShardStore[];
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly log: Log;
}

/** What some stores hold of a vault, at the moment it was opened. */
export interface ShardLibrary {
  /** Every object of which all blocks are there, also ones that the twin has forgotten and not yet swept; without the twin's own snapshots. */
  readonly objects: readonly Omit<ObjectInfo, "durability">[];
  /** As `Vault.read`. Throws `TWIN_OBJECT_LOST` also when the stores know nothing of the object. */
  read: Vault["read"];
}

/** Looks through the stores. Takes as long as reading the table of each segment. */
export async function openShardLibrary(parts: ShardLibraryParts): Promise<ShardLibrary> {
  const { kernels, clock, log } = parts;
  const seal = { keys: deriveVaultKeys(parts.key, kernels), kernels };
  const stores = parts.stores.map((store) => guardStore(store, clock));
  const shards = createShardReader({ seal, store: (name) => storeNamed(stores, name), onBlame: () => {} });
  const segments = createSegmentReader(seal, shards, clock);
  const search = { seal, stores, segments, clock, log };
  const pace = createPace(clock);
  const found = await readSegments(search, await listShards(search), pace);
  const map = mapBlocks(found);
  const records = new Map<string, ObjectRecord>();
  for (const { blocks } of found.values()) {
    for (const { id, kind } of blocks) {
      if (kind !== "root" || records.has(base58Encode(id))) continue;
      const object = await findObject(search, map, id, pace);
      if (object !== undefined) records.set(base58Encode(id), object.record);
    }
  }
  const buffers = createReadBuffers();
  const blocks = createBlockReader({ seal, index: map, segments, buffers });
  const manifests = createManifestCache(blocks);
  const index = { object: (id: Uint8Array) => records.get(base58Encode(id)) };
  const never = new AbortController().signal;
  return {
    objects: [...records].filter(([, { type }]) => !isHostType(type)).map(([id, record]) => ({ id, ...record })),
    async *read(id, range = {}, { signal = never } = {}) {
      if (!records.has(id)) {
        throw new TwinError(
          "TWIN_OBJECT_LOST",
          `These ${stores.length} stores do not hold enough of object ${id}: name more of them.`,
          { object: id, stores: stores.length },
        );
      }
      yield* readObject({ index, blocks, manifests, buffers, clock }, { id, ...range, signal });
    },
  };
}
