// Places the shards of a segment on stores: distinct domains first, every shard durable and read back in
// part before it counts, a spare store for each that fails. Below the bar nothing is left behind.

import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { SegmentShape } from "./segment.ts";
import { type ShardSeal, headerSize, leafCount, leafRange, shardName } from "./shard.ts";
import type { ShardRange } from "./shard-store.ts";
import type { SegmentRecord } from "./vault-index.ts";

/** What placing needs. */
export interface DispersalParts {
  readonly seal: ShardSeal;
  readonly stores: readonly GuardedStore[];
  /** Shards that must stand, on as many distinct stores: k + h. */
  readonly shardsNeeded: number;
  readonly random: Random;
  readonly log: Log;
}

/** A segment on its stores. */
export interface Placed {
  readonly record: SegmentRecord;
  /** Whether every store is done with the bytes it was given; one that was late may still read them. */
  readonly isQuiet: boolean;
}

/**
 * Puts the shards and answers where they stand. Throws `TWIN_STORE_FAILED` (`TWIN_STORE_FULL` when
 * every failure was a full store) when fewer than `shardsNeeded` stores took theirs; those that did
 * are asked to delete them again.
 */
export async function disperse(
  parts: DispersalParts,
  shape: SegmentShape,
  shards: readonly Uint8Array[],
): Promise<Placed> {
  const { seal, stores, shardsNeeded } = parts;
  const queue = placementOrder(stores, Number.parseInt(shape.id.slice(0, 6), 16));
  const homes = queue.splice(0, shards.length);
  const failures: TwinError[] = [];
  const placed = await Promise.all(
    shards.map(async (shard, index) => {
      for (let store = homes[index]; store !== undefined; store = queue.shift()) {
        const put = { store, name: shardName(seal, shape.id, index), shard };
        const failure = await putChecked(put, sampleOf(shape, parts.random));
        if (failure === undefined) return store.name;
        failures.push(failure);
        parts.log.warn({ store: store.name, code: failure.code }, "a store did not take a shard");
      }
      return undefined;
    }),
  );
  const record = {
    ...shape,
    stores: placed.map((name, index) => name ?? homes[index]?.name ?? ""),
    absent: placed.flatMap((name, index) => (name === undefined ? [index] : [])),
  };
  const standing = placed.length - record.absent.length;
  if (standing >= shardsNeeded) return { record, isQuiet: failures.length === 0 };
  await discardShards(parts, record);
  throw refusal(failures, standing, shardsNeeded);
}

/** Deletes the shards of a segment that nothing refers to, as far as the stores let it; scrub finds the rest. */
export async function discardShards(
  { seal, stores }: Pick<DispersalParts, "seal" | "stores">,
  record: SegmentRecord,
): Promise<void> {
  await Promise.allSettled(
    record.stores.map(async (name, index) => {
      await stores.find((store) => store.name === name)?.delete(shardName(seal, record.id, index));
    }),
  );
}

/** A shard for a store. */
export interface ShardPut {
  readonly store: GuardedStore;
  readonly name: string;
  readonly shard: Uint8Array;
}

/** Puts one shard and reads the `ranges` of it back. Answers why it does not stand, or undefined. */
export async function putChecked(
  { store, name, shard }: ShardPut,
  ranges: readonly (ShardRange & { readonly offset: number; readonly sizeBytes: number })[],
): Promise<TwinError | undefined> {
  try {
    await store.put(name, shard);
    for (const range of ranges) {
      const back = await store.get(name, range);
      const sent = shard.subarray(range.offset, range.offset + range.sizeBytes);
      if (back === undefined || Buffer.compare(back, sent) !== 0) {
        return new TwinError("TWIN_STORE_FAILED", `Store ${store.name} took a shard and gave other bytes back.`, {
          store: store.name,
        });
      }
    }
    return undefined;
  } catch (thrown) {
    if (thrown instanceof TwinError) return thrown;
    throw thrown;
  }
}

/** A shard's header and one leaf at random. */
function sampleOf(
  { shardSize }: SegmentShape,
  random: Random,
): { readonly offset: number; readonly sizeBytes: number }[] {
  const header = headerSize(shardSize);
  const leaf = leafRange(shardSize, pick(random, leafCount(shardSize)));
  return [
    { offset: 0, sizeBytes: header },
    { offset: header + leaf.offset, sizeBytes: leaf.sizeBytes },
  ];
}

/**
 * The stores in the order in which they are given shards: one of each domain before a second of any,
 * those that failed a moment ago last, rotated by `turn` so that load spreads. Draining ones get none.
 */
export function placementOrder(stores: readonly GuardedStore[], turn: number): GuardedStore[] {
  const open = stores.filter((store) => !store.isDraining);
  const rotated = open.map((_store, index) => open[(index + turn) % open.length]!);
  const seen = new Map<string, number>();
  return rotated
    .map((store) => {
      const round = seen.get(store.domain) ?? 0;
      seen.set(store.domain, round + 1);
      return { store, rank: store.isSuspect() ? Number.MAX_SAFE_INTEGER : round };
    })
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ store }) => store);
}

function refusal(failures: readonly TwinError[], standing: number, needed: number): TwinError {
  const full = failures.length > 0 && failures.every(({ code }) => code === "TWIN_STORE_FULL");
  const advice = full ? "free space or add a store" : "bring the failing stores back or add one";
  return new TwinError(
    full ? "TWIN_STORE_FULL" : "TWIN_STORE_FAILED",
    `${standing} stores took their shard, ${needed} must: nothing was stored; ${advice} and put again.`,
    { standing, needed },
    failures[0],
  );
}

/** A number below `count`, up to 65,535, near enough to uniform for sampling. */
function pick(random: Random, count: number): number {
  const [low = 0, high = 0] = random.bytes(2);
  return (low + high * 256) % count;
}
