// Frames over a libp2p stream: a 4-byte big-endian length, then that many bytes (docs/formats/
// peer-protocol.md). Honours back-pressure in both directions: a slow reader pauses the stream, a
// full stream delays the sender.

import type { Stream } from "@libp2p/interface";
import { concatBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";

const LENGTH_SIZE = 4;
/** Unread bytes above this pause the stream until a reader wants more. */
const BUFFERED_PAUSE_SIZE_BYTES = 256 * 1024;
/** A sender waits while more than this is queued to the other host. */
const QUEUED_PAUSE_SIZE_BYTES = 256 * 1024;

/** Frames to and from one other twin, whatever carries them. */
export type Frames = Pick<FrameStream, "send" | "receive" | "limitFrames" | "close" | "abort">;

/** One end of a stream of frames. One reader and any number of writers at a time. */
export class FrameStream implements FrameLink {
  readonly #stream: Stream;
  readonly #parts: Uint8Array[] = [];
  #bufferedSizeBytes = 0;
  #frameSizeBytes: number;
  #over: TwinError | undefined;
  #arrived: PromiseWithResolvers<void> | undefined;
  #written: PromiseWithResolvers<void> | undefined;

  /** Takes the stream over. Frames above `frameSizeBytes` end it before they are buffered. */
  constructor(stream: Stream, frameSizeBytes: number) {
    this.#stream = stream;
    this.#frameSizeBytes = frameSizeBytes;
    stream.addEventListener("message", ({ data }) => {
      this.#parts.push(data.subarray());
      this.#bufferedSizeBytes += data.byteLength;
      if (this.#bufferedSizeBytes > BUFFERED_PAUSE_SIZE_BYTES && this.#arrived === undefined) this.#pause();
      this.#wake();
    });
    stream.addEventListener("remoteCloseWrite", () => {
      // Half-open streams would keep their memory for ever.
      void stream.close({ signal: AbortSignal.timeout(LIMITS.peers.requestTimeoutMs) }).catch(() => {});
    });
    const end = (): void => {
      this.#over ??= new TwinError("TWIN_PEER_OFFLINE", "The other host ended the connection.");
      this.#wake();
      this.#written?.resolve();
    };
    const write = (): void => {
      this.#written?.resolve();
      this.#written = undefined;
    };
    stream.addEventListener("drain", write);
    stream.addEventListener("idle", write);
    stream.addEventListener("end", end);
    stream.addEventListener("close", end);
    if (stream.status !== "open") end();
  }

  /** Changes the size limit for frames not read yet. */
  limitFrames(frameSizeBytes: number): void {
    this.#frameSizeBytes = frameSizeBytes;
  }

  /** Resolves when the stream can take more. Throws `TWIN_PEER_OFFLINE` when it has ended. */
  async send(frame: Uint8Array): Promise<void> {
    const header = new Uint8Array(LENGTH_SIZE);
    new DataView(header.buffer).setUint32(0, frame.length);
    try {
      this.#stream.send(concatBytes(header, frame));
    } catch (cause) {
      throw new TwinError("TWIN_PEER_OFFLINE", "The connection to the other host has ended.", {}, cause);
    }
    // Not `onDrain()`: in libp2p 3.3 its promise, once resolved, stays so for every later wait.
    while (this.#stream.writeBufferLength > QUEUED_PAUSE_SIZE_BYTES) {
      if (this.#over !== undefined) throw this.#over;
      this.#written ??= Promise.withResolvers();
      await this.#written.promise;
    }
  }

  /** The next frame. Throws `TWIN_LIMIT_EXCEEDED` for one that is too large, `TWIN_PEER_OFFLINE` when the stream ended, also within a frame. */
  async receive(): Promise<Uint8Array<ArrayBuffer>> {
    const header = await this.#take(LENGTH_SIZE);
    const size = new DataView(header.buffer).getUint32(0);
    if (size > this.#frameSizeBytes)
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `A frame of ${size} bytes is above the limit of ${this.#frameSizeBytes}.`,
      );
    return this.#take(size);
  }

  /** Ends the stream after what was sent. */
  close(reason: TwinError): void {
    this.#over ??= reason;
    this.#wake();
    this.#stream.close({ signal: AbortSignal.timeout(LIMITS.peers.requestTimeoutMs) }).catch((error: Error) => {
      this.#stream.abort(error);
    });
  }

  /** Ends the stream at once; what was not sent yet is dropped. */
  abort(reason: TwinError): void {
    this.#over ??= reason;
    this.#wake();
    this.#stream.abort(reason);
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#bufferedSizeBytes < size) {
      if (this.#over !== undefined) throw this.#over;
      const arrived = (this.#arrived ??= Promise.withResolvers());
      // Resuming may hand over what is buffered at once, before it returns.
      this.#resume();
      await arrived.promise;
    }
    const taken = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const part = this.#parts[0]!;
      const piece = part.subarray(0, size - filled);
      taken.set(piece, filled);
      filled += piece.length;
      if (piece.length === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(piece.length);
    }
    this.#bufferedSizeBytes -= size;
    return taken;
  }

  #wake(): void {
    this.#arrived?.resolve();
    this.#arrived = undefined;
  }

  #pause(): void {
    if (this.#stream.readStatus === "readable") this.#stream.pause();
  }

  #resume(): void {
    if (this.#stream.readStatus === "paused") this.#stream.resume();
  }
}
