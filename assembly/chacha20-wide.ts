// ChaCha20, 16 blocks at once: one per 32-bit lane of four vectors. One set of 4 lanes would wait
// for the latency of vector operations; four sets fill it, with the state in memory as 64 vectors
// do not fit the registers. While the vector units are at work, the scalar ones compute Poly1305
// over another 1,024 bytes.

import { wipe } from "./blocks";
import { CHACHA20_STATE } from "./chacha20";
import { poly1305Block } from "./poly1305";

/** Bytes that one batch makes. */
export const BATCH_SIZE: usize = 1024;

/** Bytes of one word for all 16 blocks. */
const WORD: usize = 64;
/** The state in work: 16 words, each for blocks 0..3, 4..7, 8..11 and 12..15 (16 bytes each). */
const STATE: usize = memory.data(1024, 64);

/** A part of a batch, at the end of a message. */
const PART: usize = memory.data(1024, 64);

/** Whether a batch was made since the last wipe. */
let used: bool = false;

/** Adds the next 1,024 bytes of keystream to those at `text`, in place. */
export function chacha20Xor16(text: usize): void {
  begin();
  for (let round = 0; round < 10; round++) doubleRound();
  finish(text);
}

/** As {@link chacha20Xor16}; and takes the 1,024 bytes at `absorbed` into Poly1305, as they are before this call. */
export function chacha20Xor16Poly1305(text: usize, absorbed: usize): void {
  begin();
  for (const end = absorbed + BATCH_SIZE; absorbed < end; absorbed += 128) {
    quarterRound(0, 4, 8, 12);
    poly1305Block(absorbed);
    quarterRound(1, 5, 9, 13);
    poly1305Block(absorbed + 16);
    quarterRound(2, 6, 10, 14);
    poly1305Block(absorbed + 32);
    quarterRound(3, 7, 11, 15);
    poly1305Block(absorbed + 48);
    quarterRound(0, 5, 10, 15);
    poly1305Block(absorbed + 64);
    quarterRound(1, 6, 11, 12);
    poly1305Block(absorbed + 80);
    quarterRound(2, 7, 8, 13);
    poly1305Block(absorbed + 96);
    quarterRound(3, 4, 9, 14);
    poly1305Block(absorbed + 112);
  }
  doubleRound();
  doubleRound();
  finish(text);
}

/** Adds keystream to the last `size` (at most 1,024) bytes of a message, in place. */
export function chacha20XorPart16(text: usize, size: usize): void {
  memory.copy(PART, text, size);
  chacha20Xor16(PART);
  memory.copy(text, PART, size);
}

/** The state of each block before the rounds: all alike but for the counter. */
function begin(): void {
  used = true;
  for (let word: usize = 0; word < 16; word++) {
    const value = load<u32>(CHACHA20_STATE + word * 4);
    const to = STATE + word * WORD;
    store<v128>(to, i32x4.splat(value));
    store<v128>(to, i32x4.splat(value), 16);
    store<v128>(to, i32x4.splat(value), 32);
    store<v128>(to, i32x4.splat(value), 48);
  }
  addCounters();
}

/** Adds its number in the batch to the counter of each block. */
function addCounters(): void {
  const counters = STATE + 12 * WORD;
  store<v128>(counters, i32x4.add(load<v128>(counters), i32x4(0, 1, 2, 3)));
  store<v128>(counters, i32x4.add(load<v128>(counters, 16), i32x4(4, 5, 6, 7)), 16);
  store<v128>(counters, i32x4.add(load<v128>(counters, 32), i32x4(8, 9, 10, 11)), 32);
  store<v128>(counters, i32x4.add(load<v128>(counters, 48), i32x4(12, 13, 14, 15)), 48);
}

/** Adds the states of before the rounds, and the sum to `text`; steps the counter. */
function finish(text: usize): void {
  addCounters();
  for (let words: usize = 0; words < 4; words++) {
    const i0 = v128.load_splat<u32>(CHACHA20_STATE + words * 16), i1 = v128.load_splat<u32>(CHACHA20_STATE + words * 16, 4);
    const i2 = v128.load_splat<u32>(CHACHA20_STATE + words * 16, 8), i3 = v128.load_splat<u32>(CHACHA20_STATE + words * 16, 12);
    for (let set: usize = 0; set < 4; set++) {
      const from = STATE + words * 4 * WORD + set * 16;
      const r0 = i32x4.add(load<v128>(from), i0), r1 = i32x4.add(load<v128>(from, 64), i1);
      const r2 = i32x4.add(load<v128>(from, 128), i2), r3 = i32x4.add(load<v128>(from, 192), i3);
      const t0 = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7);
      const t2 = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
      const to = text + set * 256 + words * 16;
      store<v128>(to, v128.xor(load<v128>(to), v128.shuffle<u64>(t0, t2, 0, 2)));
      store<v128>(to, v128.xor(load<v128>(to, 64), v128.shuffle<u64>(t0, t2, 1, 3)), 64);
      store<v128>(to, v128.xor(load<v128>(to, 128), v128.shuffle<u64>(t1, t3, 0, 2)), 128);
      store<v128>(to, v128.xor(load<v128>(to, 192), v128.shuffle<u64>(t1, t3, 1, 3)), 192);
    }
  }
  store<u32>(CHACHA20_STATE, load<u32>(CHACHA20_STATE, 48) + 16, 48);
}

