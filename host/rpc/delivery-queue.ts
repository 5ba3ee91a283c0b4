// Sends items to a listener in order, with a bound on what it has not answered and on what waits.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

/** How a queue reaches its listener. */
export interface DeliveryQueueOptions<Item> {
  /** Calls the listener; rejects when it threw or is gone. */
  readonly send: (item: Item) => Promise<void>;
  /** Called once, when the listener failed or the queue overflowed. Nothing is sent after that. */
  readonly onFail: (reason: unknown) => void;
  /** Items that may wait. */
  readonly length: number;
}

/** A bounded queue in front of one listener. */
export class DeliveryQueue<Item> implements Disposable {
  readonly #options: DeliveryQueueOptions<Item>;
  #waiting: Item[] = [];
  #sending = false;
  #ended = false;

  constructor(options: DeliveryQueueOptions<Item>) {
    this.#options = options;
  }

  /** Adds an item behind all others. A full queue fails: its listener does not keep up. */
  push(item: Item): void {
    if (this.#ended) return;
    if (this.#waiting.length >= this.#options.length) {
      this.#fail(
        new TwinError(
          "TWIN_LIMIT_EXCEEDED",
          `This listener is ${this.#options.length} items behind, which is the limit: subscribe again.`,
        ),
      );
      return;
    }
    this.#waiting.push(item);
    if (!this.#sending) void this.#run();
  }

  /** Forgets what waits and sends nothing more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#sending = true;
    try {
      while (!this.#ended && this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, LIMITS.rpc.deliveriesInFlight);
        await Promise.all(batch.map((item) => this.#options.send(item)));
      }
    } catch (reason) {
      this.#fail(reason);
    }
    this.#sending = false;
  }

  #fail(reason: unknown): void {
    if (this.#ended) return;
    this[Symbol.dispose]();
    this.#options.onFail(reason);
  }
}
