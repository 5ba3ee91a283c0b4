// One contact's messages: keeps a session with its host as long as it can be reached, and delivers
// the outbox over it, in order. Its troubles never delay another contact.

import type { Clock } from "../base/clock.ts";
import { toTwinError, type TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { OutboxSender } from "./outbox-sender.ts";
import type { PeerSession } from "./peer-session.ts";

const BACKOFF_FIRST_MS = 250;
/** A session that lived this long was a good one: the next trouble starts from a short wait again. */
const STEADY_MS = 30_000;

/** What a worker needs of its host. */
export interface DeliveryParts {
  readonly engine: Pick<Engine, "outbox" | "settle">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The live session with the contact, if there is one. */
  session(twin: TwinId): PeerSession | undefined;
  /** Reaches for the contact's host: its session is live when this resolves. Throws `TWIN_PEER_*` when it cannot. */
  connect(twin: TwinId, signal: AbortSignal): Promise<PeerSession>;
  onChange(): void;
}

/** Delivers to one contact until `signal` aborts. */
export class DeliveryWorker {
  readonly #twin: TwinId;
  readonly #parts: DeliveryParts;
  readonly #signal: AbortSignal;
  readonly #sender: OutboxSender;
  #message = Promise.withResolvers<void>();
  #online = Promise.withResolvers<void>();
  #problem: string | undefined;
  /** Resolves when the worker has stopped. Never rejects. */
  readonly stopped: Promise<void>;

  constructor(twin: TwinId, parts: DeliveryParts, signal: AbortSignal) {
    this.#twin = twin;
    this.#parts = parts;
    this.#signal = signal;
    this.#sender = new OutboxSender(twin, parts);
    this.stopped = this.#run();
  }

  /** Why nothing can be delivered at the moment, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Something new is in the outbox. A contact that is away is not dialled any sooner for that. */
  onMessage(): void {
    this.#message.resolve();
  }

  /** A session has begun: whoever opened it, the contact is up. */
  onOnline(): void {
    this.#setProblem(undefined);
    this.#online.resolve();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    for (let failures = 0; !this.#signal.aborted; failures++) {
      this.#online = Promise.withResolvers();
      const sinceMs = clock.elapsedMs();
      try {
        await this.#serve(await this.#reach());
      } catch (thrown) {
        if (this.#signal.aborted) return;
        const error = toTwinError(thrown);
        if (error.cause !== undefined)
          log.warn({ peer: this.#twin, code: error.code, err: error.cause }, error.message);
        this.#setProblem(error.message);
      }
      if (clock.elapsedMs() - sinceMs > STEADY_MS) failures = 0;
      await this.#pause(failures);
    }
  }

  /** The session there is, or the first one that comes about: dialled by us or by the contact meanwhile. */
  async #reach(): Promise<PeerSession> {
    const live = this.#parts.session(this.#twin);
    if (live !== undefined) return live;
    const dialled = this.#parts.connect(this.#twin, this.#signal);
    await Promise.race([dialled, this.#online.promise]);
    return this.#parts.session(this.#twin) ?? dialled;
  }

  /** Delivers over `session` until it ends. */
  async #serve(session: PeerSession): Promise<never> {
    let reason: TwinError | undefined;
    void this.#whenOver(session, (ended) => {
      reason = ended;
    });
    for (;;) {
      this.#message = Promise.withResolvers();
      await this.#sender.sendAll(session).catch((thrown: unknown) => {
        // A session that is over fails without a reason of its own.
        throw toTwinError(thrown).code === "TWIN_HOST_INTERNAL" ? (reason ?? thrown) : thrown;
      });
      this.#setProblem(undefined);
      if (reason === undefined) await this.#message.promise;
      if (reason !== undefined) throw reason;
    }
  }

  async #whenOver(session: PeerSession, tell: (reason: TwinError) => void): Promise<void> {
    tell(await session.ended);
    this.#message.resolve();
  }

  /** Waits before the next attempt, twice as long each time, up to a bound; a session that begins ends the wait. */
  async #pause(failures: number): Promise<void> {
    const longest = Math.min(LIMITS.peers.deliveryBackoffMs, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 30));
    const jitter = 0.5 + this.#parts.random.bytes(1)[0]! / 512;
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    await Promise.race([this.#parts.clock.sleep(longest * jitter, { signal }), this.#online.promise]).catch(() => {});
    stop.abort();
  }

  #setProblem(problem: string | undefined): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    this.#parts.onChange();
  }
}
