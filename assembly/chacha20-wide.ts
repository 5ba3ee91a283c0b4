// ChaCha20 over sets of 4 blocks: one block per 32-bit lane. One set alone waits for the latency
// of vector operations, so up to 4 sets go side by side, two quarter rounds of each at a time; the
// state lies in memory, as 64 vectors do not fit the registers. While the vector units are at
// work, the scalar ones compute Poly1305 over other bytes.

import { wipe } from "./blocks";
import { CHACHA20_STATE } from "./chacha20";
import { ROTATIONS, rotl12, rotl7 } from "./chacha20-rotate";
import { POLY1305_H, POLY1305_R } from "./poly1305";

/** Bytes of keystream that one set of 4 blocks makes. */
export const SET_SIZE: usize = 256;
/** Sets that fit the scratch memory. */
export const SETS_MAX: usize = 4;

/** The state in work: sets, each of 16 words, each for 4 blocks (16 bytes). */
export const CHACHA20_SETS: usize = memory.data(1024, 64);
const STATE: usize = CHACHA20_SETS;

/** The state after the first column round, as far as all blocks have it in common: words 1 to 3, 5 to 7 and so on. */
const COMMON: usize = memory.data(64, 64);

/** A part of a set, at the end of a message. */
const PART: usize = memory.data(1024, 64);

/** Whether scratch memory was used since the last wipe. */
let used: bool = false;

/** Prepares key and nonce at {@link CHACHA20_STATE}; needed once, before the first of the functions below. */
export function chacha20Prepare(): void {
  used = true;
  prepareColumn(4);
  prepareColumn(8);
  prepareColumn(12);
}

/** The first quarter round of a column whose words, unlike those of the counter's column, are the same in all blocks. */
@inline
function prepareColumn(at: usize): void {
  let a = load<u32>(CHACHA20_STATE + at), b = load<u32>(CHACHA20_STATE + at, 16);
  let c = load<u32>(CHACHA20_STATE + at, 32), d = load<u32>(CHACHA20_STATE + at, 48);
  a += b; d = rotl(d ^ a, 16); c += d; b = rotl(b ^ c, 12);
  a += b; d = rotl(d ^ a, 8); c += d; b = rotl(b ^ c, 7);
  store<u32>(COMMON + at, a);
  store<u32>(COMMON + at, b, 16);
  store<u32>(COMMON + at, c, 32);
  store<u32>(COMMON + at, d, 48);
}

/** Adds the next `sets` (1 to 4) times 256 bytes of keystream to those at `text`, in place. */
export function chacha20XorSets(text: usize, sets: usize): void {
  const end = STATE + sets * SET_SIZE;
  begin(end);
  diagonals(end);
  for (let round = 0; round < 9; round++) {
    columns(end);
    diagonals(end);
  }
  finish(text, end);
}

