// The live session with each twin: one per pair of hosts, whoever dialled first.

import type { Clock } from "../base/clock.ts";
import type { TwinError } from "../base/errors.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { PeerSession } from "./peer-session.ts";

/** Two sessions that begin within this time are taken for both sides dialling at once. */
const SIMULTANEOUS_MS = 2_000;

/** Told of what happens to sessions that are kept. */
export interface SessionListener {
  onStart(session: PeerSession): void;
  onEnd(session: PeerSession, reason: TwinError): void;
}

/** Keeps one session per twin and ends the other one, so that both ends keep the same. */
export class SessionTable {
  readonly #localPeer: string;
  readonly #clock: Clock;
  readonly #listener: SessionListener;
  readonly #sessions = new Map<TwinId, { readonly session: PeerSession; readonly sinceMs: number }>();

  constructor(localPeer: string, clock: Clock, listener: SessionListener) {
    this.#localPeer = localPeer;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** The live session with `twin`, if there is one. */
  get(twin: TwinId): PeerSession | undefined {
    return this.#sessions.get(twin)?.session;
  }

  /**
   * Takes a session over. When there is one already the newer wins (the older may be dead without
   * knowing), unless both sides dialled each other at once: then both keep the one that the host
   * with the smaller PeerId dialled.
   */
  add(session: PeerSession): void {
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

  [Symbol.dispose](): void {
    for (const { session } of this.#sessions.values()) session[Symbol.dispose]();
  }

  #winsOver(known: PeerSession, next: PeerSession): boolean {
    if (known.peerId !== next.peerId || known.outbound === next.outbound) return false;
    return known.outbound === this.#localPeer < known.peerId;
  }

  async #watch(session: PeerSession): Promise<void> {
    const reason = await session.ended;
    if (this.#sessions.get(session.twin)?.session === session) this.#sessions.delete(session.twin);
    this.#listener.onEnd(session, reason);
  }
}
