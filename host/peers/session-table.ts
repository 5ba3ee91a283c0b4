// The live session with each twin: one per pair of twins, whoever dialled first.

import type { Clock } from "../base/clock.ts";
import type { TwinError } from "../base/errors.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { PeerSession } from "./peer-session.ts";

/** Two sessions that begin within this time are taken for both sides dialling at once. */
const SIMULTANEOUS_MS = 2_000;

/** Whose sessions they are. */
export interface LocalEnd {
  /** PeerId of this host. */
  readonly peerId: string;
  readonly twin: TwinId;
}

/** Told of what happens to sessions that are kept. */
export interface SessionListener {
  onStart(session: PeerSession): void;
  onEnd(session: PeerSession, reason: TwinError): void;
}

/** Keeps one session per twin and ends the other one, so that both ends keep the same. */
export class SessionTable {
  readonly #local: LocalEnd;
  readonly #clock: Clock;
  readonly #listener: SessionListener;
  readonly #sessions = new Map<TwinId, { readonly session: PeerSession; readonly sinceMs: number }>();

  #isOver = false;

  constructor(local: LocalEnd, clock: Clock, listener: SessionListener) {
    this.#local = local;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Live sessions. */
  get count(): number {
    return this.#sessions.size;
  }

  /** The live session with `twin`, if there is one. */
  get(twin: TwinId): PeerSession | undefined {
    return this.#sessions.get(twin)?.session;
  }

  /**
   * Takes a session over. When there is one already the newer wins (the older may be dead without
   * knowing), unless both sides dialled each other at once: then both keep the one that the host
   * with the smaller PeerId dialled, or of one host the smaller twin.
   */
  add(session: PeerSession): void {
    if (this.#isOver) return session[Symbol.dispose]();
    const { twin } = session;
    const sinceMs = this.#clock.elapsedMs();
    const known = this.#sessions.get(twin);
    if (known !== undefined && sinceMs - known.sinceMs < SIMULTANEOUS_MS && this.#winsOver(known.session, session)) {
      session[Symbol.dispose]();
      return;
    }
    this.#sessions.set(twin, { session, sinceMs });
    known?.session[Symbol.dispose]();
    void this.#watch(session);
    this.#listener.onStart(session);
  }

  /** Ends all sessions, and those that come late. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const { session } of this.#sessions.values()) session[Symbol.dispose]();
  }

  #winsOver(known: PeerSession, next: PeerSession): boolean {
    if (known.peerId !== next.peerId || known.outbound === next.outbound) return false;
    const { peerId, twin } = this.#local;
    // Twins of one host have one PeerId.
    return known.outbound === (peerId === known.peerId ? twin < known.twin : peerId < known.peerId);
  }

  async #watch(session: PeerSession): Promise<void> {
    const reason = await session.ended;
    if (this.#sessions.get(session.twin)?.session === session) this.#sessions.delete(session.twin);
    this.#listener.onEnd(session, reason);
  }
}
