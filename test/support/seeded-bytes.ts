// Bytes that repeat: the same seed gives the same stream, on every machine and for ever, as
// recorded vectors depend on it.

/** `size` bytes of the xorshift32 generator (Marsaglia 2003: 13, 17, 5) started at `seed` (not 0), each state written little-endian. */
export function seededBytes(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}
