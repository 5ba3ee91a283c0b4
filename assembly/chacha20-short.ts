// ChaCha20 for AEAD messages of at most 64 bytes: two blocks (RFC 8439, section 2.8), the one that
// the key of Poly1305 comes from and the only one of keystream. A block is one chain of dependent
// steps that leaves most of the processor idle, so the two are worked on at once, each in other units:
// the first one as scalars, the second as vectors of rows. Vectors take twice as long. Half done, the
// second one either goes on beside Poly1305, or is taken over by the scalar units for the rest.

import { wipe } from "./blocks";
import { ROTATIONS, rotl12, rotl7 } from "./chacha20-rotate";
import { POLY1305_H, POLY1305_R } from "./poly1305";

/** The longest text. */
export const SHORT_SIZE_MAX: usize = 64;
/** Double rounds of the second block that are left after {@link shortStart}. */
export const ROUNDS_AFTER_START: i32 = 5;
/** And after {@link shortAbsorb}. */
export const ROUNDS_AFTER_ABSORB: i32 = 2;

/** The second block in work: 4 rows of 4 words. */
const ROWS: usize = memory.data(64, 16);

const LOW32: u64 = 0xffffffff;

/** Where key and nonce of the message are. */
let key: usize = 0;
let nonce: usize = 0;

/**
 * Starts a message under the 32 bytes at `messageKey` and the 12 at `messageNonce`, which stay there until it
 * is done. Writes the first half of block 0 to `out`: the 32-byte key of Poly1305.
 */
