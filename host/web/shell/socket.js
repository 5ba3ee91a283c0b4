// A WebSocket that has proven this browser's key (docs/formats/web.md, section 4).

import { signChallenge } from "./owner-key.js";

/** How long a handshake may take before the attempt counts as failed. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

/** Close codes of the server that change what the page does next. */
export const CLOSE_KEY_UNKNOWN = 4401;

/** The socket closed, or never opened; `closeCode` says why. */
export class SocketClosed extends Error {
  /** @param {number} closeCode @param {string} [reason] */
  constructor(closeCode, reason) {
    super(reason || "The connection to the host has ended.");
    this.name = "SocketClosed";
    this.closeCode = closeCode;
  }
}

/**
 * Opens `path` and answers the challenge. The caller owns the open socket; nothing has been read after the welcome.
 * @param {import("./owner-key.js").OwnerKey & { id: string }} key
 * @param {string} path
 * @returns {Promise<WebSocket>}
 */
export function openProvenSocket(key, path) {
  const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => fail(new SocketClosed(4408, "The host did not answer in time.")),
      HANDSHAKE_TIMEOUT_MS,
    );
    const settle = () => {
      clearTimeout(timer);
      socket.removeEventListener("message", onMessage);
      socket.removeEventListener("close", onClose);
    };
    const fail = (/** @type {Error} */ error) => {
      settle();
      socket.close();
      reject(error);
    };
    const onClose = (/** @type {CloseEvent} */ event) => fail(new SocketClosed(event.code, event.reason));
    const onMessage = async (/** @type {MessageEvent} */ event) => {
      try {
        const message = JSON.parse(event.data);
        if (typeof message.challenge === "string") {
          const signature = await signChallenge(key, path, message.challenge);
          socket.send(JSON.stringify({ key: key.id, signature }));
        } else if (message.welcome === true) {
          settle();
          resolve(socket);
        } else {
          fail(new SocketClosed(4400, message.message));
        }
      } catch (error) {
        fail(error instanceof Error ? error : new SocketClosed(4400));
      }
    };
    socket.addEventListener("message", onMessage);
    socket.addEventListener("close", onClose);
  });
}
