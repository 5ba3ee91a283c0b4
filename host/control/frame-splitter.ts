// Cuts a byte stream into frames: a `u32` length (little-endian), then that many bytes.

import { concatBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";

const HEADER_SIZE_BYTES = 4;

/** The frame with its length before it. */
export function encodeFrame(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_SIZE_BYTES + frame.length);
  for (let index = 0; index < HEADER_SIZE_BYTES; index++) bytes[index] = frame.length >>> (8 * index);
  bytes.set(frame, HEADER_SIZE_BYTES);
  return bytes;
}

/** Collects parts of a stream and gives out its whole frames. */
export class FrameSplitter {
  readonly #frameSizeBytes: number;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(frameSizeBytes: number) {
    this.#frameSizeBytes = frameSizeBytes;
  }

  /** Adds the next bytes of the stream. They are the splitter's from now on. */
  push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#sizeBytes += part.length;
  }

  /** The next whole frame, or undefined when more bytes are needed. Throws `TWIN_LIMIT_EXCEEDED` as soon as the length says so. */
  next(): Uint8Array | undefined {
    if (this.#sizeBytes < HEADER_SIZE_BYTES) return undefined;
    if (this.#parts[0]!.length < HEADER_SIZE_BYTES) this.#parts = [concatBytes(...this.#parts)];
    const first = this.#parts[0]!;
    const size = (first[0]! | (first[1]! << 8) | (first[2]! << 16) | (first[3]! << 24)) >>> 0;
    if (size > this.#frameSizeBytes)
      throw new TwinError("TWIN_LIMIT_EXCEEDED", `A message of ${size} bytes is above ${this.#frameSizeBytes}.`);
    const end = HEADER_SIZE_BYTES + size;
    if (this.#sizeBytes < end) return undefined;
    // Joined only when the whole frame is there, so that a large one is copied once.
    const joined = this.#parts.length === 1 ? first : concatBytes(...this.#parts);
    this.#parts = [joined.subarray(end)];
    this.#sizeBytes -= end;
    return joined.subarray(HEADER_SIZE_BYTES, end);
  }
}