export function shortStart(messageKey: usize, messageNonce: usize, out: usize): void {
  key = messageKey;
  nonce = messageNonce;
  let v0: u32 = 0x61707865, v1: u32 = 0x3320646e, v2: u32 = 0x79622d32, v3: u32 = 0x6b206574;
  let v4 = load<u32>(key), v5 = load<u32>(key, 4), v6 = load<u32>(key, 8), v7 = load<u32>(key, 12);
  let v8 = load<u32>(key, 16), v9 = load<u32>(key, 20), v10 = load<u32>(key, 24), v11 = load<u32>(key, 28);
  let v12: u32 = 0, v13 = load<u32>(nonce), v14 = load<u32>(nonce, 4), v15 = load<u32>(nonce, 8);
  const rotate16 = load<v128>(ROTATIONS), rotate8 = load<v128>(ROTATIONS, 16);
  let a = i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574), b = load<v128>(key), c = load<v128>(key, 16);
  // What stands before the nonce gives way to the block counter.
  let d = i32x4.replace_lane(load<v128>(nonce - 4), 0, 1);
  // Two double rounds of block 0 for each one of block 1. The rows a, c and d turn to the diagonals,
  // rather than b, which is the last to be ready.
  for (let round = 0; round < 5; round++) {
    v0 += v4; v12 = rotl(v12 ^ v0, 16); v8 += v12; v4 = rotl(v4 ^ v8, 12);
    v1 += v5; v13 = rotl(v13 ^ v1, 16); v9 += v13; v5 = rotl(v5 ^ v9, 12);
    v2 += v6; v14 = rotl(v14 ^ v2, 16); v10 += v14; v6 = rotl(v6 ^ v10, 12);
    v3 += v7; v15 = rotl(v15 ^ v3, 16); v11 += v15; v7 = rotl(v7 ^ v11, 12);
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate16);
    v0 += v4; v12 = rotl(v12 ^ v0, 8); v8 += v12; v4 = rotl(v4 ^ v8, 7);
    v1 += v5; v13 = rotl(v13 ^ v1, 8); v9 += v13; v5 = rotl(v5 ^ v9, 7);
    v2 += v6; v14 = rotl(v14 ^ v2, 8); v10 += v14; v6 = rotl(v6 ^ v10, 7);
    v3 += v7; v15 = rotl(v15 ^ v3, 8); v11 += v15; v7 = rotl(v7 ^ v11, 7);
    c = i32x4.add(c, d); b = rotl12(v128.xor(b, c));
    v0 += v5; v15 = rotl(v15 ^ v0, 16); v10 += v15; v5 = rotl(v5 ^ v10, 12);
    v1 += v6; v12 = rotl(v12 ^ v1, 16); v11 += v12; v6 = rotl(v6 ^ v11, 12);
    v2 += v7; v13 = rotl(v13 ^ v2, 16); v8 += v13; v7 = rotl(v7 ^ v8, 12);
    v3 += v4; v14 = rotl(v14 ^ v3, 16); v9 += v14; v4 = rotl(v4 ^ v9, 12);
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate8);
    v0 += v5; v15 = rotl(v15 ^ v0, 8); v10 += v15; v5 = rotl(v5 ^ v10, 7);
    v1 += v6; v12 = rotl(v12 ^ v1, 8); v11 += v12; v6 = rotl(v6 ^ v11, 7);
    v2 += v7; v13 = rotl(v13 ^ v2, 8); v8 += v13; v7 = rotl(v7 ^ v8, 7);
    v3 += v4; v14 = rotl(v14 ^ v3, 8); v9 += v14; v4 = rotl(v4 ^ v9, 7);
    c = i32x4.add(c, d); b = rotl7(v128.xor(b, c));
    a = v128.shuffle<u32>(a, a, 3, 0, 1, 2); c = v128.shuffle<u32>(c, c, 1, 2, 3, 0); d = v128.shuffle<u32>(d, d, 2, 3, 0, 1);
    v0 += v4; v12 = rotl(v12 ^ v0, 16); v8 += v12; v4 = rotl(v4 ^ v8, 12);
    v1 += v5; v13 = rotl(v13 ^ v1, 16); v9 += v13; v5 = rotl(v5 ^ v9, 12);
    v2 += v6; v14 = rotl(v14 ^ v2, 16); v10 += v14; v6 = rotl(v6 ^ v10, 12);
    v3 += v7; v15 = rotl(v15 ^ v3, 16); v11 += v15; v7 = rotl(v7 ^ v11, 12);
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate16);
    v0 += v4; v12 = rotl(v12 ^ v0, 8); v8 += v12; v4 = rotl(v4 ^ v8, 7);
    v1 += v5; v13 = rotl(v13 ^ v1, 8); v9 += v13; v5 = rotl(v5 ^ v9, 7);
    v2 += v6; v14 = rotl(v14 ^ v2, 8); v10 += v14; v6 = rotl(v6 ^ v10, 7);
    v3 += v7; v15 = rotl(v15 ^ v3, 8); v11 += v15; v7 = rotl(v7 ^ v11, 7);
    c = i32x4.add(c, d); b = rotl12(v128.xor(b, c));
    v0 += v5; v15 = rotl(v15 ^ v0, 16); v10 += v15; v5 = rotl(v5 ^ v10, 12);
    v1 += v6; v12 = rotl(v12 ^ v1, 16); v11 += v12; v6 = rotl(v6 ^ v11, 12);
    v2 += v7; v13 = rotl(v13 ^ v2, 16); v8 += v13; v7 = rotl(v7 ^ v8, 12);
    v3 += v4; v14 = rotl(v14 ^ v3, 16); v9 += v14; v4 = rotl(v4 ^ v9, 12);
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate8);
    v0 += v5; v15 = rotl(v15 ^ v0, 8); v10 += v15; v5 = rotl(v5 ^ v10, 7);
    v1 += v6; v12 = rotl(v12 ^ v1, 8); v11 += v12; v6 = rotl(v6 ^ v11, 7);
    v2 += v7; v13 = rotl(v13 ^ v2, 8); v8 += v13; v7 = rotl(v7 ^ v8, 7);
    v3 += v4; v14 = rotl(v14 ^ v3, 8); v9 += v14; v4 = rotl(v4 ^ v9, 7);
    c = i32x4.add(c, d); b = rotl7(v128.xor(b, c));
    a = v128.shuffle<u32>(a, a, 1, 2, 3, 0); c = v128.shuffle<u32>(c, c, 3, 0, 1, 2); d = v128.shuffle<u32>(d, d, 2, 3, 0, 1);
  }
  store<u32>(out, v0 + 0x61707865); store<u32>(out, v1 + 0x3320646e, 4);
  store<u32>(out, v2 + 0x79622d32, 8); store<u32>(out, v3 + 0x6b206574, 12);
  store<u32>(out, v4 + load<u32>(key), 16); store<u32>(out, v5 + load<u32>(key, 4), 20);
  store<u32>(out, v6 + load<u32>(key, 8), 24); store<u32>(out, v7 + load<u32>(key, 12), 28);
  store<v128>(ROWS, a); store<v128>(ROWS, b, 16); store<v128>(ROWS, c, 32); store<v128>(ROWS, d, 48);
}

