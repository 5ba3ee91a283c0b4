// The two sockets of the shell's host: the owner's, and the doors of open experiences. Each is
// proven first, then one capnweb session; everything it holds ends with it.

import type { WebSocket } from "@fastify/websocket";

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { createDoorTarget } from "../rpc/door-target.ts";
import { type FrameSession, openFrameSession } from "../rpc/frame-session.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";
import type { OwnerParts } from "../rpc/owner-parts.ts";
import { createOwnerTarget } from "../rpc/owner-target.ts";
import type { OpenExperiences } from "./open-experiences.ts";
import { type HandshakeParts, proveSocket, welcome } from "./proven-socket.ts";
import { closeSocket, CLOSE_CODES, createWebSocketLink } from "./socket-link.ts";

type Session = FrameSession<undefined>;

/** What sockets need. */
export interface SocketParts {
  readonly owner: OwnerParts;
  readonly open: OpenExperiences;
  readonly handshake: HandshakeParts;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves sockets until disposed. */
export class Sockets implements Disposable {
  readonly #parts: SocketParts;
  /** Every open socket, with the key that it has proven. */
  readonly #sockets = new Map<WebSocket, string | undefined>();
  readonly #unlisten: () => void;
  #stopped = false;

  constructor(parts: SocketParts) {
    this.#parts = parts;
    this.#unlisten = parts.handshake.keys.onForget((key) => this.#forget(key));
  }

  /** Ends all sessions. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#unlisten();
    for (const socket of this.#sockets.keys()) {
      closeSocket(socket, CLOSE_CODES.stopping, "The host stops.");
      socket.terminate();
    }
  }

  /** Serves the owner's socket. Resolves when it has ended. */
  async serveOwner(socket: WebSocket): Promise<void> {
    await this.#serve(socket, "/rpc", (link) => {
      const desk = this.#parts.open.createDesk();
      const target = createOwnerTarget(this.#parts.owner, desk);
      const session = openFrameSession<undefined>({ link, target, log: this.#parts.log });
      return { session, release: () => desk[Symbol.dispose]() };
    });
  }

  /** Serves a door of the open experience of that token. Resolves when it has ended. */
  async serveDoor(socket: WebSocket, token: string): Promise<void> {
    const close = (): void => closeSocket(socket, CLOSE_CODES.notOpen, "The experience was closed.");
    await this.#serve(socket, `/door/${token}`, (link) => {
      // Looked up after the proof: nobody but the owner learns whether a token is open.
      const open = this.#parts.open.find(token);
      if (open === undefined || open.hasDoor) return undefined;
      open.hasDoor = true;
      open.closed.addEventListener("abort", close, { once: true });
      const release = (): void => {
        open.hasDoor = false;
        open.closed.removeEventListener("abort", close);
      };
      const target = createDoorTarget(this.#parts.owner, open.experience.name);
      return { session: openFrameSession<undefined>({ link, target, log: this.#parts.log }), release };
    });
  }

  async #serve(
    socket: WebSocket,
    path: string,
    start: (link: FrameLink) => { readonly session: Session; readonly release: () => void } | undefined,
  ): Promise<void> {
    if (this.#stopped || this.#count(false) >= LIMITS.web.socketCount) {
      closeSocket(socket, CLOSE_CODES.busy, "Too many connections at once: try again.");
      return;
    }
    this.#sockets.set(socket, undefined);
    try {
      const link = createWebSocketLink(socket);
      const key = await proveSocket(this.#parts.handshake, socket, link, path);
      if (key === undefined || socket.readyState !== socket.OPEN) return;
      if (this.#count(true) >= LIMITS.web.socketCount) {
        closeSocket(socket, CLOSE_CODES.busy, "Too many windows of this twin are open: close one.");
        return;
      }
      this.#sockets.set(socket, key);
      await this.#converse(socket, link, start(link));
    } finally {
      this.#sockets.delete(socket);
    }
  }

  async #converse(
    socket: WebSocket,
    link: FrameLink,
    started: { readonly session: Session; readonly release: () => void } | undefined,
  ): Promise<void> {
    if (started === undefined) {
      closeSocket(socket, CLOSE_CODES.notOpen, "No experience is open at this door.");
      return;
    }
    const stop = new AbortController();
    void this.#keepAlive(socket, stop.signal);
    // When the page is gone by now, the session ends by itself.
    await welcome(link).catch(() => {});
    await started.session.ended;
    stop.abort();
    started.release();
    closeSocket(socket, 1000, "");
  }

  #count(isProven: boolean): number {
    return [...this.#sockets.values()].filter((key) => (key !== undefined) === isProven).length;
  }

  /** A browser that is asleep or gone without a word is cut after one silent interval. */
  async #keepAlive(socket: WebSocket, signal: AbortSignal): Promise<void> {
    let answered = true;
    socket.on("pong", () => (answered = true));
    try {
      while (answered) {
        answered = false;
        socket.ping();
        await this.#parts.clock.sleep(LIMITS.web.pingIntervalMs, { signal });
      }
      closeSocket(socket, CLOSE_CODES.silent, "The browser did not answer.");
      socket.terminate();
    } catch {
      // The socket ended meanwhile.
    }
  }

  #forget(key: string): void {
    for (const [socket, proven] of this.#sockets) {
      if (proven === key) closeSocket(socket, CLOSE_CODES.unproven, "This browser was logged out by the owner.");
      // Its proof may be of that key, checked before it was forgotten: it has to come again.
      if (proven === undefined) closeSocket(socket, CLOSE_CODES.busy, "A browser was logged out meanwhile: try again.");
    }
  }
}
