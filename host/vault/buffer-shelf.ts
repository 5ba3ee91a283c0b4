// The buffers of one put, filled again and again: fresh memory costs more than what is written into it. The large ones
// are slabs, which the puts of a vault share among each other and with its kernel workers.

import type { Slabs } from "../kernels/slabs.ts";

/** Less than this is not worth keeping; it moves to the workers and back. */
const SLAB_SIZE = 1_048_576;

/** Buffers for one put. */
export interface BufferShelf {
  /** A view of `sizeBytes` bytes, of any content, that is the caller's alone. */
  take(sizeBytes: number): Uint8Array;
  /** Puts the whole buffer under `view` back, if it is of this shelf. No thread may read or write it any more. */
  give(view: Uint8Array): void;
  /** This put wants little more: what it has given back need not wait for it. */
  rest(): void;
  /** The put is over. What it has not given back some thread or store may still use: it is left to the collector. */
  end(): void;
}

/** An empty shelf over `slabs`. */
export function createBufferShelf(slabs: Slabs): BufferShelf {
  const taken = new Map<ArrayBufferLike, Uint8Array>();
  let hold: Disposable | undefined;
  const rest = (): void => {
    hold?.[Symbol.dispose]();
    hold = undefined;
  };
  return {
    take(sizeBytes) {
      if (sizeBytes < SLAB_SIZE) return new Uint8Array(sizeBytes);
      hold ??= slabs.hold();
      const slab = slabs.take(sizeBytes);
      taken.set(slab.buffer, slab);
      return slab;
    },
    give(view) {
      if (taken.delete(view.buffer)) slabs.give(view);
    },
    rest,
    end() {
      for (const slab of taken.values()) slabs.forget(slab);
      taken.clear();
      rest();
    },
  };
}
