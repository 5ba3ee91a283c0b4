// Time that passes when a test says so.

import type { Clock } from "../../host/base/clock.ts";

/** A clock at a fixed start. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: who sleeps until then wakes, in order. */
  advance(ms: number): void;
  /** How many sleep now. */
  readonly sleeperCount: number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is advanced. */
export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let elapsedMs = 0;
  let sleepers: Sleeper[] = [];
  return {
    nowMs: () => startMs + elapsedMs,
    elapsedMs: () => elapsedMs,
    sleep: (delayMs, { signal } = {}) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { atMs: elapsedMs + delayMs, wake: resolve };
      sleepers.push(sleeper);
      signal?.addEventListener(
        "abort",
        () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        },
        { once: true },
      );
      return promise;
    },
    get sleeperCount() {
      return sleepers.length;
    },
    advance(ms) {
      elapsedMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= elapsedMs).toSorted((a, b) => a.atMs - b.atMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > elapsedMs);
      for (const { wake } of due) wake();
    },
  };
}

/** A clock on which every wait is over in the next turn of the event loop: who tries again for ever still lets the test end. */
export function createEagerClock(): Clock {
  return { ...createManualClock(), sleep: () => new Promise((resolve) => setImmediate(resolve)) };
}
