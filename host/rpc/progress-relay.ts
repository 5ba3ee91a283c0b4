// Tells a remote listener how far long work is: one message in flight, always the newest.

import type { Progress } from "../vault/object.ts";
import { holdFunction } from "./remote-function.ts";

/** Reports until disposed; then the listener has heard the last report, unless it failed. */
export interface ProgressRelay extends AsyncDisposable {
  readonly report: Progress;
}

/** Relays to the remote function `onProgress`, or to nobody when it is absent. A listener that fails is not told more; the work goes on. */
export function openProgressRelay(onProgress: unknown): ProgressRelay {
  const listener = holdFunction<[done: number, total: number | undefined]>(onProgress, "onProgress");
  let newest: [done: number, total: number | undefined] | undefined;
  let sending: Promise<void> | undefined;
  const send = async (): Promise<void> => {
    while (newest !== undefined) {
      const next = newest;
      newest = undefined;
      await listener?.call(...next);
    }
  };
  return {
    report: (done, total) => {
      newest = [done, total];
      sending ??= send()
        .catch(() => {})
        .finally(() => (sending = undefined));
    },
    [Symbol.asyncDispose]: async () => {
      await sending;
      listener?.[Symbol.dispose]();
    },
  };
}
