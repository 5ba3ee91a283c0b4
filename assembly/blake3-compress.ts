// BLAKE3's compression function for one block, in scalar code: the fastest way for a single
// block, because rounds are one chain of dependent steps. Unrolled, as each round takes the message
// words in another order. BLAKE3 paper, sections 2.2 and 2.4.

/** Domain flags, section 2.2. */
export const CHUNK_START: u32 = 1 << 0;
export const CHUNK_END: u32 = 1 << 1;
export const PARENT: u32 = 1 << 2;
export const ROOT: u32 = 1 << 3;
export const KEYED_HASH: u32 = 1 << 4;
export const DERIVE_KEY_CONTEXT: u32 = 1 << 5;
export const DERIVE_KEY_MATERIAL: u32 = 1 << 6;

/** Not of the standard: asks {@link compress} for all 64 bytes of output. */
export const FULL_OUTPUT: u32 = 1 << 31;

/** The initial chaining value (that of SHA-256): 8 words. */
export const IV: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
], 16);

/**
 * Compresses the 64 bytes at `block` under the 8 words at `cv`. Writes the 32-byte chaining value
 * to `out`; with {@link FULL_OUTPUT} among `flags`, all 64 bytes of output. `out` may be `cv`, or `block`.
 */
export function compress(cv: usize, block: usize, counter: u64, blockSize: u32, flags: u32, out: usize): void {
  compressRun(cv, block, 1, counter, blockSize, flags, out);
}

/** As {@link compress}, for `count` (1 or more) blocks in a row, each under the chaining value of the one before it. CHUNK_START is for the first alone; FULL_OUTPUT allows one block only. */
export function compressRun(cv: usize, block: usize, count: usize, counter: u64, blockSize: u32, flags: u32, out: usize): void {
  let v0 = load<u32>(cv), v1 = load<u32>(cv, 4), v2 = load<u32>(cv, 8), v3 = load<u32>(cv, 12);
  let v4 = load<u32>(cv, 16), v5 = load<u32>(cv, 20), v6 = load<u32>(cv, 24), v7 = load<u32>(cv, 28);
  while (true) {
    let v8: u32 = 0x6a09e667, v9: u32 = 0xbb67ae85, v10: u32 = 0x3c6ef372, v11: u32 = 0xa54ff53a;
    let v12 = <u32>counter, v13 = <u32>(counter >> 32), v14 = blockSize, v15 = flags & ~FULL_OUTPUT;
    const m0 = load<u32>(block), m1 = load<u32>(block, 4), m2 = load<u32>(block, 8), m3 = load<u32>(block, 12);
    const m4 = load<u32>(block, 16), m5 = load<u32>(block, 20), m6 = load<u32>(block, 24), m7 = load<u32>(block, 28);
    const m8 = load<u32>(block, 32), m9 = load<u32>(block, 36), m10 = load<u32>(block, 40), m11 = load<u32>(block, 44);
    const m12 = load<u32>(block, 48), m13 = load<u32>(block, 52), m14 = load<u32>(block, 56), m15 = load<u32>(block, 60);

    // Message word first, then the word that the last step made: that one is waited for.
    // round 1
    v0 = v0 + m0 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m1 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m2 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m3 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m4 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m5 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m6 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m7 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m8 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m9 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m10 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m11 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m12 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m13 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m14 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m15 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 2
    v0 = v0 + m2 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m6 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m3 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m10 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m7 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m0 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m4 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m13 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m1 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m11 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m12 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m5 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m9 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m14 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m15 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m8 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 3
    v0 = v0 + m3 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m4 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m10 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m12 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m13 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m2 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m7 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m14 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m6 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m5 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m9 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m0 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m11 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m15 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m8 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m1 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 4
    v0 = v0 + m10 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m7 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m12 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m9 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m14 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m3 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m13 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m15 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m4 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m0 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m11 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m2 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m5 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m8 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m1 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m6 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 5
    v0 = v0 + m12 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m13 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m9 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m11 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m15 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m10 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m14 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m8 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m7 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m2 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m5 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m3 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m0 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m1 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m6 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m4 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 6
    v0 = v0 + m9 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m14 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m11 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m5 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m8 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m12 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m15 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m1 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m13 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m3 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m0 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m10 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m2 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m6 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m4 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m7 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
    // round 7
    v0 = v0 + m11 + v4; v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
    v0 = v0 + m15 + v4; v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
    v1 = v1 + m5 + v5; v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
    v1 = v1 + m0 + v5; v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
    v2 = v2 + m1 + v6; v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
    v2 = v2 + m9 + v6; v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
    v3 = v3 + m8 + v7; v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
    v3 = v3 + m6 + v7; v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
    v0 = v0 + m14 + v5; v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
    v0 = v0 + m10 + v5; v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
    v1 = v1 + m2 + v6; v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
    v1 = v1 + m12 + v6; v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
    v2 = v2 + m3 + v7; v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
    v2 = v2 + m4 + v7; v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
    v3 = v3 + m7 + v4; v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
    v3 = v3 + m13 + v4; v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);

    if (flags & FULL_OUTPUT) {
      store<u32>(out, v8 ^ load<u32>(cv), 32);
      store<u32>(out, v9 ^ load<u32>(cv, 4), 36);
      store<u32>(out, v10 ^ load<u32>(cv, 8), 40);
      store<u32>(out, v11 ^ load<u32>(cv, 12), 44);
      store<u32>(out, v12 ^ load<u32>(cv, 16), 48);
      store<u32>(out, v13 ^ load<u32>(cv, 20), 52);
      store<u32>(out, v14 ^ load<u32>(cv, 24), 56);
      store<u32>(out, v15 ^ load<u32>(cv, 28), 60);
    }
    v0 ^= v8; v1 ^= v9; v2 ^= v10; v3 ^= v11; v4 ^= v12; v5 ^= v13; v6 ^= v14; v7 ^= v15;
    if (--count == 0) break;
    block += 64;
    flags &= ~CHUNK_START;
  }
  store<u32>(out, v0); store<u32>(out, v1, 4); store<u32>(out, v2, 8); store<u32>(out, v3, 12);
  store<u32>(out, v4, 16); store<u32>(out, v5, 20); store<u32>(out, v6, 24); store<u32>(out, v7, 28);
}
