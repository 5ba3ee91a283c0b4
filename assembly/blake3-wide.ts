// BLAKE3's compression of up to 8 inputs at once, one per 32-bit lane of one or two sets of vectors:
// what whole chunks, levels of the tree and batches of short messages are made of. Vector operations
// have latency; two mixes of each set side by side fill it. The state lies in memory, not in
// locals: 32 vectors do not fit the registers. Rotations by whole bytes are swizzles by a mask that
// is loaded: a constant one would be built anew from integers at each use.

import { CHUNK_END, CHUNK_START, IV, PARENT, ROOT } from "./blake3-compress";
import { wipe } from "./blocks";

/** Inputs that go through at once. */
export const LANES_MAX: usize = 8;
/** Bytes of a set: 16 words of 4 lanes. */
const SET_SIZE: usize = 256;

/** The state: two sets, each of 16 words, each for 4 inputs. */
const STATE: usize = memory.data(512, 64);
/** The message block, laid out as the state. */
const MESSAGE: usize = memory.data(512, 64);
/** Words 12 and 13 of the state at the beginning of each block, for each set: 2 x 32 bytes. */
const COUNTERS: usize = memory.data(64, 64);

/** Where each lane's input is: 8 addresses. Lanes beyond the last input repeat it. */
export const LANES: usize = memory.data(32, 16);

/** The last, padded block of each input. */
const PADDED: usize = memory.data(512, 64);

/** Rotations of each word to the right by 16, and by 8. */
const ROTATIONS: usize = memory.data<u8>([
  2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
  1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
], 16);

/** Chaining values of `count` (1 to 8) whole chunks at `input`, none of which is the root, to `out`. Their indices may not cross a multiple of 8. */
export function hashChunks(input: usize, count: usize, firstIndex: u64, key: usize, mode: u32, out: usize): void {
  const end = endOf(count);
  setLanes(input, count, 1024);
  setCounters(firstIndex);
  splatKey(key, end);
  for (let block: usize = 0; block < 16; block++) {
    loadMessages(block * 64, end);
    let flags = mode;
    if (block == 0) flags |= CHUNK_START;
    if (block == 15) flags |= CHUNK_END;
    compressLanes(flags, 64, end);
  }
  storeChainingValues(out, count);
}

/** Chaining values of the `count` (1 to 8) parents of twice as many consecutive nodes at `children`, to `out`, which may be `children`. */
export function hashParents(children: usize, count: usize, key: usize, mode: u32, out: usize): void {
  const end = endOf(count);
  setLanes(children, count, 64);
  wipe(COUNTERS, 64);
  splatKey(key, end);
  loadMessages(0, end);
  compressLanes(mode | PARENT, 64, end);
  storeChainingValues(out, count);
}

/** Hashes of the `count` (1 to 8) inputs of `size` (at most 1,024) bytes each that {@link setLanes} was told of, to `out`. */
export function hashInputs(count: usize, size: usize, key: usize, mode: u32, out: usize): void {
  const end = endOf(count);
  wipe(COUNTERS, 64);
  splatKey(key, end);
  let flags = mode | CHUNK_START;
  let offset: usize = 0;
  for (; offset + 64 < size; offset += 64) {
    loadMessages(offset, end);
    compressLanes(flags, 64, end);
    flags = mode;
  }
  const rest = size - offset;
  if (rest < 64) {
    padInputs(offset, rest);
    offset = 0;
  }
  loadMessages(offset, end);
  compressLanes(flags | CHUNK_END | ROOT, <u32>rest, end);
  storeChainingValues(out, count);
}

/** Points the lanes to `count` inputs, `stride` bytes from one to the next. */
export function setLanes(input: usize, count: usize, stride: usize): void {
  for (let lane: usize = 0; lane < LANES_MAX; lane++) {
    store<u32>(LANES + lane * 4, <u32>(input + min(lane, count - 1) * stride));
  }
}

/** Forgets all inputs. */
export function wipeLanes(): void {
  wipe(STATE, 512);
  wipe(MESSAGE, 512);
  wipe(PADDED, 512);
  wipe(COUNTERS, 64);
  wipe(LANES, 32);
  wipe(VALUES, 256);
}

/** Where the state of `count` inputs ends. */
function endOf(count: usize): usize {
  return STATE + (count > 4 ? 2 * SET_SIZE : SET_SIZE);
}

/** Moves the last `size` bytes of each input, from `offset` on, to blocks of their own, zero beyond them. */
function padInputs(offset: usize, size: usize): void {
  wipe(PADDED, 512);
  for (let lane: usize = 0; lane < LANES_MAX; lane++) {
    const block = PADDED + lane * 64;
    memory.copy(block, <usize>load<u32>(LANES + lane * 4) + offset, size);
    store<u32>(LANES + lane * 4, <u32>block);
  }
}

/** The key's words to all lanes of the state's first half. */
function splatKey(key: usize, end: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) {
    for (let i: usize = 0; i < 8; i++) store<v128>(set + i * 16, v128.load_splat<u32>(key + i * 4));
  }
}

