// Kernels are synchronous: long work takes a breath now and then, so that the host stays responsive.

import { setImmediate } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";

/** Awaited between pieces of work; lets the event loop turn when the last breath is too long ago. */
export type Pace = () => Promise<void>;

/** Longest stretch of synchronous work between two breaths. */
const STRETCH_MS = 8;

/** A pace that measures with `clock`. One per task: it remembers its last breath. */
export function createPace(clock: Clock): Pace {
  let lastMs = clock.elapsedMs();
  return async () => {
    if (clock.elapsedMs() - lastMs < STRETCH_MS) return;
    await setImmediate();
    lastMs = clock.elapsedMs();
  };
}
