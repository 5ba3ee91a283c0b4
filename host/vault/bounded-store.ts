// A store that takes no more bytes than it is given, counted exactly: by its list once, then by what goes in and out.

import { TwinError } from "../base/errors.ts";
import type { ShardStore } from "./shard-store.ts";

/** A store with a bound. */
export interface BoundedStore extends ShardStore {
  /** What it holds, by name; live. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  usedBytes(): Promise<number>;
}

/** `store` with room for `capacityBytes()`, asked at each put: beyond, it is full. Nobody else may write to the store meanwhile. */
export function boundStore(store: ShardStore, capacityBytes: () => number): BoundedStore {
  const sizes = new Map<string, number>();
  let usedBytes = 0;
  let counted: Promise<void> | undefined;

  const note = (name: string, sizeBytes: number | undefined): void => {
    usedBytes += (sizeBytes ?? 0) - (sizes.get(name) ?? 0);
    if (sizeBytes === undefined) sizes.delete(name);
    else sizes.set(name, sizeBytes);
  };
  const count = (): Promise<void> => {
    counted ??= (async () => {
      for await (const { name, sizeBytes } of store.list()) note(name, sizeBytes);
    })();
    // A list that broke off is begun anew.
    counted.catch(() => {
      counted = undefined;
      sizes.clear();
      usedBytes = 0;
    });
    return counted;
  };

  return {
    ...store,
    async put(name, data) {
      await count();
      if (usedBytes - (sizes.get(name) ?? 0) + data.length > capacityBytes()) {
        throw new TwinError(
          "TWIN_STORE_FULL",
          `Store ${store.name} has room for ${capacityBytes()} bytes and holds ${usedBytes}: give it more, or add a store.`,
          { store: store.name, capacityBytes: capacityBytes(), usedBytes },
        );
      }
      // Counted first: another put must not use the same room.
      note(name, data.length);
      try {
        await store.put(name, data);
      } catch (thrown) {
        // Part of it may stand; what is there is what counts.
        note(name, (await store.stat(name).catch(() => undefined))?.sizeBytes);
        throw thrown;
      }
    },
    async delete(name) {
      await store.delete(name);
      if (counted === undefined) return;
      await count();
      note(name, undefined);
    },
    async sizes() {
      await count();
      return sizes;
    },
    async usedBytes() {
      await count();
      return usedBytes;
    },
  };
}
