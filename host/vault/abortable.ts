// A source that ends with its reader: an abort is felt at once, also while the source is silent.

import { TwinError } from "../base/errors.ts";

/** Throws `TWIN_ABORTED` when `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** The items of `source`; throws `TWIN_ABORTED` as soon as `signal` aborts. The source is told to stop, but not waited for. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  // One promise per item, not one for all: a race against a long-lived promise keeps every item's reaction.
  let refuse: ((reason: TwinError) => void) | undefined;
  const stop = (): void => refuse?.(abortError(signal));
  signal.addEventListener("abort", stop, { once: true });
  const items = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      throwIfAborted(signal);
      const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T>>();
      refuse = reject;
      items.next().then(resolve, reject);
      const next = await promise;
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    if (!ended) void Promise.resolve(items.return?.()).catch(() => {});
  }
}

/** Waits for `work`, but throws `TWIN_ABORTED` as soon as `signal` aborts; `work` goes on unseen then. */
export async function unlessAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = (): void => reject(abortError(signal));
  signal.addEventListener("abort", stop, { once: true });
  Promise.resolve(work).then(resolve, reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function abortError(signal: AbortSignal): TwinError {
  return new TwinError(
    "TWIN_ABORTED",
    "The caller or the host's stop ended this before it was done.",
    {},
    signal.reason,
  );
}
