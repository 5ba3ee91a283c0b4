// Buffers for what stores give, used again and again: memory that each read leaves behind keeps the garbage collector
// at work, which the next reads wait for. Threads share them, so that nothing moves: the collector would count that too.

import { LIMITS } from "../base/limits.ts";
import { createSlabs, type Slabs } from "../kernels/slabs.ts";

/** A short read wants some buffers of this size, of which only what is used is ever in memory. */
const SMALL_SIZE = 4 * LIMITS.vault.frameSizeBytes;

/** Buffers between reads. */
export interface ReadBuffers {
  /**
   * Room for `sizeBytes` bytes, of any content. Lent, unless it is large and nobody {@link hold}s; who has it may keep
   * it for good all the same: it is garbage then, like any other.
   */
  take(sizeBytes: number): Uint8Array;
  /** Takes the whole buffer under `bytes` back if it was lent, else does nothing. Nobody may read or write it any more. */
  give(bytes: Uint8Array): void;
  /** The same bytes for somebody who may keep them for good: a copy when their buffer was lent, which is taken back. */
  keep(bytes: Uint8Array): Uint8Array;
  /** Until it is disposed large buffers are lent too, and wait for each other's next use. */
  hold(): Disposable;
}

/** No buffers yet; large ones are of `slabs`. */
export function createReadBuffers(slabs: Slabs = createSlabs()): ReadBuffers {
  const lent = new WeakSet<ArrayBufferLike>();
  const small: SharedArrayBuffer[] = [];
  let holders = 0;

  const give = (bytes: Uint8Array): void => {
    const { buffer } = bytes;
    if (!(buffer instanceof SharedArrayBuffer) || !lent.delete(buffer)) return;
    if (buffer.byteLength > SMALL_SIZE) slabs.give(bytes);
    else if (small.length < LIMITS.vault.readBufferCount) small.push(buffer);
  };
  return {
    give,
    take(sizeBytes) {
      const isSmall = sizeBytes <= SMALL_SIZE;
      if (!isSmall && holders === 0) return new Uint8Array(sizeBytes);
      const buffer = isSmall ? (small.pop() ?? new SharedArrayBuffer(SMALL_SIZE)) : slabs.take(sizeBytes).buffer;
      lent.add(buffer);
      return new Uint8Array(buffer, 0, sizeBytes);
    },
    keep(bytes) {
      if (!lent.has(bytes.buffer)) return bytes;
      const copy = bytes.slice();
      give(bytes);
      return copy;
    },
    hold() {
      holders++;
      const hold = slabs.hold();
      return {
        [Symbol.dispose]() {
          holders--;
          hold[Symbol.dispose]();
        },
      };
    },
  };
}
