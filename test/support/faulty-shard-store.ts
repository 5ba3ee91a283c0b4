// A shard store that misbehaves as it is told, around one that does not.

import { TwinError } from "../../host/base/errors.ts";
import type { ShardStore } from "../../host/vault/shard-store.ts";
import { createMemoryShardStore, type MemoryShardStore } from "./memory-shard-store.ts";

/**
 * - `gone`: holds nothing and takes nothing.
 * - `failing`: every operation throws, and not even an error of ours.
 * - `hanging`: no operation ever answers.
 * - `full`: takes nothing more.
 * - `forgetful`: says that it stored and did not.
 * - `lying`: flips a bit of all that it gives.
 * - `short`: gives one byte less than it has.
 */
export type Fault = "none" | "gone" | "failing" | "hanging" | "full" | "forgetful" | "lying" | "short";

/** A store over memory whose `fault` a test sets. */
export interface FaultyShardStore extends ShardStore {
  readonly inner: MemoryShardStore;
  fault: Fault;
}

/** A store without a fault yet. */
export function createFaultyShardStore(name: string, domain = name): FaultyShardStore {
  const inner = createMemoryShardStore(name, domain);
  const strike = async (): Promise<void> => {
    if (store.fault === "failing") throw new Error("the disk is on fire");
    if (store.fault === "hanging") await new Promise<never>(() => {});
  };
  const store: FaultyShardStore = {
    name,
    domain,
    inner,
    fault: "none",
    async put(shard, data) {
      await strike();
      if (store.fault === "full") throw new TwinError("TWIN_STORE_FULL", `Store ${name} is full.`);
      if (store.fault === "gone") throw new TwinError("TWIN_STORE_FAILED", `Store ${name} is gone.`);
      if (store.fault !== "forgetful") await inner.put(shard, data);
    },
    async get(shard, range) {
      await strike();
      const data = store.fault === "gone" ? undefined : await inner.get(shard, range);
      if (store.fault === "lying" && data !== undefined && data.length > 0) data[data.length >> 1]! ^= 1;
      return store.fault === "short" ? data?.subarray(0, -1) : data;
    },
    async stat(shard) {
      await strike();
      return store.fault === "gone" ? undefined : inner.stat(shard);
    },
    async delete(shard) {
      await strike();
      await inner.delete(shard);
    },
    async *list() {
      await strike();
      if (store.fault !== "gone") yield* inner.list();
    },
  };
  return store;
}
