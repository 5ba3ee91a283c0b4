// BLAKE3's compression of 8 inputs at once, one per 32-bit lane of two vectors: what whole chunks
// and levels of the tree are made of. Vector operations have latency; two independent sets of 4
// lanes fill it. The state lives in memory, not in locals: 32 vectors do not fit the registers.

import { CHUNK_END, CHUNK_START, IV, PARENT, SCHEDULE } from "./blake3-compress";
import { wipe } from "./blocks";

/** Bytes of one word for all 8 inputs. */
const WORD: usize = 32;

/** The state: 16 words, each for inputs 0..3 (16 bytes) and 4..7 (16 bytes). */
const STATE: usize = memory.data(512, 64);
/** The message block: 16 words, laid out as the state. */
const MESSAGE: usize = memory.data(512, 64);

/** Chaining values of the 8 whole chunks at `input`, none of which is the root, to `out`: 8 x 32 bytes. */
export function hashChunks8(input: usize, firstIndex: u64, key: usize, mode: u32, out: usize): void {
  splatKey(key);
  for (let block: usize = 0; block < 16; block++) {
    loadMessages(input + block * 64, 1024);
    setCounters(firstIndex);
    let flags = mode;
    if (block == 0) flags |= CHUNK_START;
    if (block == 15) flags |= CHUNK_END;
    compress8(flags);
  }
  storeChainingValues(out);
}

/** Chaining values of the 8 parents of the 16 consecutive nodes at `children`, to `out`, which may be `children`. */
export function hashParents8(children: usize, key: usize, mode: u32, out: usize): void {
  splatKey(key);
  loadMessages(children, 64);
  store<v128>(STATE, i64x2.splat(0), 12 * WORD);
  store<v128>(STATE, i64x2.splat(0), 12 * WORD + 16);
  store<v128>(STATE, i64x2.splat(0), 13 * WORD);
  store<v128>(STATE, i64x2.splat(0), 13 * WORD + 16);
  compress8(mode | PARENT);
  storeChainingValues(out);
}

/** Forgets all inputs. */
export function wipe8(): void {
  wipe(STATE, 512);
  wipe(MESSAGE, 512);
}

/** The key's words to all lanes of the state's first half. */
function splatKey(key: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const word = i32x4.splat(load<u32>(key + i * 4));
    store<v128>(STATE + i * WORD, word);
    store<v128>(STATE + i * WORD, word, 16);
  }
}

/** Words 12 and 13: the index of each chunk. Indices in a group of 8 differ in their low 3 bits only. */
function setCounters(firstIndex: u64): void {
  const low = i32x4.splat(<u32>firstIndex);
  const high = i32x4.splat(<u32>(firstIndex >> 32));
  store<v128>(STATE, v128.or(low, i32x4(0, 1, 2, 3)), 12 * WORD);
  store<v128>(STATE, v128.or(low, i32x4(4, 5, 6, 7)), 12 * WORD + 16);
  store<v128>(STATE, high, 13 * WORD);
  store<v128>(STATE, high, 13 * WORD + 16);
}

/** Takes 64 bytes from each of 8 inputs, `stride` bytes apart, to the words of the message. */
function loadMessages(input: usize, stride: usize): void {
  for (let words: usize = 0; words < 16; words += 4) {
    transpose(input + words * 4, stride, MESSAGE + words * WORD, WORD);
    transpose(input + 4 * stride + words * 4, stride, MESSAGE + words * WORD + 16, WORD);
  }
}

/** Transposes 4 rows of 4 words: rows lie `fromStride` bytes apart, columns are written `toStride` bytes apart. */
function transpose(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const r0 = load<v128>(from), r1 = load<v128>(from + fromStride);
  const r2 = load<v128>(from + 2 * fromStride), r3 = load<v128>(from + 3 * fromStride);
  const t0 = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
  store<v128>(to, v128.shuffle<u64>(t0, t2, 0, 2));
  store<v128>(to + toStride, v128.shuffle<u64>(t0, t2, 1, 3));
  store<v128>(to + 2 * toStride, v128.shuffle<u64>(t1, t3, 0, 2));
  store<v128>(to + 3 * toStride, v128.shuffle<u64>(t1, t3, 1, 3));
}