/**
 * Takes the blocks from `input` to `end` (at most 5) and the closing one (RFC 8439, section 2.8) into
 * Poly1305 while three double rounds go on.
 */
export function shortAbsorb(input: usize, end: usize, additionalSize: u64, textSize: u64): void {
  let h0 = load<u64>(POLY1305_H), h1 = load<u64>(POLY1305_H, 8), h2 = load<u64>(POLY1305_H, 16);
  let h3 = load<u64>(POLY1305_H, 24), h4 = load<u64>(POLY1305_H, 32);
  const r0 = load<u64>(POLY1305_R), r1 = load<u64>(POLY1305_R, 8), r2 = load<u64>(POLY1305_R, 16), r3 = load<u64>(POLY1305_R, 24);
  const q1 = load<u64>(POLY1305_R, 32), q2 = load<u64>(POLY1305_R, 40), q3 = load<u64>(POLY1305_R, 48);
  const rotate16 = load<v128>(ROTATIONS), rotate8 = load<v128>(ROTATIONS, 16);
  let a = load<v128>(ROWS), b = load<v128>(ROWS, 16), c = load<v128>(ROWS, 32), d = load<v128>(ROWS, 48);
  let last = false;
  // A single round each time, and behind it the turn to its diagonals or back to the columns.
  for (let round = 0; round < 6; round++) {
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate16);
    c = i32x4.add(c, d); b = rotl12(v128.xor(b, c));
    a = i32x4.add(a, b); d = i8x16.relaxed_swizzle(v128.xor(d, a), rotate8);
    c = i32x4.add(c, d); b = rotl7(v128.xor(b, c));
    if (round & 1) {
      a = v128.shuffle<u32>(a, a, 1, 2, 3, 0); c = v128.shuffle<u32>(c, c, 3, 0, 1, 2); d = v128.shuffle<u32>(d, d, 2, 3, 0, 1);
    } else {
      a = v128.shuffle<u32>(a, a, 3, 0, 1, 2); c = v128.shuffle<u32>(c, c, 1, 2, 3, 0); d = v128.shuffle<u32>(d, d, 2, 3, 0, 1);
    }
    if (last) continue;
    last = input == end;
    const low = last ? additionalSize : load<u64>(input), high = last ? textSize : load<u64>(input, 8);
    // What a block is computed by stands in poly1305.ts.
    const x0 = h0 + (low & LOW32), x1 = h1 + (low >> 32), x2 = h2 + (high & LOW32), x3 = h3 + (high >> 32), x4 = h4 + 1;
    const d0 = x0 * r0 + x1 * q3 + x2 * q2 + x3 * q1;
    const d1 = x0 * r1 + x1 * r0 + x2 * q3 + x3 * q2 + x4 * q1 + (d0 >> 32);
    const d2 = x0 * r2 + x1 * r1 + x2 * r0 + x3 * q3 + x4 * q2 + (d1 >> 32);
    const d3 = x0 * r3 + x1 * r2 + x2 * r1 + x3 * r0 + x4 * q3 + (d2 >> 32);
    const d4 = x4 * r0 + (d3 >> 32);
    h0 = (d0 & LOW32) + (d4 >> 2) * 5; h1 = d1 & LOW32; h2 = d2 & LOW32; h3 = d3 & LOW32; h4 = d4 & 3;
    input += 16;
  }
  store<u64>(POLY1305_H, h0); store<u64>(POLY1305_H, h1, 8); store<u64>(POLY1305_H, h2, 16);
  store<u64>(POLY1305_H, h3, 24); store<u64>(POLY1305_H, h4, 32);
  store<v128>(ROWS, a); store<v128>(ROWS, b, 16); store<v128>(ROWS, c, 32); store<v128>(ROWS, d, 48);
}

