// Waits a little for the next message before its thread sleeps: waking a thread up takes longer than
// a small call. Who calls again and again is served in a fraction of the time; a thread that nobody
// calls sleeps, and so does one on a busy machine: looks that are often in vain become rare.

import { availableParallelism } from "node:os";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";

/** What a lookout is made of. */
export interface LookoutParts {
  readonly port: MessagePort;
  readonly clock: Pick<Clock, "elapsedMs">;
  /** How many messages the other end has sent, modulo 2^32. */
  readonly messageCount: () => number;
}

/** The event loop gets its turn after so many messages: timers and promises live there. */
const MESSAGE_COUNT_MAX = 64;
/** Looks at the count between two at the clock. */
const LOOKS_PER_CLOCK = 16;
/** A look in vain makes so many times more chances pass after the next one that is in vain, and at most so many. */
const PASS_GROWTH = 4;
const PASS_COUNT_MAX = 256;
/** So many looks in a row that were not in vain halve it. */
const STREAK_LENGTH = 4;
/** On one core the other thread would have to wait for this one. */
const ALONE = availableParallelism() === 1;

/** The lookout of one end of a line between threads. */
export class Lookout {
  readonly #parts: LookoutParts;
  /** Chances that pass until it looks again. */
  #passing = 1;
  /** What `#passing` becomes after a look in vain. */
  #passCount = 1;
  #streak = 0;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
  }

  /**
   * Now may be a chance: hands what comes to `handle`, until nothing does for `LIMITS.sandbox.poolSpinUs`,
   * enough has come, or `handle` answers false.
   */
  watch(handle: (message: unknown) => boolean): void {
    if (ALONE || this.#passing > 0) {
      this.#passing -= 1;
      return;
    }
    for (let count = 0; count < MESSAGE_COUNT_MAX; count++) {
      const received = this.#await();
      this.#learn(received !== undefined);
      if (received === undefined) return;
      if (!handle(received.message)) return;
    }
  }

  #learn(found: boolean): void {
    this.#streak = found ? this.#streak + 1 : 0;
    if (!found) {
      this.#passing = this.#passCount;
      this.#passCount = Math.min(PASS_COUNT_MAX, PASS_GROWTH * this.#passCount);
    } else if (this.#streak % STREAK_LENGTH === 0) {
      this.#passCount = Math.max(1, this.#passCount / 2);
    }
  }

  #await(): { readonly message: unknown } | undefined {
    const { port, clock, messageCount } = this.#parts;
    const seen = messageCount();
    const waiting = receive(port);
    if (waiting !== undefined) return waiting;
    const untilMs = clock.elapsedMs() + LIMITS.sandbox.poolSpinUs / 1_000;
    do {
      for (let look = 0; look < LOOKS_PER_CLOCK; look++) if (messageCount() !== seen) return receive(port);
    } while (clock.elapsedMs() < untilMs);
    return undefined;
  }
}

function receive(port: MessagePort): { readonly message: unknown } | undefined {
  return receiveMessageOnPort(port);
}
