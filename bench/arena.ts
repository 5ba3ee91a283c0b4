// Buffers that all contenders of a case share. They lie in a WebAssembly memory, as our kernels' own
// do: where pages come from alone can make native code look twice as fast.

const PAGE_SIZE = 65_536;
const ALIGNMENT = 64;
/** Odd multiples of a cache line between buffers: neighbours of powers of two would evict each other. */
const GAP = 64;

/** Gives out zeroed buffers, 64-byte aligned, until its memory is used up. */
export interface Arena {
  take(sizeBytes: number): Uint8Array<ArrayBuffer>;
  /** The same, filled with bytes that `seed` alone decides and that look random. */
  takeFilled(sizeBytes: number, seed: number): Uint8Array<ArrayBuffer>;
}

/** An arena of at least `sizeBytes`. */
export function createArena(sizeBytes: number): Arena {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(sizeBytes / PAGE_SIZE) + 1 });
  let next = 0;
  const take = (size: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(memory.buffer, next, size);
    next += Math.ceil(size / ALIGNMENT) * ALIGNMENT + GAP;
    return bytes;
  };
  const takeFilled = (size: number, seed: number): Uint8Array<ArrayBuffer> => fillRandom(take(size), seed);
  return { take, takeFilled };
}

/** Fills `bytes` by xorshift32: the same for the same `seed`, and nothing that compresses or repeats. */
export function fillRandom<Bytes extends Uint8Array>(bytes: Bytes, seed: number): Bytes {
  let state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  for (let index = 0; index < bytes.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state >>> 11;
  }
  return bytes;
}
