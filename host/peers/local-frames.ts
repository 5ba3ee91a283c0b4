// Frames between two twins of one host, which has no connection to itself: handed over in memory,
// with the bounds that a stream has.

import { TwinError } from "../base/errors.ts";
import type { Frames } from "./frame-stream.ts";

/** A sender waits while more than this has not been read. */
const QUEUED_PAUSE_SIZE_BYTES = 256 * 1024;

/** Two ends: what one sends the other receives, in order. Ending either ends both. */
export function createLocalFrames(frameSizeBytes: number): [Frames, Frames] {
  const ends: LocalFrames[] = [];
  const [left, right] = [
    new LocalFrames(frameSizeBytes, () => ends[1]!),
    new LocalFrames(frameSizeBytes, () => ends[0]!),
  ];
  ends.push(left, right);
  return [left, right];
}

class LocalFrames implements Frames {
  readonly #frames: Uint8Array<ArrayBuffer>[] = [];
  #sizeBytes = 0;
  #frameSizeBytes: number;
  readonly #otherEnd: () => LocalFrames;
  #over: TwinError | undefined;
  #arrived: PromiseWithResolvers<void> | undefined;
  #read: PromiseWithResolvers<void> | undefined;

  constructor(frameSizeBytes: number, otherEnd: () => LocalFrames) {
    this.#frameSizeBytes = frameSizeBytes;
    this.#otherEnd = otherEnd;
  }

  limitFrames(frameSizeBytes: number): void {
    this.#frameSizeBytes = frameSizeBytes;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    await this.#otherEnd().#take(frame.slice());
  }

  async receive(): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#frames.length === 0) {
      if (this.#over !== undefined) throw this.#over;
      this.#arrived ??= Promise.withResolvers();
      await this.#arrived.promise;
    }
    const frame = this.#frames.shift()!;
    this.#sizeBytes -= frame.length;
    if (this.#sizeBytes <= QUEUED_PAUSE_SIZE_BYTES) this.#wakeSender();
    if (frame.length <= this.#frameSizeBytes) return frame;
    throw new TwinError(
      "TWIN_LIMIT_EXCEEDED",
      `A frame of ${frame.length} bytes is above the limit of ${this.#frameSizeBytes}.`,
    );
  }

  close(reason: TwinError): void {
    this.#end(reason);
    this.#otherEnd().#end(new TwinError("TWIN_PEER_OFFLINE", "The other twin ended the connection."));
  }

  abort(reason: TwinError): void {
    this.#frames.length = 0;
    this.#otherEnd().#frames.length = 0;
    this.close(reason);
  }

  async #take(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#frames.push(frame);
    this.#sizeBytes += frame.length;
    this.#arrived?.resolve();
    this.#arrived = undefined;
    while (this.#sizeBytes > QUEUED_PAUSE_SIZE_BYTES && this.#over === undefined) {
      this.#read ??= Promise.withResolvers();
      await this.#read.promise;
    }
  }

  #end(reason: TwinError): void {
    this.#over ??= reason;
    this.#arrived?.resolve();
    this.#arrived = undefined;
    this.#wakeSender();
  }

  #wakeSender(): void {
    this.#read?.resolve();
    this.#read = undefined;
  }
}