/** Writes the state's first half, input by input: 32 bytes each. */
function storeChainingValues(out: usize): void {
  for (let words: usize = 0; words < 8; words += 4) {
    transpose(STATE + words * WORD, WORD, out + words * 4, 32);
    transpose(STATE + words * WORD + 16, WORD, out + 128 + words * 4, 32);
  }
}

/** One whole block for each input: words 0..7, 12 and 13 of the state and the message are in place. */
function compress8(flags: u32): void {
  for (let i: usize = 0; i < 4; i++) {
    const word = i32x4.splat(load<u32>(IV + i * 4));
    store<v128>(STATE + (8 + i) * WORD, word);
    store<v128>(STATE + (8 + i) * WORD, word, 16);
  }
  store<v128>(STATE, i32x4.splat(64), 14 * WORD);
  store<v128>(STATE, i32x4.splat(64), 14 * WORD + 16);
  store<v128>(STATE, i32x4.splat(flags), 15 * WORD);
  store<v128>(STATE, i32x4.splat(flags), 15 * WORD + 16);
  // The chaining value goes into the rounds alone: the output is the exclusive or of both halves.
  for (let s = SCHEDULE, end = SCHEDULE + 112; s < end; s += 16) {
    mix(0, 4, 8, 12, word(s, 0), word(s, 1));
    mix(1, 5, 9, 13, word(s, 2), word(s, 3));
    mix(2, 6, 10, 14, word(s, 4), word(s, 5));
    mix(3, 7, 11, 15, word(s, 6), word(s, 7));
    mix(0, 5, 10, 15, word(s, 8), word(s, 9));
    mix(1, 6, 11, 12, word(s, 10), word(s, 11));
    mix(2, 7, 8, 13, word(s, 12), word(s, 13));
    mix(3, 4, 9, 14, word(s, 14), word(s, 15));
  }
  for (let offset: usize = 0; offset < 8 * WORD; offset += 16) {
    store<v128>(STATE + offset, v128.xor(load<v128>(STATE + offset), load<v128>(STATE + offset, 8 * WORD)));
  }
}

/** Address of message word `index` of the round whose schedule starts at `schedule`. */
@inline
function word(schedule: usize, index: usize): usize {
  return MESSAGE + (<usize>load<u8>(schedule + index) << 3);
}

@inline
function rotr16(x: v128): v128 { return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); }
@inline
function rotr12(x: v128): v128 { return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20)); }
@inline
function rotr8(x: v128): v128 { return v128.shuffle<u8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12); }
@inline
function rotr7(x: v128): v128 { return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25)); }

/** The function G, section 2.2, on words `a`, `b`, `c`, `d` of all 8 states with the message words at `x` and `y`. */
@inline
function mix(a: usize, b: usize, c: usize, d: usize, x: usize, y: usize): void {
  let a0 = load<v128>(STATE + a * WORD), a1 = load<v128>(STATE + a * WORD, 16);
  let b0 = load<v128>(STATE + b * WORD), b1 = load<v128>(STATE + b * WORD, 16);
  let c0 = load<v128>(STATE + c * WORD), c1 = load<v128>(STATE + c * WORD, 16);
  let d0 = load<v128>(STATE + d * WORD), d1 = load<v128>(STATE + d * WORD, 16);
  a0 = i32x4.add(i32x4.add(a0, b0), load<v128>(x)); a1 = i32x4.add(i32x4.add(a1, b1), load<v128>(x, 16));
  d0 = rotr16(v128.xor(d0, a0)); d1 = rotr16(v128.xor(d1, a1));
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotr12(v128.xor(b0, c0)); b1 = rotr12(v128.xor(b1, c1));
  a0 = i32x4.add(i32x4.add(a0, b0), load<v128>(y)); a1 = i32x4.add(i32x4.add(a1, b1), load<v128>(y, 16));
  d0 = rotr8(v128.xor(d0, a0)); d1 = rotr8(v128.xor(d1, a1));
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotr7(v128.xor(b0, c0)); b1 = rotr7(v128.xor(b1, c1));
  store<v128>(STATE + a * WORD, a0); store<v128>(STATE + a * WORD, a1, 16);
  store<v128>(STATE + b * WORD, b0); store<v128>(STATE + b * WORD, b1, 16);
  store<v128>(STATE + c * WORD, c0); store<v128>(STATE + c * WORD, c1, 16);
  store<v128>(STATE + d * WORD, d0); store<v128>(STATE + d * WORD, d1, 16);
}
