// What may move to a kernel worker, and what is not worth the way.

import { LIMITS } from "../base/limits.ts";

/** Less than this is done sooner than a worker hears of it. */
export const WORKER_SIZE: number = 4 * LIMITS.vault.frameSizeBytes;

/** The same bytes in a buffer that holds nothing else: a view of a larger one may have neighbours, and is copied. */
export function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.length === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
    ? (bytes as Uint8Array<ArrayBuffer>)
    : bytes.slice();
}

/** The same bytes in memory that threads share, where they are not in such already. */
export function shared(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes as Uint8Array<SharedArrayBuffer>;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** The buffers under `views` that are to move with a job: what threads share need not. */
export function moving(views: readonly Uint8Array[]): ArrayBuffer[] {
  return views.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}

/** What `came` back from a job, in the buffer that was `sent` to it where threads share that: who lent it knows it again. */
export function returned(sent: Uint8Array, came: Uint8Array): Uint8Array {
  return sent.buffer instanceof SharedArrayBuffer ? new Uint8Array(sent.buffer, came.byteOffset, came.length) : came;
}

/** Gives the memory under `bytes` back now, not when the garbage collector comes by: they are empty from then on. */
export function free({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
}