@inline
function rotl16(x: v128): v128 { return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); }
@inline
function rotl12(x: v128): v128 { return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20)); }
@inline
function rotl8(x: v128): v128 { return v128.shuffle<u8>(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14); }
@inline
function rotl7(x: v128): v128 { return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25)); }

/** A double round (RFC 8439, section 2.3) on all 16 blocks. */
function doubleRound(): void {
  quarterRound(0, 4, 8, 12);
  quarterRound(1, 5, 9, 13);
  quarterRound(2, 6, 10, 14);
  quarterRound(3, 7, 11, 15);
  quarterRound(0, 5, 10, 15);
  quarterRound(1, 6, 11, 12);
  quarterRound(2, 7, 8, 13);
  quarterRound(3, 4, 9, 14);
}

/** The quarter round (section 2.1) on words `wordA` to `wordD` of all 16 blocks. */
@inline
function quarterRound(wordA: usize, wordB: usize, wordC: usize, wordD: usize): void {
  const a = STATE + wordA * WORD, b = STATE + wordB * WORD, c = STATE + wordC * WORD, d = STATE + wordD * WORD;
  let a0 = load<v128>(a), a1 = load<v128>(a, 16), a2 = load<v128>(a, 32), a3 = load<v128>(a, 48);
  let b0 = load<v128>(b), b1 = load<v128>(b, 16), b2 = load<v128>(b, 32), b3 = load<v128>(b, 48);
  let c0 = load<v128>(c), c1 = load<v128>(c, 16), c2 = load<v128>(c, 32), c3 = load<v128>(c, 48);
  let d0 = load<v128>(d), d1 = load<v128>(d, 16), d2 = load<v128>(d, 32), d3 = load<v128>(d, 48);
  a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1); a2 = i32x4.add(a2, b2); a3 = i32x4.add(a3, b3);
  d0 = rotl16(v128.xor(d0, a0)); d1 = rotl16(v128.xor(d1, a1)); d2 = rotl16(v128.xor(d2, a2)); d3 = rotl16(v128.xor(d3, a3));
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1); c2 = i32x4.add(c2, d2); c3 = i32x4.add(c3, d3);
  b0 = rotl12(v128.xor(b0, c0)); b1 = rotl12(v128.xor(b1, c1)); b2 = rotl12(v128.xor(b2, c2)); b3 = rotl12(v128.xor(b3, c3));
  a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1); a2 = i32x4.add(a2, b2); a3 = i32x4.add(a3, b3);
  d0 = rotl8(v128.xor(d0, a0)); d1 = rotl8(v128.xor(d1, a1)); d2 = rotl8(v128.xor(d2, a2)); d3 = rotl8(v128.xor(d3, a3));
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1); c2 = i32x4.add(c2, d2); c3 = i32x4.add(c3, d3);
  b0 = rotl7(v128.xor(b0, c0)); b1 = rotl7(v128.xor(b1, c1)); b2 = rotl7(v128.xor(b2, c2)); b3 = rotl7(v128.xor(b3, c3));
  store<v128>(a, a0); store<v128>(a, a1, 16); store<v128>(a, a2, 32); store<v128>(a, a3, 48);
  store<v128>(b, b0); store<v128>(b, b1, 16); store<v128>(b, b2, 32); store<v128>(b, b3, 48);
  store<v128>(c, c0); store<v128>(c, c1, 16); store<v128>(c, c2, 32); store<v128>(c, c3, 48);
  store<v128>(d, d0); store<v128>(d, d1, 16); store<v128>(d, d2, 32); store<v128>(d, d3, 48);
}

/** Forgets key and keystream. */
export function chacha20Wipe16(): void {
  if (!used) return;
  wipe(STATE, BATCH_SIZE);
  wipe(PART, BATCH_SIZE);
  used = false;
}
