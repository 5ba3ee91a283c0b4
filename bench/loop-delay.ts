// How late the event loop of this thread is: what a call that arrives meanwhile waits before it is looked at.

import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 1;

/** Watches from now until it is disposed. */
export interface LoopDelay extends Disposable {
  /** Median and 99th percentile so far. */
  text(): string;
}

/** Starts to watch this thread's loop. */
export function watchLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // What is recorded is the time between two ticks of a timer, which should be the resolution.
  const lateMs = (percentile: number): string =>
    Math.max(0, histogram.percentile(percentile) / 1e6 - RESOLUTION_MS).toFixed(1);
  return {
    text: () => `p50 ${lateMs(50)} ms, p99 ${lateMs(99)} ms`,
    [Symbol.dispose]: () => void histogram.disable(),
  };
}
