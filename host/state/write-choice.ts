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

/** So many quick writes in a row are needed. */
const PROOF_COUNT = 16;

/** Learns how quick the disk is from every write. */
export class WriteChoice {
  readonly #parts: WriteChoiceParts;
  #quickCount = 0;

  constructor(parts: WriteChoiceParts) {
    this.#parts = parts;
  }

  /** Asked once before each write. */
  isHere(): boolean {
    const isAlone = this.#parts.isAlone();
    return isAlone && this.#quickCount >= PROOF_COUNT;
  }

  /** Runs one write and notes how long it took. Rejects as it does, also when it throws. */
  async timed(write: () => void | Promise<void>): Promise<void> {
    const { clock } = this.#parts;
    const startedMs = clock.elapsedMs();
    const writing = write();
    if (writing !== undefined) await writing;
    this.#quickCount = clock.elapsedMs() - startedMs < LIMITS.state.quickWriteUs / 1_000 ? this.#quickCount + 1 : 0;
  }
}