/** Does the last `rounds` double rounds and adds the keystream to the 64 bytes at `text`. */
export function shortXor(text: usize, rounds: i32): void {
  let v0 = load<u32>(ROWS), v1 = load<u32>(ROWS, 4), v2 = load<u32>(ROWS, 8), v3 = load<u32>(ROWS, 12);
  let v4 = load<u32>(ROWS, 16), v5 = load<u32>(ROWS, 20), v6 = load<u32>(ROWS, 24), v7 = load<u32>(ROWS, 28);
  let v8 = load<u32>(ROWS, 32), v9 = load<u32>(ROWS, 36), v10 = load<u32>(ROWS, 40), v11 = load<u32>(ROWS, 44);
  let v12 = load<u32>(ROWS, 48), v13 = load<u32>(ROWS, 52), v14 = load<u32>(ROWS, 56), v15 = load<u32>(ROWS, 60);
  for (let round = 0; round < rounds; round++) {
    v0 += v4; v12 = rotl(v12 ^ v0, 16); v8 += v12; v4 = rotl(v4 ^ v8, 12);
    v1 += v5; v13 = rotl(v13 ^ v1, 16); v9 += v13; v5 = rotl(v5 ^ v9, 12);
    v2 += v6; v14 = rotl(v14 ^ v2, 16); v10 += v14; v6 = rotl(v6 ^ v10, 12);
    v3 += v7; v15 = rotl(v15 ^ v3, 16); v11 += v15; v7 = rotl(v7 ^ v11, 12);
    v0 += v4; v12 = rotl(v12 ^ v0, 8); v8 += v12; v4 = rotl(v4 ^ v8, 7);
    v1 += v5; v13 = rotl(v13 ^ v1, 8); v9 += v13; v5 = rotl(v5 ^ v9, 7);
    v2 += v6; v14 = rotl(v14 ^ v2, 8); v10 += v14; v6 = rotl(v6 ^ v10, 7);
    v3 += v7; v15 = rotl(v15 ^ v3, 8); v11 += v15; v7 = rotl(v7 ^ v11, 7);
    v0 += v5; v15 = rotl(v15 ^ v0, 16); v10 += v15; v5 = rotl(v5 ^ v10, 12);
    v1 += v6; v12 = rotl(v12 ^ v1, 16); v11 += v12; v6 = rotl(v6 ^ v11, 12);
    v2 += v7; v13 = rotl(v13 ^ v2, 16); v8 += v13; v7 = rotl(v7 ^ v8, 12);
    v3 += v4; v14 = rotl(v14 ^ v3, 16); v9 += v14; v4 = rotl(v4 ^ v9, 12);
    v0 += v5; v15 = rotl(v15 ^ v0, 8); v10 += v15; v5 = rotl(v5 ^ v10, 7);
    v1 += v6; v12 = rotl(v12 ^ v1, 8); v11 += v12; v6 = rotl(v6 ^ v11, 7);
    v2 += v7; v13 = rotl(v13 ^ v2, 8); v8 += v13; v7 = rotl(v7 ^ v8, 7);
    v3 += v4; v14 = rotl(v14 ^ v3, 8); v9 += v14; v4 = rotl(v4 ^ v9, 7);
  }
  // Pairs of words: what is stored in one piece can be loaded again at once.
  addPair(text, v0 + 0x61707865, v1 + 0x3320646e);
  addPair(text + 8, v2 + 0x79622d32, v3 + 0x6b206574);
  addPair(text + 16, v4 + load<u32>(key), v5 + load<u32>(key, 4));
  addPair(text + 24, v6 + load<u32>(key, 8), v7 + load<u32>(key, 12));
  addPair(text + 32, v8 + load<u32>(key, 16), v9 + load<u32>(key, 20));
  addPair(text + 40, v10 + load<u32>(key, 24), v11 + load<u32>(key, 28));
  addPair(text + 48, v12 + 1, v13 + load<u32>(nonce));
  addPair(text + 56, v14 + load<u32>(nonce, 4), v15 + load<u32>(nonce, 8));
}

@inline
function addPair(to: usize, low: u32, high: u32): void {
  store<u64>(to, load<u64>(to) ^ (<u64>low | (<u64>high << 32)));
}

/** Forgets the keystream. */
export function shortWipe(): void {
  wipe(ROWS, 64);
}