/** Words 12 and 13 for chunks: the index of each. The sums stay below 2^32 in the lower word. */
function setCounters(first: u64): void {
  const low = i32x4.splat(<u32>first), high = i32x4.splat(<u32>(first >> 32));
  store<v128>(COUNTERS, i32x4.add(low, i32x4(0, 1, 2, 3)));
  store<v128>(COUNTERS, high, 16);
  store<v128>(COUNTERS, i32x4.add(low, i32x4(4, 5, 6, 7)), 32);
  store<v128>(COUNTERS, high, 48);
}

/** Takes 64 bytes from each input, `offset` bytes into it, to the words of the message. */
function loadMessages(offset: usize, end: usize): void {
  let lanes = LANES;
  let message = MESSAGE;
  for (let set = STATE; set < end; set += SET_SIZE) {
    const a = <usize>load<u32>(lanes) + offset, b = <usize>load<u32>(lanes, 4) + offset;
    const c = <usize>load<u32>(lanes, 8) + offset, d = <usize>load<u32>(lanes, 12) + offset;
    for (let at: usize = 0; at < 64; at += 16) {
      transpose(load<v128>(a + at), load<v128>(b + at), load<v128>(c + at), load<v128>(d + at), message + 4 * at, 16);
    }
    lanes += 16;
    message += SET_SIZE;
  }
}

/** Transposes 4 rows of 4 words to rows that lie `stride` bytes apart. */
@inline
function transpose(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, stride: usize): void {
  const t0 = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
  store<v128>(to, v128.shuffle<u64>(t0, t2, 0, 2));
  store<v128>(to + stride, v128.shuffle<u64>(t0, t2, 1, 3));
  store<v128>(to + 2 * stride, v128.shuffle<u64>(t1, t3, 0, 2));
  store<v128>(to + 3 * stride, v128.shuffle<u64>(t1, t3, 1, 3));
}

/** Chaining values of 8 lanes on their way out, when they are fewer. */
const VALUES: usize = memory.data(256, 64);

/** Writes the first `count` lanes of the state's first half: 32 bytes each. */
function storeChainingValues(out: usize, count: usize): void {
  const to = count == LANES_MAX ? out : VALUES;
  for (let set: usize = 0; set < 2; set++) {
    const from = STATE + set * SET_SIZE, values = to + set * 128;
    transpose(load<v128>(from), load<v128>(from, 16), load<v128>(from, 32), load<v128>(from, 48), values, 32);
    transpose(load<v128>(from, 64), load<v128>(from, 80), load<v128>(from, 96), load<v128>(from, 112), values + 16, 32);
  }
  if (to == out) return;
  for (let offset: usize = 0; offset < count * 32; offset += 16) store<v128>(out + offset, load<v128>(VALUES + offset));
}

/** One block for each input: words 0 to 7 of the state, the counters and the message are in place. */
function compressLanes(flags: u32, blockSize: u32, end: usize): void {
  firstColumns(flags, blockSize, end);
  diagonals(end, 8, 9, 10, 11, 12, 13, 14, 15);
  columns(end, 2, 6, 3, 10, 7, 0, 4, 13);
  diagonals(end, 1, 11, 12, 5, 9, 14, 15, 8);
  columns(end, 3, 4, 10, 12, 13, 2, 7, 14);
  diagonals(end, 6, 5, 9, 0, 11, 15, 8, 1);
  columns(end, 10, 7, 12, 9, 14, 3, 13, 15);
  diagonals(end, 4, 0, 11, 2, 5, 8, 1, 6);
  columns(end, 12, 13, 9, 11, 15, 10, 14, 8);
  diagonals(end, 7, 2, 5, 3, 0, 1, 6, 4);
  columns(end, 9, 14, 11, 5, 8, 12, 15, 1);
  diagonals(end, 13, 3, 0, 10, 2, 6, 4, 7);
  columns(end, 11, 15, 5, 0, 1, 9, 8, 6);
  lastDiagonals(end);
}

/** The first column step: words 8 to 15 of the state come from elsewhere. */
@inline
function firstColumns(flags: u32, blockSize: u32, end: usize): void {
  let counters = COUNTERS;
  for (let set = STATE; set < end; set += SET_SIZE) {
    const message = set + (MESSAGE - STATE);
    mixTwoValues(set, set + 64, set + 128, set + 192, message, message + 16,
      set + 16, set + 80, set + 144, set + 208, message + 32, message + 48,
      v128.load_splat<u32>(IV), load<v128>(counters), v128.load_splat<u32>(IV, 4), load<v128>(counters, 16), false);
    mixTwoValues(set + 32, set + 96, set + 160, set + 224, message + 64, message + 80,
      set + 48, set + 112, set + 176, set + 240, message + 96, message + 112,
      v128.load_splat<u32>(IV, 8), i32x4.splat(blockSize), v128.load_splat<u32>(IV, 12), i32x4.splat(flags), false);
    counters += 32;
  }
}

