// A shard store in memory, whose shards a test can reach.

import type { ShardStore } from "../../host/vault/shard-store.ts";

/** A store that forgets everything when the process ends; `shards` is what it holds. */
export interface MemoryShardStore extends ShardStore {
  readonly shards: Map<string, Uint8Array>;
}

/** An empty store. */
export function createMemoryShardStore(name: string, domain = name): MemoryShardStore {
  const shards = new Map<string, Uint8Array>();
  return {
    name,
    domain,
    shards,
    put: async (shard, data) => {
      shards.set(checked(shard), data.slice());
    },
    async get(shard, { offset = 0, sizeBytes = Number.POSITIVE_INFINITY, into } = {}) {
      const part = shards.get(checked(shard))?.subarray(offset, offset + sizeBytes);
      if (part === undefined || into === undefined || into.length < part.length) return part?.slice();
      into.set(part);
      return into.subarray(0, part.length);
    },
    stat: async (shard) => {
      const data = shards.get(checked(shard));
      return data && { name: shard, sizeBytes: data.length };
    },
    delete: async (shard) => {
      shards.delete(checked(shard));
    },
    async *list() {
      for (const [shard, data] of shards) yield { name: shard, sizeBytes: data.length };
    },
  };
}

function checked(name: string): string {
  if (!/^[a-z0-9.-]{1,128}$/.test(name)) throw new RangeError("name");
  return name;
}
