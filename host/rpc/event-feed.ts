// Follows the engine's durable events: what was missed first, then what happens, without gap or
// duplicate. The engine's live events only wake it; what it delivers is read from the table, so a
// slow listener costs no memory.

import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Engine, TwinEvent } from "../engine/engine.ts";

/** While the engine restarts. */
const RETRY_DELAY_MS = 200;

/** Where a feed begins and whom it tells. */
export interface EventFeedOptions {
  readonly engine: Pick<Engine, "events" | "listen" | "status">;
  readonly clock: Clock;
  /** The last event already seen; -1 for those that happen from now on. */
  readonly afterSequence: number;
  /** Rejects when the listener threw or is gone. Called in order, up to `LIMITS.rpc.deliveriesInFlight` before the first has resolved. */
  readonly deliver: (event: TwinEvent) => Promise<void>;
  /** Those of a page that the listener may see, decided anew for each page. Absent: all. */
  readonly select?: ((events: readonly TwinEvent[]) => Promise<readonly TwinEvent[]>) | undefined;
  /** Called once when the feed cannot go on: events it needs are no longer kept, or the listener failed. */
  readonly onFail: (reason: TwinError) => void;
}

/** One listener's position in the events. */
export class EventFeed implements Disposable {
  readonly #options: EventFeedOptions;
  readonly #stop = new AbortController();
  readonly #unlisten: () => void;
  #wake = Promise.withResolvers<void>();

  /** Starts following. Events that happen after `open` has resolved are delivered whatever `afterSequence` was. */
  static async open(options: EventFeedOptions): Promise<EventFeed> {
    const feed = new EventFeed(options);
    try {
      const after = options.afterSequence === -1 ? await lastSequence(options.engine) : options.afterSequence;
      void feed.#run(after);
      return feed;
    } catch (reason) {
      feed[Symbol.dispose]();
      throw reason;
    }
  }

  private constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#unlisten = options.engine.listen({ onEvent: () => this.#wake.resolve() });
  }

  /** Delivers nothing more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#unlisten();
    this.#wake.resolve();
  }

  async #run(afterSequence: number): Promise<void> {
    let seen = afterSequence;
    while (!this.#stop.signal.aborted) {
      try {
        // Renewed before the read: an event that commits during it wakes the next round.
        this.#wake = Promise.withResolvers();
        const page = await this.#options.engine.events({ afterSequence: seen, limit: LIMITS.rpc.deliveriesInFlight });
        const last = page.at(-1);
        if (last === undefined) await this.#wake.promise;
        else {
          await this.#deliver(page);
          seen = last.sequence;
        }
      } catch (thrown) {
        await this.#fail(thrown);
      }
    }
  }

  async #deliver(page: readonly TwinEvent[]): Promise<void> {
    const selected = this.#options.select === undefined ? page : await this.#options.select(page);
    if (this.#stop.signal.aborted) return;
    await Promise.all(selected.map((event) => this.#options.deliver(event))).catch((thrown: unknown) => {
      throw new TwinError(
        "TWIN_ABORTED",
        "The listener failed; subscribe again after the last event seen.",
        {},
        thrown,
      );
    });
  }

  async #fail(thrown: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const reason = toTwinError(thrown);
    if (reason.code === "TWIN_ENGINE_RESTARTED") {
      await this.#options.clock.sleep(RETRY_DELAY_MS, { signal: this.#stop.signal }).catch(() => {});
      return;
    }
    this[Symbol.dispose]();
    this.#options.onFail(reason);
  }
}

async function lastSequence(engine: Pick<Engine, "status">): Promise<number> {
  return (await engine.status()).lastEventSequence;
}
