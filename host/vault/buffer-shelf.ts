// Buffers of one put that are filled again and again: fresh memory costs more than what is written into it.

import { free } from "./movable.ts";

const STEP_SIZE = 1_048_576;

/** Buffers that wait for their next use. */
export interface BufferShelf {
  /** A view of `sizeBytes` bytes, of any content, that is the caller's alone. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer>;
  /** Puts the whole buffer under `view` back. Nobody else may read or write it any more. */
  give(view: Uint8Array<ArrayBuffer>): void;
  /** Gives the memory of those that wait back at once, not when it is collected. */
  clear(): void;
}

/** An empty shelf that keeps up to `count` buffers. */
export function createBufferShelf(count: number): BufferShelf {
  const waiting: ArrayBuffer[] = [];
  const dropSmallest = (): void => {
    const smallest = Math.min(...waiting.map(({ byteLength }) => byteLength));
    const at = waiting.findIndex(({ byteLength }) => byteLength === smallest);
    for (const spare of waiting.splice(at, 1)) free(new Uint8Array(spare));
  };
  return {
    take(sizeBytes) {
      const found = waiting.findIndex(({ byteLength }) => byteLength >= sizeBytes);
      const [buffer] = found === -1 ? [] : waiting.splice(found, 1);
      if (buffer !== undefined) return new Uint8Array(buffer, 0, sizeBytes);
      if (sizeBytes < STEP_SIZE) return new Uint8Array(sizeBytes);
      // Sizes grow with the stream: a smaller one would wait in vain.
      if (waiting.length > 0) dropSmallest();
      // In whole steps, so that they fit the next time too; memory that is not touched costs nothing.
      const size = Math.ceil(sizeBytes / STEP_SIZE) * STEP_SIZE;
      // One that could be resized has a mapping of its own: what malloc is given back of this size, it keeps.
      return new Uint8Array(new ArrayBuffer(size, { maxByteLength: size }), 0, sizeBytes);
    },
    give({ buffer }) {
      if (buffer.byteLength < STEP_SIZE) return;
      waiting.push(buffer);
      if (waiting.length > count) dropSmallest();
    },
    clear() {
      for (const buffer of waiting.splice(0)) free(new Uint8Array(buffer));
    },
  };
}
