// One timer for many waits of which nearly all end before their time. A timer and a signal for each of them cost a
// short read a tenth of its time, and more than that in garbage.

import type { Clock } from "../base/clock.ts";

/** Ends the sleep for an earlier one. Said, because an abort without a reason makes an error with a stack each time. */
const EARLIER = "an earlier alarm";

/** Alarms on one clock. */
export interface Alarms {
  /** Calls `ring` after `delayMs`, unless the function that it answers is called before. */
  set(delayMs: number, ring: () => void): () => void;
}

interface Alarm {
  readonly dueMs: number;
  readonly ring: () => void;
}

/** No alarms yet. A set one does not keep the process alive, as the sleep of `clock` does not. */
export function createAlarms(clock: Clock): Alarms {
  const alarms = new Set<Alarm>();
  let sleeping: { readonly untilMs: number; readonly stop: AbortController } | undefined;

  const sleepUntil = (untilMs: number): void => {
    const stop = new AbortController();
    sleeping = { untilMs, stop };
    clock.sleep(Math.max(0, untilMs - clock.elapsedMs()), { signal: stop.signal }).then(
      () => wake(Math.max(untilMs, clock.elapsedMs())),
      () => {},
    );
  };
  const wake = (atMs: number): void => {
    sleeping = undefined;
    const due = [...alarms].filter(({ dueMs }) => dueMs <= atMs);
    for (const alarm of due) alarms.delete(alarm);
    if (alarms.size > 0) sleepUntil(Math.min(...[...alarms].map(({ dueMs }) => dueMs)));
    for (const { ring } of due) ring();
  };
  return {
    set(delayMs, ring) {
      const alarm = { dueMs: clock.elapsedMs() + delayMs, ring };
      alarms.add(alarm);
      if (sleeping === undefined || alarm.dueMs < sleeping.untilMs) {
        sleeping?.stop.abort(EARLIER);
        sleepUntil(alarm.dueMs);
      }
      return () => alarms.delete(alarm);
    },
  };
}
