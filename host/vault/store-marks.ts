// A small shard in each store says: what the index counts on is here. Its absence is the cheap, certain
// sign that a directory was emptied, swapped or replaced, long before a walk over its shards ends.

import { utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Census } from "./census.ts";
import type { GuardedStore } from "./guarded-store.ts";
import { type ShardSeal, markName } from "./shard.ts";
import { shareCalls } from "./shared-call.ts";

/** The marks of all stores. */
export interface StoreMarks {
  /** What is wrong with one store, in words, or undefined. Marks it when it is not to hold anything yet. */
  problemOf(store: GuardedStore): Promise<string | undefined>;
  /** By store: what is wrong with it, in words, or undefined. Marks stores that are not to hold anything yet. */
  check(): Promise<ReadonlyMap<string, string | undefined>>;
  /** Begins to watch all stores for being emptied. Dispose-free: the watch is a mark of its own. */
  beginTrial(): Promise<void>;
  /** Marks the stores of which nothing was taken since the trial began and for which `isWhole` holds. Ends the trial. */
  endTrial(isWhole: (store: string) => boolean): Promise<void>;
}

/** Which of the twin's stores this one is, by the mark that it bears; undefined when it bears none. */
export async function recogniseStore(
  seal: ShardSeal,
  store: GuardedStore,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const mark = await store.stat(markName(seal, name, "whole")).catch(() => undefined);
    if (mark !== undefined) return name;
  }
  return undefined;
}

/** Marks over `stores`. */
export function createStoreMarks(parts: {
  readonly seal: ShardSeal;
  readonly stores: readonly GuardedStore[];
  readonly census: Census;
  readonly log: Log;
}): StoreMarks {
  const { seal, stores, census, log } = parts;

  const isMarked = async (store: GuardedStore, purpose: "whole" | "trial"): Promise<boolean> =>
    (await store.stat(markName(seal, store.name, purpose))) !== undefined;

  const mark = (store: GuardedStore, purpose: "whole" | "trial"): Promise<void> => {
    const name = markName(seal, store.name, purpose);
    return store.put(name, utf8Encode(name));
  };

  async function problemOf(store: GuardedStore): Promise<string | undefined> {
    try {
      if (await isMarked(store, "whole")) return undefined;
      if (census.usage(store.name).shardCount > 0) {
        return "Its shards are gone or belong to another store. Bring them back, or scrub to make them again.";
      }
      await mark(store, "whole");
      return (await isMarked(store, "whole")) ? undefined : "It forgets what is put.";
    } catch (thrown) {
      if (thrown instanceof TwinError) return thrown.message;
      throw thrown;
    }
  }

  /** Runs `task` for each store; one that fails stays as it is, which only makes it look worse. */
  async function forEachStore(task: (store: GuardedStore) => Promise<void>): Promise<void> {
    await Promise.all(
      stores.map((store) => task(store).catch(() => log.warn({ store: store.name }, "a store could not be marked"))),
    );
  }

  return {
    problemOf,
    // Each put looks; a hundred at once need not all ask.
    check: shareCalls(
      async () =>
        new Map(await Promise.all(stores.map(async (store) => [store.name, await problemOf(store)] as const))),
    ),
    beginTrial: () => forEachStore((store) => mark(store, "trial")),
    endTrial: (isWhole) =>
      forEachStore(async (store) => {
        if (isWhole(store.name) && (await isMarked(store, "trial"))) await mark(store, "whole");
        await store.delete(markName(seal, store.name, "trial"));
      }),
  };
}
