// Time is a parameter: every part that needs it receives a Clock. This file and the composition
// root are the only ones that read the machine's clock.

/** The time of day, and waiting. A fake one drives tests in virtual time. */
export interface Clock {
  /** Milliseconds since the Unix epoch, a whole number. May jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds of a clock that never jumps, for measuring durations. Fractional. */
  elapsedMs(): number;
  /** Resolves after `delayMs`, or rejects with the signal's reason at once when it aborts. */
  sleep(delayMs: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** The machine's clock. A sleeping timer does not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  sleep: (delayMs, { signal } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, delayMs);
    timer.unref();
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  },
};
