// A stream that is taken in steps: each ends by itself after a time, and what has come until then can be kept.

import type { Clock } from "../base/clock.ts";

/** Steps of one stream. Only one is taken at a time. */
export class UploadSteps {
  readonly #items: AsyncIterator<Uint8Array>;
  readonly #clock: Clock;
  /** Asked for, not given yet. */
  #next: Promise<IteratorResult<Uint8Array>> | undefined;
  /** Ends the wait for it. */
  #wake: (() => void) | undefined;
  #isStepOver = false;
  #isOver = false;
  /** Why the stream broke, when it did. What came before is given nevertheless. */
  failure: unknown;

  constructor(source: AsyncIterable<Uint8Array>, clock: Clock) {
    this.#items = source[Symbol.asyncIterator]();
    this.#clock = clock;
  }

  /** Waits for more. False at the end, also when that is a failure or {@link UploadSteps.end}. */
  async hasMore(): Promise<boolean> {
    this.#isStepOver = this.#isOver;
    return !this.#isOver && (await this.#peek()) !== undefined;
  }

  /** What comes within `stepMs`, at least what {@link UploadSteps.hasMore} has seen. */
  async *take(stepMs: number): AsyncGenerator<Uint8Array, void, undefined> {
    const stop = new AbortController();
    void this.#endStepAfter(stepMs, stop.signal);
    try {
      do {
        const item = await this.#peek();
        if (item === undefined) return;
        this.#next = undefined;
        yield item;
      } while (!this.#isStepOver);
    } finally {
      stop.abort();
    }
  }

  /** Ends the stream where it is now; what has come counts. */
  end(): void {
    this.#isOver = true;
    this.#endStep();
  }

  #endStep(): void {
    this.#isStepOver = true;
    this.#wake?.();
  }

  async #endStepAfter(stepMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(stepMs, { signal });
    } catch {
      return;
    }
    this.#endStep();
  }

  /** The next item, which stays; undefined at the end, or when the step is over before it comes. */
  async #peek(): Promise<Uint8Array | undefined> {
    this.#next ??= this.#items.next();
    // Nobody may be there to meet it, when the stream was ended here.
    this.#next.catch(() => {});
    // One promise per item, not one for all: a race against a long-lived promise keeps every item's reaction.
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    if (this.#isStepOver) this.#wake();
    try {
      const result = await Promise.race([this.#next, late]);
      if (result === undefined) return undefined;
      if (result.done !== true) return result.value;
    } catch (thrown) {
      this.failure = thrown;
    }
    this.#isOver = true;
    return undefined;
  }
}