/** The last diagonal step. Two diagonals go together whose words are added to one another in the end. */
@inline
function lastDiagonals(end: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) {
    const message = set + (MESSAGE - STATE);
    mixTwoValues(set, set + 80, set + 160, set + 240, message + 16 * 14, message + 16 * 10,
      set + 32, set + 112, set + 128, set + 208, message + 16 * 3, message + 16 * 4,
      load<v128>(set + 160), load<v128>(set + 240), load<v128>(set + 128), load<v128>(set + 208), true);
    mixTwoValues(set + 16, set + 96, set + 176, set + 192, message + 16 * 2, message + 16 * 12,
      set + 48, set + 64, set + 144, set + 224, message + 16 * 7, message + 16 * 13,
      load<v128>(set + 176), load<v128>(set + 192), load<v128>(set + 144), load<v128>(set + 224), true);
  }
}

/** The column step of a round (section 2.2) on all sets up to `end`, with the message words of these indices. */
@inline
function columns(end: usize, m0: usize, m1: usize, m2: usize, m3: usize, m4: usize, m5: usize, m6: usize, m7: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) {
    const message = set + (MESSAGE - STATE);
    mixTwo(set, set + 64, set + 128, set + 192, message + 16 * m0, message + 16 * m1,
      set + 16, set + 80, set + 144, set + 208, message + 16 * m2, message + 16 * m3);
    mixTwo(set + 32, set + 96, set + 160, set + 224, message + 16 * m4, message + 16 * m5,
      set + 48, set + 112, set + 176, set + 240, message + 16 * m6, message + 16 * m7);
  }
}

/** The diagonal step of a round. */
@inline
function diagonals(end: usize, m0: usize, m1: usize, m2: usize, m3: usize, m4: usize, m5: usize, m6: usize, m7: usize): void {
  for (let set = STATE; set < end; set += SET_SIZE) {
    const message = set + (MESSAGE - STATE);
    mixTwo(set, set + 80, set + 160, set + 240, message + 16 * m0, message + 16 * m1,
      set + 16, set + 96, set + 176, set + 192, message + 16 * m2, message + 16 * m3);
    mixTwo(set + 32, set + 112, set + 128, set + 208, message + 16 * m4, message + 16 * m5,
      set + 48, set + 64, set + 144, set + 224, message + 16 * m6, message + 16 * m7);
  }
}

@inline
function rotr12(x: v128): v128 { return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20)); }
@inline
function rotr7(x: v128): v128 { return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25)); }

/** The function G, section 2.2, on the words at `a` to `d` with the message words at `x` and `y`; and on `e` to `h` with `z` and `w`. */
@inline
function mixTwo(
  a: usize, b: usize, c: usize, d: usize, x: usize, y: usize,
  e: usize, f: usize, g: usize, h: usize, z: usize, w: usize,
): void {
  mixTwoValues(a, b, c, d, x, y, e, f, g, h, z, w, load<v128>(c), load<v128>(d), load<v128>(g), load<v128>(h), false);
}

/** As {@link mixTwo}, where the words at `c`, `d`, `g` and `h` are given. When it is the `last` of a compression it writes the sums of both halves of the state (section 2.2). */
@inline
function mixTwoValues(
  a: usize, b: usize, c: usize, d: usize, x: usize, y: usize,
  e: usize, f: usize, g: usize, h: usize, z: usize, w: usize,
  c0: v128, d0: v128, c1: v128, d1: v128, last: bool,
): void {
  const rotate16 = load<v128>(ROTATIONS), rotate8 = load<v128>(ROTATIONS, 16);
  let a0 = load<v128>(a), b0 = load<v128>(b);
  let a1 = load<v128>(e), b1 = load<v128>(f);
  a0 = i32x4.add(i32x4.add(a0, load<v128>(x)), b0); a1 = i32x4.add(i32x4.add(a1, load<v128>(z)), b1);
  d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate16); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), rotate16);
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotr12(v128.xor(b0, c0)); b1 = rotr12(v128.xor(b1, c1));
  a0 = i32x4.add(i32x4.add(a0, load<v128>(y)), b0); a1 = i32x4.add(i32x4.add(a1, load<v128>(w)), b1);
  d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), rotate8); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), rotate8);
  c0 = i32x4.add(c0, d0); c1 = i32x4.add(c1, d1);
  b0 = rotr7(v128.xor(b0, c0)); b1 = rotr7(v128.xor(b1, c1));
  if (last) {
    store<v128>(a, v128.xor(a0, c1)); store<v128>(b, v128.xor(b0, d1));
    store<v128>(e, v128.xor(a1, c0)); store<v128>(f, v128.xor(b1, d0));
    return;
  }
  store<v128>(a, a0); store<v128>(b, b0); store<v128>(c, c0); store<v128>(d, d0);
  store<v128>(e, a1); store<v128>(f, b1); store<v128>(g, c1); store<v128>(h, d1);
}
