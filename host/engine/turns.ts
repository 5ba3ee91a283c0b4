// Turns among the requests of a worker, for work of guests that is no request of its own: timers that
// fire, calls that tasks make, and tasks that go on after a wait.

/** Who gives turns. */
export interface Turns {
  /** Runs `work` when it is the caller's turn; settles as it does. */
  perform<Result>(caller: string, work: () => Promise<Result>): Promise<Result>;
  /** Resolves when it is the caller's turn. What waits for that runs at once, before anything else does, on the caller's account. */
  resume(caller: string): Promise<void>;
}

/** Without a queue it is always everybody's turn. */
export const NO_QUEUE: Turns = {
  perform: (_, work) => work(),
  resume: () => Promise.resolve(),
};
