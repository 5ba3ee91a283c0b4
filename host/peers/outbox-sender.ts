// Empties the outbox for one contact over its session: batches in order, the next ones on their way
// while the first is answered. What a batch did not settle goes again, with all that came behind it.

import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Engine, OutboxPage } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { remoteAnswer } from "../rpc/frame-session.ts";
import { checkAnswer, type CheckedAnswer } from "../rpc/message-batch.ts";
import type { PeerSession } from "./peer-session.ts";

const FIRST_LENGTH = 16;
/** Batches grow while their answers come this quickly, and shrink when they take longer than a slow one. */
const QUICK_MS = 500;
const SLOW_MS = 2_000;

/** A batch without its answer. */
interface Flight {
  /** Sequence of its last message. */
  readonly lastSequence: number;
  /** Begins the time in which the answer must come: it is the first one now. */
  readonly hurry: () => void;
  readonly answer: Promise<CheckedAnswer>;
}

/** Sends to one contact; remembers how many messages at once it manages. */
export class OutboxSender {
  readonly #peer: TwinId;
  readonly #engine: Pick<Engine, "outbox" | "settle">;
  readonly #clock: Clock;
  #length = FIRST_LENGTH;

  constructor(peer: TwinId, parts: { readonly engine: Pick<Engine, "outbox" | "settle">; readonly clock: Clock }) {
    this.#peer = peer;
    this.#engine = parts.engine;
    this.#clock = parts.clock;
  }

  /** Resolves when nothing waits any more. Throws the trouble that the contact or its connection has; all that was settled is. */
  async sendAll(session: PeerSession): Promise<void> {
    try {
      await this.#sendAll(session);
    } catch (thrown) {
      this.#length = 1;
      const { code } = toTwinError(thrown);
      // The call may still be running there: a fresh session makes sure that no second one runs beside it.
      if (code === "TWIN_TIMEOUT" || code === "TWIN_PEER_PROTOCOL") session[Symbol.dispose]();
      throw thrown;
    }
  }

  async #sendAll(session: PeerSession): Promise<void> {
    const flights: Flight[] = [];
    for (;;) {
      await this.#fill(session, flights);
      const first = flights.shift();
      if (first === undefined) return;
      first.hurry();
      const sinceMs = this.#clock.elapsedMs();
      const { settlement, stopped } = await first.answer;
      this.#adapt(this.#clock.elapsedMs() - sinceMs);
      if (settlement !== undefined) await this.#engine.settle(this.#peer, settlement);
      if (stopped === undefined) continue;
      // The ones behind it came too early for the contact.
      await Promise.allSettled(flights.splice(0).map(({ hurry, answer }) => (hurry(), answer)));
      if ("error" in stopped) throw stopped.error;
      if (settlement === undefined) throw lostMessages();
    }
  }

  async #fill(session: PeerSession, flights: Flight[]): Promise<void> {
    while (flights.length < LIMITS.peers.batchesInFlight) {
      const afterSequence = flights.at(-1)?.lastSequence;
      const page = await this.#engine.outbox(this.#peer, { afterSequence, limit: this.#length });
      if (page === undefined) return;
      flights.push(send(session, page));
    }
  }

  #adapt(tookMs: number): void {
    if (tookMs < QUICK_MS) this.#length = Math.min(LIMITS.peers.batchMessageCount, this.#length * 2);
    else if (tookMs > SLOW_MS) this.#length = Math.max(1, Math.floor(this.#length / 2));
  }
}

function send(session: PeerSession, { count, ...batch }: OutboxPage): Flight {
  const { firstSequence } = batch;
  const stop = new AbortController();
  const answered = remoteAnswer(session.remote.deliver(batch), { signal: stop.signal });
  const answer = answered.then((value) => checkAnswer(value, { count, firstSequence }));
  // Whoever waits for it may have given up before.
  answer.catch(() => {});
  const hurry = (): void => {
    const deadline = AbortSignal.timeout(LIMITS.peers.requestTimeoutMs);
    deadline.addEventListener("abort", () => stop.abort(deadline.reason), { once: true });
  };
  return { lastSequence: firstSequence + count - 1, hurry, answer };
}

function lostMessages(): TwinError {
  return new TwinError(
    "TWIN_PEER_PROTOCOL",
    "The other twin waits for a message that this one no longer has; was one of the two restored from an old copy?",
  );
}
