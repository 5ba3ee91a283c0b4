// The handshake of every socket: the page proves that it holds a registered key, for this path of
// this origin, with a nonce of ours (docs/formats/web.md, section 4).

import type { WebSocket } from "@fastify/websocket";

import { base64UrlDecode, base64UrlEncode, jsonDecode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";
import type { OwnerKeys } from "./owner-keys.ts";
import { closeSocket, CLOSE_CODES } from "./socket-link.ts";

const NONCE_SIZE_BYTES = 32;
const ANSWER_SIZE_BYTES_MAX = 1_024;

/** What a handshake needs. */
export interface HandshakeParts {
  readonly keys: OwnerKeys;
  readonly clock: Clock;
  readonly random: Random;
  /** `http://localhost:PORT` */
  readonly origin: string;
}

/** The bytes that a page signs. */
export function challengeText(origin: string, path: string, answer: { key: string; nonce: string }): Uint8Array {
  return utf8Encode(["twin-web/1", origin, path, answer.key, answer.nonce].join("\n"));
}

/** Challenges the page at the other end of `link`. Returns the id of the key it has proven, or undefined after closing the socket. The page still waits for {@link welcome}. */
export async function proveSocket(
  parts: HandshakeParts,
  socket: WebSocket,
  link: FrameLink,
  path: string,
): Promise<string | undefined> {
  const late = new AbortController();
  void expire(parts.clock, socket, late.signal);
  try {
    const nonce = base64UrlEncode(parts.random.bytes(NONCE_SIZE_BYTES));
    await link.send(utf8Encode(JSON.stringify({ challenge: nonce })));
    const answer = parseAnswer(await link.receive());
    if (answer === undefined) {
      closeSocket(socket, CLOSE_CODES.malformed, 'Expected {"key", "signature"}.');
      return undefined;
    }
    const { key, signature } = answer;
    const message = challengeText(parts.origin, path, { key, nonce });
    if (!(await parts.keys.verify(key, { message, signature }))) {
      closeSocket(socket, CLOSE_CODES.unproven, "This browser is not logged in: open a fresh link.");
      return undefined;
    }
    return key;
  } catch {
    // The page went away, or the host could not read its table: either way nothing is proven.
    closeSocket(socket, CLOSE_CODES.busy, "The handshake could not be finished: try again.");
    return undefined;
  } finally {
    late.abort();
  }
}

/** Tells the page that RPC begins. */
export async function welcome(link: FrameLink): Promise<void> {
  await link.send(utf8Encode(JSON.stringify({ welcome: true })));
}

async function expire(clock: Clock, socket: WebSocket, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(LIMITS.web.challengeLifetimeMs, { signal });
  } catch {
    return;
  }
  closeSocket(socket, CLOSE_CODES.silent, "The challenge was not answered in time.");
  // A page that ignores the close frame must not keep its place.
  socket.terminate();
}

function parseAnswer(frame: Uint8Array): { readonly key: string; readonly signature: Uint8Array } | undefined {
  if (frame.length > ANSWER_SIZE_BYTES_MAX) return undefined;
  try {
    const { key, signature } = jsonDecode(frame) as Readonly<Record<string, unknown>>;
    if (typeof key !== "string" || typeof signature !== "string") return undefined;
    return { key, signature: base64UrlDecode(signature) };
  } catch {
    return undefined;
  }
}
