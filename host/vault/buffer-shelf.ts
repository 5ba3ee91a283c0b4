// Buffers of puts. Small ones are new each time; large ones are lent and used again, by threads that share them: fresh
// memory costs more than what is written into it, and what moves between threads keeps the garbage collector at work.

import type { ReadBuffers } from "./read-buffers.ts";

/** What grows beyond waits at a gate, so that few such buffers are at work. */
const SMALL_SIZE = 1_048_576;

/** Where a put has its buffers from. */
export interface BufferShelf {
  /** A view of `sizeBytes` bytes, of any content, that is the caller's alone. */
  take(sizeBytes: number): Uint8Array;
  /** Puts the whole buffer under `view` back. Nobody else may read or write it any more. One that is not put back is garbage. */
  give(view: Uint8Array): void;
}

/** Large buffers are those of `buffers`, as long as somebody holds these. */
export function createBufferShelf(buffers: ReadBuffers): BufferShelf {
  return {
    take: (sizeBytes) => (sizeBytes <= SMALL_SIZE ? new Uint8Array(sizeBytes) : buffers.take(sizeBytes)),
    give: (view) => buffers.give(view),
  };
}
