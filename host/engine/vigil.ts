// Keeps a thread awake for a moment in which a message is likely to come: to wake up a thread whose core has gone
// to rest takes longer than a query. Its event loop runs on meanwhile, and serves whatever else comes. Who calls
// again and again is served in a fraction of the time; a thread that nobody calls sleeps, and so does one whose
// messages come later than it waits: vigils in vain become rare.

import { availableParallelism } from "node:os";
import type { Clock } from "../base/clock.ts";

/** What a vigil is made of. */
export interface VigilParts {
  readonly clock: Pick<Clock, "elapsedMs">;
  /** Runs `look` in the next round of the event loop; `setImmediate` when absent. */
  readonly soon?: ((look: () => void) => void) | undefined;
  /** The machine's own number of cores when absent: on one core the thread that is waited for could not run. */
  readonly coreCount?: number | undefined;
}

/** Longer than a command takes on a quick disk, and several times what waking up takes. */
const LENGTH_MS = 0.3;
/** A vigil in vain makes so many times more chances pass after the next one that is in vain, and at most so many. */
const PASS_GROWTH = 2;
const PASS_COUNT_MAX = 256;

/** The vigils of one thread, one at a time. */
export class Vigil {
  readonly #clock: VigilParts["clock"];
  readonly #soon: (look: () => void) => void;
  readonly #isUseless: boolean;
  #untilMs = 0;
  #isKept = false;
  #isAwaited = false;
  /** Chances that pass until the next vigil. */
  #passing = 1;
  /** What `#passing` becomes after a vigil in vain. */
  #passCount = 1;

  constructor({ clock, soon = setImmediate, coreCount = availableParallelism() }: VigilParts) {
    this.#clock = clock;
    this.#soon = soon;
    this.#isUseless = coreCount === 1;
  }

  /** Nothing is left to do until a message comes: now may be a chance. */
  begin(): void {
    if (this.#isUseless) return;
    if (this.#passing > 0) {
      this.#passing -= 1;
      return;
    }
    this.#isAwaited = true;
    this.#untilMs = this.#clock.elapsedMs() + LENGTH_MS;
    if (this.#isKept) return;
    this.#isKept = true;
    this.#soon(this.#look);
  }

  /** A message has come. */
  end(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#passCount = Math.max(1, this.#passCount / 2);
  }

  readonly #look = (): void => {
    if (this.#isAwaited && this.#clock.elapsedMs() < this.#untilMs) return this.#soon(this.#look);
    this.#isKept = false;
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#passing = this.#passCount;
    this.#passCount = Math.min(PASS_COUNT_MAX, PASS_GROWTH * this.#passCount);
  };
}
