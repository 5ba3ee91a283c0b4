// A store behind a deadline: whatever it does (hang, throw nonsense, answer too much), the vault meets
// an answer or a typed error in bounded time, and remembers for a while that the store failed.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createAlarms } from "./alarms.ts";
import type { ShardRange, ShardStat, ShardStore } from "./shard-store.ts";

/** A {@link ShardStore} that always answers in time. Its errors are `TWIN_STORE_FAILED` or `TWIN_STORE_FULL`. */
export interface GuardedStore extends ShardStore {
  /** Whether it failed a moment ago: ask others first. */
  isSuspect(): boolean;
  /** It was slow while others answered: ask others first for a while. */
  noteSlow(): void;
  /** Whether it is being emptied: it takes no new shards. */
  isDraining: boolean;
}

/** Guards `store`; time is that of `clock`. */
export function guardStore(store: ShardStore, clock: Clock): GuardedStore {
  const deadlines = createAlarms(clock);
  let suspectUntilMs = Number.NEGATIVE_INFINITY;

  /** Runs one operation under a deadline; a failure makes the store suspect, an answer clears it. */
  async function guard<T>(operation: () => Promise<T>, timeoutMs: number): Promise<T> {
    try {
      const answer = await withDeadline(operation, timeoutMs);
      suspectUntilMs = Number.NEGATIVE_INFINITY;
      return answer;
    } catch (cause) {
      suspectUntilMs = clock.elapsedMs() + LIMITS.vault.storeSuspectMs;
      throw storeError(store.name, cause);
    }
  }

  function withDeadline<T>(operation: () => Promise<T>, timeoutMs: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const inTime = deadlines.set(timeoutMs, () =>
      reject(new TwinError("TWIN_STORE_FAILED", `Store ${store.name} did not answer within ${timeoutMs} ms.`)),
    );
    Promise.try(operation).then(resolve, reject).finally(inTime);
    return promise;
  }

  const { storeReadTimeoutMs, storeReadBytesPerSecond, storeWriteTimeoutMs } = LIMITS.vault;

  async function get(name: string, range?: ShardRange): Promise<Uint8Array | undefined> {
    const bytes = await store.get(name, range);
    if (bytes === undefined || range?.sizeBytes === undefined || bytes.length <= range.sizeBytes) return bytes;
    throw new TwinError("TWIN_STORE_FAILED", `Store ${store.name} gave more than it was asked for.`);
  }

  return {
    name: store.name,
    domain: store.domain,
    capacityBytes: store.capacityBytes,
    isDraining: false,
    noteSlow() {
      suspectUntilMs = clock.elapsedMs() + LIMITS.vault.storeSuspectMs;
    },
    isSuspect: () => clock.elapsedMs() < suspectUntilMs,
    put: (name, data) => guard(() => store.put(name, data), storeWriteTimeoutMs),
    get: (name, range?: ShardRange) =>
      guard(() => get(name, range), storeReadTimeoutMs + ((range?.sizeBytes ?? 0) / storeReadBytesPerSecond) * 1_000),
    stat: (name) => guard(() => store.stat(name), storeReadTimeoutMs),
    delete: (name) => guard(() => store.delete(name), storeWriteTimeoutMs),
    ...(store.leafHashes === undefined
      ? {}
      : {
          leafHashes: (name: string, offset: number) =>
            guard(() => store.leafHashes!(name, offset), storeWriteTimeoutMs),
        }),
    ...(store.claim === undefined ? {} : { claim: () => guard(() => store.claim!(), storeWriteTimeoutMs) }),
    list: () => guardList(store, clock, guard),
  };
}

/** The list of a store, which must come on: a bounded time for all of it that grows with each name. */
async function* guardList(
  store: ShardStore,
  clock: Clock,
  guard: <T>(operation: () => Promise<T>, timeoutMs: number) => Promise<T>,
): AsyncGenerator<ShardStat, void, undefined> {
  const { storeWriteTimeoutMs, storeListCount, storeListMsPerName } = LIMITS.vault;
  const names = store.list()[Symbol.asyncIterator]();
  let waitedMs = 0;
  try {
    for (let count = 0; ; count++) {
      const askedMs = clock.elapsedMs();
      const leftMs = storeWriteTimeoutMs + count * storeListMsPerName - waitedMs;
      const next = await guard(
        () => {
          if (count > storeListCount || leftMs <= 0) throw new Error("The list has no end.");
          return names.next();
        },
        Math.min(leftMs, storeWriteTimeoutMs),
      );
      if (next.done === true) return;
      waitedMs += clock.elapsedMs() - askedMs;
      yield next.value;
    }
  } finally {
    void names.return?.().catch(() => {});
  }
}

function storeError(name: string, cause: unknown): TwinError {
  if (cause instanceof TwinError && (cause.code === "TWIN_STORE_FAILED" || cause.code === "TWIN_STORE_FULL"))
    return cause;
  return new TwinError(
    "TWIN_STORE_FAILED",
    `Store ${name} failed: see the cause, bring it back, then scrub.`,
    { store: name },
    cause,
  );
}
