// The commits of one twin: what rides with them, who waits for them, and what one that fails undoes.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { SnapshotStateStore, StateWrite } from "../state/state-store.ts";
import type { Turns } from "./turns.ts";

/** What commits are made of. */
export interface CommitsParts {
  readonly store: Pick<SnapshotStateStore, "commit" | "accompany">;
  readonly clock: Clock;
  readonly log: Log;
  /** What waits for a commit that takes it along: receipts, recordings, how the outbox stands. */
  readonly drain: () => StateWrite[];
  /** Whose turn it is, when there is work that may wait. */
  readonly turns: Pick<Turns, "perform">;
  /** Called when one has failed: what is in memory has run ahead of what is on disk. */
  readonly onFailure: () => void;
}

/** One after the other, each durable before those that come later. */
export class Commits {
  readonly #parts: CommitsParts;
  /** The last commit, as long as it is not durable. */
  #pending: Promise<void> | undefined;
  #flushing = false;
  #stopped = false;

  constructor(parts: CommitsParts) {
    this.#parts = parts;
    // Receipts ride in the record of whatever commits next.
    parts.store.accompany(parts.drain);
  }

  /** Whether all of them are durable. */
  get areDurable(): boolean {
    return this.#pending === undefined;
  }

  /** Resolves when everything that was committed so far is durable; rejects when the last of it has failed. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  /** Commits `writes`, and with them what waits for that. Resolves when they are durable. */
  commit(writes: readonly StateWrite[]): Promise<void> {
    let durable: Promise<void>;
    try {
      durable = this.#parts.store.commit(writes);
    } catch (thrown) {
      this.#parts.onFailure();
      throw thrown;
    }
    this.#pending = durable;
    const settle = (): void => {
      if (this.#pending === durable) this.#pending = undefined;
    };
    return durable.then(settle, (thrown: unknown) => {
      settle();
      this.#parts.onFailure();
      throw thrown;
    });
  }

  /** Commits what waits for something to commit with. */
  flush(): Promise<void> {
    return this.commit(this.#parts.drain());
  }

  /** The same a little later, for many at once. */
  flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const { clock, log, turns } = this.#parts;
    const flush = async (): Promise<void> => {
      if (!this.#stopped) await this.flush();
    };
    void clock
      .sleep(LIMITS.engine.receiptFlushMs)
      // Behind who waits for an answer: after the death of a worker they are a thousand.
      .then(() => (this.#stopped ? undefined : turns.perform("own", flush)))
      .catch((thrown: unknown) => log.error({ err: thrown }, "Receipts could not be written."))
      .finally(() => {
        this.#flushing = false;
      });
  }

  /** Nothing is flushed later any more. */
  stop(): void {
    this.#stopped = true;
  }
}
