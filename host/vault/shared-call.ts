// One look at something for all who ask at once.

/**
 * `call`, at most once at a time. Who asks while it is at work shares the next one with all who do: nobody is told
 * what was seen before they asked.
 */
export function shareCalls<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;

  const begin = (): Promise<T> => {
    const own = call().finally(() => {
      if (running === own) running = undefined;
    });
    running = own;
    return own;
  };

  return () => {
    if (running === undefined) return begin();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
}
