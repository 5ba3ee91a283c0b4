// Rounds of work that measures itself.

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

/** Seconds that `act` takes. */
export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1_000;
}
