// BLAKE3's compression function for one block, in scalar code: the fastest way for a single
// block, because rounds are one chain of dependent steps. BLAKE3 paper, sections 2.2 and 2.4.

/** Domain flags, section 2.2. */
export const CHUNK_START: u32 = 1 << 0;
export const CHUNK_END: u32 = 1 << 1;
export const PARENT: u32 = 1 << 2;
export const ROOT: u32 = 1 << 3;
export const KEYED_HASH: u32 = 1 << 4;
export const DERIVE_KEY_CONTEXT: u32 = 1 << 5;
export const DERIVE_KEY_MATERIAL: u32 = 1 << 6;

/** The initial chaining value (that of SHA-256): 8 words. */
export const IV: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
], 16);

/**
 * Byte offset in the block of each message word, in the order in which 7 rounds use them: the
 * permutation of section 2.2, applied 0 to 6 times. 7 x 16 bytes.
 */
export const SCHEDULE: usize = memory.data<u8>([
  0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60,
  8, 24, 12, 40, 28, 0, 16, 52, 4, 44, 48, 20, 36, 56, 60, 32,
  12, 16, 40, 48, 52, 8, 28, 56, 24, 20, 36, 0, 44, 60, 32, 4,
  40, 28, 48, 36, 56, 12, 52, 60, 16, 0, 44, 8, 20, 32, 4, 24,
  48, 52, 36, 44, 60, 40, 56, 32, 28, 8, 20, 12, 0, 4, 24, 16,
  36, 56, 44, 20, 32, 48, 60, 4, 52, 12, 0, 40, 8, 24, 16, 28,
  44, 60, 20, 0, 4, 36, 32, 24, 56, 40, 8, 48, 12, 16, 28, 52,
], 16);

/** Message word `index` of the round whose schedule starts at `schedule`. */
function word(block: usize, schedule: usize, index: usize): u32 {
  return load<u32>(block + <usize>load<u8>(schedule + index));
}

/**
 * Compresses the 64 bytes at `block` under the 8 words at `cv`. Writes the 32-byte chaining value
 * to `out`; with ROOT among `flags`, all 64 bytes of output. `out` may be `cv`, or `block`.
 */
export function compress(cv: usize, block: usize, counter: u64, blockSize: u32, flags: u32, out: usize): void {
  let v0 = load<u32>(cv), v1 = load<u32>(cv, 4), v2 = load<u32>(cv, 8), v3 = load<u32>(cv, 12);
  let v4 = load<u32>(cv, 16), v5 = load<u32>(cv, 20), v6 = load<u32>(cv, 24), v7 = load<u32>(cv, 28);
  let v8: u32 = 0x6a09e667, v9: u32 = 0xbb67ae85, v10: u32 = 0x3c6ef372, v11: u32 = 0xa54ff53a;
  let v12 = <u32>counter, v13 = <u32>(counter >> 32), v14 = blockSize, v15 = flags;

  for (let s = SCHEDULE, end = SCHEDULE + 112; s < end; s += 16) {
    // columns
    v0 += v4 + word(block, s, 0); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v1 += v5 + word(block, s, 2); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v2 += v6 + word(block, s, 4); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v3 += v7 + word(block, s, 6); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v0 += v4 + word(block, s, 1); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 += v5 + word(block, s, 3); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 += v6 + word(block, s, 5); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 += v7 + word(block, s, 7); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    // diagonals
    v0 += v5 + word(block, s, 8); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v1 += v6 + word(block, s, 10); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v2 += v7 + word(block, s, 12); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v3 += v4 + word(block, s, 14); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v0 += v5 + word(block, s, 9); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 += v6 + word(block, s, 11); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 += v7 + word(block, s, 13); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 += v4 + word(block, s, 15); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  }

  if (flags & ROOT) {
    store<u32>(out, v8 ^ load<u32>(cv, 0), 32);
    store<u32>(out, v9 ^ load<u32>(cv, 4), 36);
    store<u32>(out, v10 ^ load<u32>(cv, 8), 40);
    store<u32>(out, v11 ^ load<u32>(cv, 12), 44);
    store<u32>(out, v12 ^ load<u32>(cv, 16), 48);
    store<u32>(out, v13 ^ load<u32>(cv, 20), 52);
    store<u32>(out, v14 ^ load<u32>(cv, 24), 56);
    store<u32>(out, v15 ^ load<u32>(cv, 28), 60);
  }
  store<u32>(out, v0 ^ v8);
  store<u32>(out, v1 ^ v9, 4);
  store<u32>(out, v2 ^ v10, 8);
  store<u32>(out, v3 ^ v11, 12);
  store<u32>(out, v4 ^ v12, 16);
  store<u32>(out, v5 ^ v13, 20);
  store<u32>(out, v6 ^ v14, 24);
  store<u32>(out, v7 ^ v15, 28);
}
