// From what the owner wrote to a store.

import { stat } from "node:fs/promises";
import { dirname } from "node:path";

import { boundStore } from "./bounded-store.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { openDirectoryShardStore } from "./directory-shard-store.ts";
import { openMountedShardStore } from "./mounted-shard-store.ts";
import { createRedisShardStore } from "./redis-shard-store.ts";
import { createS3ShardStore } from "./s3-shard-store.ts";
import type { ShardStore } from "./shard-store.ts";
import { domainOfLocation, type StoreLocation } from "./store-location.ts";

/** A store as it is configured. */
export interface StoreEntry {
  readonly name: string;
  readonly location: StoreLocation;
  /** What fails together with it; when absent: the directory's disk, or the service. */
  readonly domain?: string | undefined;
  /** So many bytes it takes; absent: as many as there is room for. */
  readonly capacityBytes?: number | undefined;
  /** Whether the disk of a directory comes and goes: an empty folder is then none of the store's. */
  readonly isMounted?: boolean | undefined;
}

/** Opens a store over another twin's host. */
export type OpenTwinStore = (place: {
  readonly name: string;
  readonly domain: string;
  readonly twin: TwinId;
}) => ShardStore;

/** Opens the store. Only a directory is touched; others are asked with the first operation. Throws `TWIN_STORE_FAILED`. */
export async function openStore(entry: StoreEntry, openTwinStore: OpenTwinStore): Promise<ShardStore> {
  const { capacityBytes } = entry;
  const store = await openAt(entry, openTwinStore);
  return capacityBytes === undefined ? store : { ...boundStore(store, () => capacityBytes), capacityBytes };
}

async function openAt(entry: StoreEntry, openTwinStore: OpenTwinStore): Promise<ShardStore> {
  const { name, location } = entry;
  const domain = entry.domain ?? domainOfLocation(location) ?? "";
  switch (location.kind) {
    case "directory": {
      const place = { name, domain: entry.domain ?? (await diskOf(location.path)), path: location.path };
      return entry.isMounted === true ? openMountedShardStore(place) : openDirectoryShardStore(place);
    }
    case "s3":
      return createS3ShardStore({ ...location, name, domain });
    case "redis":
      return createRedisShardStore({ ...location, name, domain });
  }
  return openTwinStore({ name, domain, twin: location.twin });
}

/** Names the file system that holds `path` or the nearest folder above it that exists. */
export async function diskOf(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found !== undefined) return `disk ${found.dev}`;
    if (folder === dirname(folder)) return "disk";
  }
}
