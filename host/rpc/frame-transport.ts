// capnweb over any link that carries whole frames: one frame is one capnweb message as UTF-8 JSON
// (the same bytes that its WebSocket transport has in a text message). Every bound that capnweb
// lacks is here: frame size, calls in flight, answers held, bytes queued.

import type { RpcTransportWithCustomEncoding } from "capnweb";
import { jsonDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CallGate } from "./call-gate.ts";
import { restoreError } from "./remote-error.ts";

/** Carries whole frames in both directions, in order. A socket, a libp2p stream, a pipe. */
export interface FrameLink {
  /** Takes the frame over. The promise resolves when the link can take more: what is queued counts against a limit until then. */
  send(frame: Uint8Array): void | Promise<void>;
  /** The next frame, in order; rejects when the link has ended. Frames above the size limit should be refused before they are buffered. */
  receive(): Promise<Uint8Array>;
  /** Ends the link after what was sent so far. Called at most once. */
  close(reason: TwinError): void;
}

/** Message kinds that our interfaces use. Streams and pipes are not among them: they would buffer without a bound. */
const KINDS: ReadonlySet<unknown> = new Set(["push", "pull", "resolve", "reject", "release", "abort"]);
/** Expressions that call or look up something; all others are literals. */
const CALLS = /^(?:pipeline|import|remap)$/u;
/** While more than this is queued to a slow reader, its own messages wait. */
const QUEUED_PAUSE_SIZE_BYTES = 1024 * 1024;

/** The bounded bridge between a {@link FrameLink} and a capnweb session. */
export class FrameTransport implements RpcTransportWithCustomEncoding {
  readonly encodingLevel = "jsonCompatible";
  readonly #link: FrameLink;
  readonly #gate: CallGate;
  readonly #frameSizeBytes: number;
  /** Size of each pushed call and its answer until the other side releases it, by capnweb's export id. */
  readonly #held = new Map<number, number>();
  #heldSizeBytes = 0;
  #nextPushId = 1;
  #queuedSizeBytes = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(link: FrameLink, options: { readonly gate: CallGate; readonly frameSizeBytes: number }) {
    this.#link = link;
    this.#gate = options.gate;
    this.#frameSizeBytes = options.frameSizeBytes;
  }

  send(message: unknown): number {
    if (this.#closed) return 0;
    let frame = jsonEncode(message);
    if (frame.length > this.#frameSizeBytes) frame = jsonEncode(tooLarge(message, frame.length, this.#frameSizeBytes));
    if (isMessage(message, "resolve")) this.#hold(message[1], frame.length);
    const sent = this.#link.send(frame);
    if (sent !== undefined) this.#queue(frame.length, sent);
    return frame.length;
  }

  async receive(): Promise<unknown> {
    await this.#gate.whenFree();
    while (this.#queuedSizeBytes > QUEUED_PAUSE_SIZE_BYTES && !this.#closed) {
      this.#drained ??= Promise.withResolvers();
      await this.#drained.promise;
    }
    const frame = await this.#link.receive();
    if (frame.length > this.#frameSizeBytes) throw frameTooLarge(frame.length, this.#frameSizeBytes);
    const message = decodeMessage(frame);
    if (message[0] === "push") this.#hold(this.#nextPushId++, frame.length);
    if (message[0] === "release") this.#release(message[1]);
    return message;
  }

  abort(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    this.#link.close(restoreError(reason));
  }

  /** A client that never releases what it was given grows our tables without end. */
  #hold(id: unknown, size: number): void {
    if (typeof id !== "number" || id <= 0) return;
    this.#held.set(id, (this.#held.get(id) ?? 0) + size);
    this.#heldSizeBytes += size;
    if (this.#held.size > LIMITS.rpc.answersHeld || this.#heldSizeBytes > LIMITS.rpc.answersHeldSizeBytes)
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        "The other side holds on to too many answers; await or dispose the result of each call.",
        { answers: this.#held.size, sizeBytes: this.#heldSizeBytes },
      );
  }

  #release(id: unknown): void {
    if (typeof id !== "number") return;
    this.#heldSizeBytes -= this.#held.get(id) ?? 0;
    this.#held.delete(id);
  }

  #queue(size: number, sent: Promise<void>): void {
    this.#queuedSizeBytes += size;
    if (this.#queuedSizeBytes > LIMITS.rpc.queuedSizeBytes)
      throw new TwinError("TWIN_LIMIT_EXCEEDED", "The other side does not read what it is sent; the connection ends.");
    void this.#settle(size, sent);
  }

  async #settle(size: number, sent: Promise<void>): Promise<void> {
    try {
      await sent;
    } catch (reason) {
      this.abort(reason);
    }
    this.#queuedSizeBytes -= size;
    this.#wake();
  }

  #wake(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function decodeMessage(frame: Uint8Array): readonly unknown[] {
  let message: unknown;
  try {
    message = jsonDecode(frame);
  } catch {
    throw new TwinError("TWIN_PEER_PROTOCOL", "A frame is not UTF-8 JSON.");
  }
  if (!Array.isArray(message) || !KINDS.has(message[0]))
    throw new TwinError("TWIN_PEER_PROTOCOL", `A frame is not one of our messages: expected ${[...KINDS].join(", ")}.`);
  // A pushed literal would only be kept; a call is the one thing worth pushing.
  if (message[0] === "push" && !isCall(message[1]))
    throw new TwinError("TWIN_PEER_PROTOCOL", "A frame pushes something that is not a call.");
  return message;
}

function isCall(expression: unknown): boolean {
  return Array.isArray(expression) && CALLS.test(String(expression[0]));
}

function isMessage(message: unknown, kind: string): message is readonly unknown[] {
  return Array.isArray(message) && message[0] === kind;
}

function frameTooLarge(size: number, limit: number): TwinError {
  return new TwinError("TWIN_LIMIT_EXCEEDED", `A message of ${size} bytes is above this connection's ${limit}.`, {
    size,
    limit,
  });
}

/** What is sent in place of a message that is too large: an answer becomes an error of that one call, all else ends the session. */
function tooLarge(message: unknown, size: number, limit: number): unknown {
  const error = frameTooLarge(size, limit);
  if (!isMessage(message, "resolve") && !isMessage(message, "reject")) throw error;
  const { code, details } = error;
  return ["reject", message[1], ["error", "Error", error.message, null, { code, details }]];
}
