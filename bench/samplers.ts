// Rounds of work that measures itself.

import { quantile } from "./measure.ts";

const MEDIAN_COUNT_MIN = 200;

/**
 * Runs `operate` again and again, `width` at a time, for about `sliceMs`; answers seconds for one.
 * `operate` gets a number that is another one at each call.
 */
export function createConcurrentSampler(
  width: number,
  operate: (index: number) => Promise<unknown>,
): (sliceMs: number) => Promise<number> {
  let next = 0;
  return async (sliceMs) => {
    const started = performance.now();
    let done = 0;
    const work = async (): Promise<void> => {
      do {
        await operate(next++);
        done++;
      } while (performance.now() - started < sliceMs);
    };
    await Promise.all(Array.from({ length: width }, work));
    return (performance.now() - started) / 1_000 / done;
  };
}

/**
 * Runs `operate` one after another for about `sliceMs` and some hundred times; answers the median of their seconds, and tells
 * `onSlice` the 99th percentile of all so far: of one slice it would be that of its second slowest.
 */
export function createMedianSampler(
  operate: (index: number) => Promise<unknown>,
  onSlice: (p99Seconds: number) => void,
): (sliceMs: number) => Promise<number> {
  let next = 0;
  const all: number[] = [];
  return async (sliceMs) => {
    const started = performance.now();
    const times: number[] = [];
    do times.push(await secondsOf(() => operate(next++)));
    while (performance.now() - started < sliceMs || times.length < MEDIAN_COUNT_MIN);
    all.push(...times);
    onSlice(quantile(inOrder(all), 0.99));
    return quantile(inOrder(times), 0.5);
  };
}

function inOrder(times: readonly number[]): number[] {
  return times.toSorted((left, right) => left - right);
}

/** Seconds that `act` takes. */
export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1_000;
}
