// Waits a little for the next message before its thread sleeps: waking a thread up takes longer than
// a small call. Who calls again and again is served in a fraction of the time; a thread that nobody
// calls sleeps, because each look in vain makes the next ones rarer.

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
/** Looks in vain make at most so many chances pass. */
const PASS_COUNT_MAX = 256;
/** On one core the other thread would have to wait for this one. */
const ALONE = availableParallelism() === 1;

/** The lookout of one end of a line between threads. */
export class Lookout {
  readonly #parts: LookoutParts;
  /** Chances that pass until it looks again. */
  #passing = 1;
  /** What `#passing` becomes after a look in vain. */
  #passCount = 1;

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
      if (received === undefined) {
        this.#passing = this.#passCount;
        this.#passCount = Math.min(PASS_COUNT_MAX, 2 * this.#passCount);
        return;
      }
      this.#passCount = 1;
      if (!handle(received.message)) return;
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
