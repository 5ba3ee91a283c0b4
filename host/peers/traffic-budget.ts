// What one peer may cost per second: it is slowed down, not refused. A burst is free; after it, whoever asks waits.

import type { Clock } from "../base/clock.ts";

/** A budget that fills up again with time. One per peer. */
export interface TrafficBudget {
  /** Takes `cost` out; resolves at once while there is any left, else when the debt is paid off by time. */
  spend(cost: number): Promise<void>;
}

/** A full budget of `burst`, which gains `perSecond`. */
export function createTrafficBudget(
  clock: Clock,
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
): TrafficBudget {
  let left = burst;
  let atMs = clock.elapsedMs();
  return {
    async spend(cost) {
      const nowMs = clock.elapsedMs();
      left = Math.min(burst, left + ((nowMs - atMs) / 1_000) * perSecond) - cost;
      atMs = nowMs;
      if (left < 0) await clock.sleep((-left / perSecond) * 1_000);
    },
  };
}