/** As {@link chacha20XorSets}; and takes as many bytes at `absorbed` into Poly1305, as they are before this call. */
export function chacha20XorSetsPoly1305(text: usize, sets: usize, absorbed: usize): void {
  const end = STATE + sets * SET_SIZE;
  begin(end);
  diagonals(end);
  let h0 = load<u64>(POLY1305_H), h1 = load<u64>(POLY1305_H, 8), h2 = load<u64>(POLY1305_H, 16);
  let h3 = load<u64>(POLY1305_H, 24), h4 = load<u64>(POLY1305_H, 32);
  const r0 = load<u64>(POLY1305_R), r1 = load<u64>(POLY1305_R, 8), r2 = load<u64>(POLY1305_R, 16), r3 = load<u64>(POLY1305_R, 24);
  const q1 = load<u64>(POLY1305_R, 32), q2 = load<u64>(POLY1305_R, 40), q3 = load<u64>(POLY1305_R, 48);
  // 16 blocks for each set; what a block is computed by stands in poly1305.ts.
  for (let round = 0; round < 8; round++) {
    for (let set = STATE; set < end; set += SET_SIZE) {
      columnsOf(set);
      const x0 = h0 + <u64>load<u32>(absorbed), x1 = h1 + <u64>load<u32>(absorbed, 4);
      const x2 = h2 + <u64>load<u32>(absorbed, 8), x3 = h3 + <u64>load<u32>(absorbed, 12), x4 = h4 + 1;
      const d0 = x0 * r0 + x1 * q3 + x2 * q2 + x3 * q1;
      const d1 = x0 * r1 + x1 * r0 + x2 * q3 + x3 * q2 + x4 * q1 + (d0 >> 32);
      const d2 = x0 * r2 + x1 * r1 + x2 * r0 + x3 * q3 + x4 * q2 + (d1 >> 32);
      const d3 = x0 * r3 + x1 * r2 + x2 * r1 + x3 * r0 + x4 * q3 + (d2 >> 32);
      const d4 = x4 * r0 + (d3 >> 32);
      h0 = (d0 & 0xffffffff) + (d4 >> 2) * 5; h1 = d1 & 0xffffffff; h2 = d2 & 0xffffffff; h3 = d3 & 0xffffffff; h4 = d4 & 3;
      absorbed += 16;
    }
    for (let set = STATE; set < end; set += SET_SIZE) {
      diagonalsOf(set);
      const x0 = h0 + <u64>load<u32>(absorbed), x1 = h1 + <u64>load<u32>(absorbed, 4);
      const x2 = h2 + <u64>load<u32>(absorbed, 8), x3 = h3 + <u64>load<u32>(absorbed, 12), x4 = h4 + 1;
      const d0 = x0 * r0 + x1 * q3 + x2 * q2 + x3 * q1;
      const d1 = x0 * r1 + x1 * r0 + x2 * q3 + x3 * q2 + x4 * q1 + (d0 >> 32);
      const d2 = x0 * r2 + x1 * r1 + x2 * r0 + x3 * q3 + x4 * q2 + (d1 >> 32);
      const d3 = x0 * r3 + x1 * r2 + x2 * r1 + x3 * r0 + x4 * q3 + (d2 >> 32);
      const d4 = x4 * r0 + (d3 >> 32);
      h0 = (d0 & 0xffffffff) + (d4 >> 2) * 5; h1 = d1 & 0xffffffff; h2 = d2 & 0xffffffff; h3 = d3 & 0xffffffff; h4 = d4 & 3;
      absorbed += 16;
    }
  }
  store<u64>(POLY1305_H, h0); store<u64>(POLY1305_H, h1, 8); store<u64>(POLY1305_H, h2, 16);
  store<u64>(POLY1305_H, h3, 24); store<u64>(POLY1305_H, h4, 32);
  columns(end);
  diagonals(end);
  finish(text, end);
}

/** Adds keystream to the last `size` (1 to 1,024) bytes of a message, in place. */
export function chacha20XorPart(text: usize, size: usize): void {
  memory.copy(PART, text, size);
  chacha20XorSets(PART, (size + SET_SIZE - 1) / SET_SIZE);
  memory.copy(text, PART, size);
}

/** All ten double rounds on the sets up to `end`, whatever they are of. */
export function chacha20Rounds(end: usize): void {
  for (let round = 0; round < 10; round++) {
    columns(end);
    diagonals(end);
  }
}

/** The state of each set up to `end` after the first column round. */
function begin(end: usize): void {
  let counters = i32x4.add(i32x4.splat(load<u32>(CHACHA20_STATE, 48)), i32x4(0, 1, 2, 3));
  for (let set = STATE; set < end; set += SET_SIZE) {
    splatCommon(set, 4);
    splatCommon(set, 8);
    splatCommon(set, 12);
    store<v128>(set, v128.load_splat<u32>(CHACHA20_STATE));
    store<v128>(set, v128.load_splat<u32>(CHACHA20_STATE, 16), 64);
    store<v128>(set, v128.load_splat<u32>(CHACHA20_STATE, 32), 128);
    store<v128>(set, counters, 192);
    quarterRound(set, set + 64, set + 128, set + 192);
    counters = i32x4.add(counters, i32x4.splat(4));
  }
}

@inline
function splatCommon(set: usize, at: usize): void {
  store<v128>(set + 4 * at, v128.load_splat<u32>(COMMON + at));
  store<v128>(set + 4 * at, v128.load_splat<u32>(COMMON + at, 16), 64);
  store<v128>(set + 4 * at, v128.load_splat<u32>(COMMON + at, 32), 128);
  store<v128>(set + 4 * at, v128.load_splat<u32>(COMMON + at, 48), 192);
}

/** Adds the states of before the rounds, and the sum to `text`; steps the counter. */
function finish(text: usize, end: usize): void {
  let counters = i32x4.add(i32x4.splat(load<u32>(CHACHA20_STATE, 48)), i32x4(0, 1, 2, 3));
  for (let set = STATE; set < end; set += SET_SIZE) {
    finishWords(set, text, 0, v128.load_splat<u32>(CHACHA20_STATE));
    finishWords(set, text, 16, v128.load_splat<u32>(CHACHA20_STATE, 16));
    finishWords(set, text, 32, v128.load_splat<u32>(CHACHA20_STATE, 32));
    finishWords(set, text, 48, counters);
    counters = i32x4.add(counters, i32x4.splat(4));
    text += SET_SIZE;
  }
  store<u32>(CHACHA20_STATE, load<u32>(CHACHA20_STATE, 48) + <u32>((end - STATE) / 64), 48);
}

