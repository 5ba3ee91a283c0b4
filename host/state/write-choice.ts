// Whether a group is written by the worker itself. That saves two changes of thread, a good part of what
// a single command takes; and whoever comes meanwhile waits for the disk.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";

/** What the choice rests on. */
export interface WriteChoiceParts {
  readonly clock: Clock;
  /** Whether nobody but who has just committed has had anything to do lately. */
  readonly isAlone: () => boolean;
}

/** So much trust is needed, and so much there can be: a quick write earns 1. */
const TRUST_NEEDED = 16;
const TRUST_MAX = 32;
/** What a slow write costs, for each `LIMITS.state.quickWriteUs` of it: slow ones may add a quarter of that to the mean. */
const SLOW_PRICE = 4;

/** Learns how quick the disk is from every write. */
export class WriteChoice {
  readonly #parts: WriteChoiceParts;
  #trust = 0;

  constructor(parts: WriteChoiceParts) {
    this.#parts = parts;
  }

  /** Asked once before each write. */
  isHere(): boolean {
    const isAlone = this.#parts.isAlone();
    return isAlone && this.#trust >= TRUST_NEEDED;
  }

  /** Runs one write and notes how long it took. Rejects as it does, also when it throws. */
  async timed(write: () => void | Promise<void>): Promise<void> {
    const { clock } = this.#parts;
    const startedMs = clock.elapsedMs();
    const writing = write();
    if (writing !== undefined) await writing;
    const slowness = (clock.elapsedMs() - startedMs) / (LIMITS.state.quickWriteUs / 1_000);
    const earned = slowness < 1 ? 1 : -SLOW_PRICE * slowness;
    this.#trust = Math.max(0, Math.min(TRUST_MAX, this.#trust + earned));
  }
}
