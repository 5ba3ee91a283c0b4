// Lets a bounded number of tasks run at a time; the others wait in order.

/** Runs tasks through the gate. A task that throws frees its place. */
export type Gate = <T>(task: () => Promise<T>) => Promise<T>;

/** A gate that is `width` wide; 1 runs tasks one after the other. */
export function createGate(width: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running === width) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      await promise;
    } else {
      running++;
    }
    try {
      return await task();
    } finally {
      // The place passes on to the next in line, so that nobody slips in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