/** Adds to `text` the 4 words of each block from byte `at` on, the first of which was `first` before the rounds. */
@inline
function finishWords(set: usize, text: usize, at: usize, first: v128): void {
  const r0 = i32x4.add(load<v128>(set + 4 * at), first);
  const r1 = i32x4.add(load<v128>(set + 4 * at, 16), v128.load_splat<u32>(CHACHA20_STATE + at, 4));
  const r2 = i32x4.add(load<v128>(set + 4 * at, 32), v128.load_splat<u32>(CHACHA20_STATE + at, 8));
  const r3 = i32x4.add(load<v128>(set + 4 * at, 48), v128.load_splat<u32>(CHACHA20_STATE + at, 12));
  const t0 = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
  const to = text + at;
  store<v128>(to, v128.xor(load<v128>(to), v128.shuffle<u64>(t0, t2, 0, 2)));
  store<v128>(to, v128.xor(load<v128>(to, 64), v128.shuffle<u64>(t0, t2, 1, 3)), 64);
  store<v128>(to, v128.xor(load<v128>(to, 128), v128.shuffle<u64>(t1, t3, 0, 2)), 128);
  store<v128>(to, v128.xor(load<v128>(to, 192), v128.shuffle<u64>(t1, t3, 1, 3)), 192);
}

/** The column round (RFC 8439, section 2.3) on all sets up to `end`. */
@inline
function columns(end: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) columnsOf(set);
}

/** The diagonal round (section 2.3) on all sets up to `end`. */
@inline
function diagonals(end: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) diagonalsOf(set);
}

@inline
function columnsOf(set: usize): void {
  twoQuarterRounds(set, set + 64, set + 128, set + 192, set + 16, set + 80, set + 144, set + 208);
  twoQuarterRounds(set + 32, set + 96, set + 160, set + 224, set + 48, set + 112, set + 176, set + 240);
}

@inline
function diagonalsOf(set: usize): void {
  twoQuarterRounds(set, set + 80, set + 160, set + 240, set + 16, set + 96, set + 176, set + 192);
  twoQuarterRounds(set + 32, set + 112, set + 128, set + 208, set + 48, set + 64, set + 144, set + 224);
}

/** The quarter round (section 2.1) on four words of a set. */
@inline
function quarterRound(a: usize, b: usize, c: usize, d: usize): void {
  const rotate16 = load<v128>(ROTATIONS), rotate8 = load<v128>(ROTATIONS, 16);
  let a0 = load<v128>(a), b0 = load<v128>(b), c0 = load<v128>(c), d0 = load<v128>(d);
  a0 = i32x4.add(a0, b0); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate16);
  c0 = i32x4.add(c0, d0); b0 = rotl12(v128.xor(b0, c0));
  a0 = i32x4.add(a0, b0); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate8);
  c0 = i32x4.add(c0, d0); b0 = rotl7(v128.xor(b0, c0));
  store<v128>(a, a0); store<v128>(b, b0); store<v128>(c, c0); store<v128>(d, d0);
}

/** Two quarter rounds side by side: as many as the registers hold. */
@inline
function twoQuarterRounds(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize): void {
  const rotate16 = load<v128>(ROTATIONS), rotate8 = load<v128>(ROTATIONS, 16);
  let a0 = load<v128>(a), b0 = load<v128>(b), c0 = load<v128>(c), d0 = load<v128>(d);
  let a1 = load<v128>(e), b1 = load<v128>(f), c1 = load<v128>(g), d1 = load<v128>(h);
  a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1);
  d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate16); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), rotate16);
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotl12(v128.xor(b0, c0)); b1 = rotl12(v128.xor(b1, c1));
  a0 = i32x4.add(a0, b0); a1 = i32x4.add(a1, b1);
  d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate8); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), rotate8);
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotl7(v128.xor(b0, c0)); b1 = rotl7(v128.xor(b1, c1));
  store<v128>(a, a0); store<v128>(b, b0); store<v128>(c, c0); store<v128>(d, d0);
  store<v128>(e, a1); store<v128>(f, b1); store<v128>(g, c1); store<v128>(h, d1);
}

/** Forgets key and keystream. */
export function chacha20WipeSets(): void {
  if (!used) return;
  wipe(STATE, 1024);
  wipe(COMMON, 64);
  wipe(PART, 1024);
  used = false;
}
