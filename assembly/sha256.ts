// SHA-256 (FIPS 180-4, section 6.2), incremental. The rounds are one chain of dependent scalar steps;
// the message schedule is made beside them in vectors. Each sum begins with what is known first and
// ends with what is waited for.

import { copyFew, wipe } from "./blocks";

/** The constants K, section 4.2.2. */
const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
], 16);

/** The hash value H: 8 words. */
const H: usize = memory.data(32, 16);
/** 16 words of the message schedule W at a time, each with its constant added. */
const KW: usize = memory.data(64, 16);
/** Reverses the bytes of each word. */
const BYTE_ORDER: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12], 16);
/** The last blocks, padded. */
const TAIL: usize = memory.data(128, 16);

/** Starts a hash. */
export function sha256Start(): void {
  store<u32>(H, 0x6a09e667); store<u32>(H, 0xbb67ae85, 4); store<u32>(H, 0x3c6ef372, 8); store<u32>(H, 0xa54ff53a, 12);
  store<u32>(H, 0x510e527f, 16); store<u32>(H, 0x9b05688c, 20); store<u32>(H, 0x1f83d9ab, 24); store<u32>(H, 0x5be0cd19, 28);
}

/** Takes `size` bytes, a multiple of 64, at `input` into the hash. */
export function sha256Update(input: usize, size: usize): void {
  for (const end = input + size; input < end; input += 64) block(input);
}

/** Takes the last `size` bytes (fewer than 64) at `input`, of `total` (below 2^53) in all, and writes the 32-byte hash to `out`. Forgets the hash. */
export function sha256Finish(input: usize, size: usize, total: f64, out: usize): void {
  copyFew(TAIL, input, size);
  store<u8>(TAIL + size, 0x80);
  const end: usize = size < 56 ? 64 : 128;
  store<u64>(TAIL + end - 8, bswap<u64>(<u64>total << 3));
  sha256Update(TAIL, end);
  for (let word: usize = 0; word < 32; word += 4) store<u32>(out + word, bswap<u32>(load<u32>(H + word)));
  wipe(H, 32);
  wipe(KW, 64);
  wipe(TAIL, 128);
}

function block(input: usize): void {
  const bytes = load<v128>(BYTE_ORDER);
  let x0 = i8x16.relaxed_swizzle(load<v128>(input), bytes), x1 = i8x16.relaxed_swizzle(load<v128>(input, 16), bytes);
  let x2 = i8x16.relaxed_swizzle(load<v128>(input, 32), bytes), x3 = i8x16.relaxed_swizzle(load<v128>(input, 48), bytes);
  store<v128>(KW, i32x4.add(x0, load<v128>(K))); store<v128>(KW, i32x4.add(x1, load<v128>(K, 16)), 16);
  store<v128>(KW, i32x4.add(x2, load<v128>(K, 32)), 32); store<v128>(KW, i32x4.add(x3, load<v128>(K, 48)), 48);
  let a = load<u32>(H), b = load<u32>(H, 4), c = load<u32>(H, 8), d = load<u32>(H, 12);
  let e = load<u32>(H, 16), f = load<u32>(H, 20), g = load<u32>(H, 24), h = load<u32>(H, 28);
  // Eight rounds at a time: then each word is back in its place and none is moved. What a round has
  // used makes room for the word that stands 16 further on.
  for (let k = K + 64; k < K + 256; k += 64) {
    h = h + load<u32>(KW, 0) + (g ^ (e & (f ^ g))) + sigma1(e); d += h; h = h + ((a & b) | (c & (a | b))) + sigma0(a);
    g = g + load<u32>(KW, 4) + (f ^ (d & (e ^ f))) + sigma1(d); c += g; g = g + ((h & a) | (b & (h | a))) + sigma0(h);
    f = f + load<u32>(KW, 8) + (e ^ (c & (d ^ e))) + sigma1(c); b += f; f = f + ((g & h) | (a & (g | h))) + sigma0(g);
    e = e + load<u32>(KW, 12) + (d ^ (b & (c ^ d))) + sigma1(b); a += e; e = e + ((f & g) | (h & (f | g))) + sigma0(f);
    x0 = schedule(x0, x1, x2, x3); store<v128>(KW, i32x4.add(x0, load<v128>(k, 0)), 0);
    d = d + load<u32>(KW, 16) + (c ^ (a & (b ^ c))) + sigma1(a); h += d; d = d + ((e & f) | (g & (e | f))) + sigma0(e);
    c = c + load<u32>(KW, 20) + (b ^ (h & (a ^ b))) + sigma1(h); g += c; c = c + ((d & e) | (f & (d | e))) + sigma0(d);
    b = b + load<u32>(KW, 24) + (a ^ (g & (h ^ a))) + sigma1(g); f += b; b = b + ((c & d) | (e & (c | d))) + sigma0(c);
    a = a + load<u32>(KW, 28) + (h ^ (f & (g ^ h))) + sigma1(f); e += a; a = a + ((b & c) | (d & (b | c))) + sigma0(b);
    x1 = schedule(x1, x2, x3, x0); store<v128>(KW, i32x4.add(x1, load<v128>(k, 16)), 16);
    h = h + load<u32>(KW, 32) + (g ^ (e & (f ^ g))) + sigma1(e); d += h; h = h + ((a & b) | (c & (a | b))) + sigma0(a);
    g = g + load<u32>(KW, 36) + (f ^ (d & (e ^ f))) + sigma1(d); c += g; g = g + ((h & a) | (b & (h | a))) + sigma0(h);
    f = f + load<u32>(KW, 40) + (e ^ (c & (d ^ e))) + sigma1(c); b += f; f = f + ((g & h) | (a & (g | h))) + sigma0(g);
    e = e + load<u32>(KW, 44) + (d ^ (b & (c ^ d))) + sigma1(b); a += e; e = e + ((f & g) | (h & (f | g))) + sigma0(f);
    x2 = schedule(x2, x3, x0, x1); store<v128>(KW, i32x4.add(x2, load<v128>(k, 32)), 32);
    d = d + load<u32>(KW, 48) + (c ^ (a & (b ^ c))) + sigma1(a); h += d; d = d + ((e & f) | (g & (e | f))) + sigma0(e);
    c = c + load<u32>(KW, 52) + (b ^ (h & (a ^ b))) + sigma1(h); g += c; c = c + ((d & e) | (f & (d | e))) + sigma0(d);
    b = b + load<u32>(KW, 56) + (a ^ (g & (h ^ a))) + sigma1(g); f += b; b = b + ((c & d) | (e & (c | d))) + sigma0(c);
    a = a + load<u32>(KW, 60) + (h ^ (f & (g ^ h))) + sigma1(f); e += a; a = a + ((b & c) | (d & (b | c))) + sigma0(b);
    x3 = schedule(x3, x0, x1, x2); store<v128>(KW, i32x4.add(x3, load<v128>(k, 48)), 48);
  }
  h = h + load<u32>(KW, 0) + (g ^ (e & (f ^ g))) + sigma1(e); d += h; h = h + ((a & b) | (c & (a | b))) + sigma0(a);
  g = g + load<u32>(KW, 4) + (f ^ (d & (e ^ f))) + sigma1(d); c += g; g = g + ((h & a) | (b & (h | a))) + sigma0(h);
  f = f + load<u32>(KW, 8) + (e ^ (c & (d ^ e))) + sigma1(c); b += f; f = f + ((g & h) | (a & (g | h))) + sigma0(g);
  e = e + load<u32>(KW, 12) + (d ^ (b & (c ^ d))) + sigma1(b); a += e; e = e + ((f & g) | (h & (f | g))) + sigma0(f);
  d = d + load<u32>(KW, 16) + (c ^ (a & (b ^ c))) + sigma1(a); h += d; d = d + ((e & f) | (g & (e | f))) + sigma0(e);
  c = c + load<u32>(KW, 20) + (b ^ (h & (a ^ b))) + sigma1(h); g += c; c = c + ((d & e) | (f & (d | e))) + sigma0(d);
  b = b + load<u32>(KW, 24) + (a ^ (g & (h ^ a))) + sigma1(g); f += b; b = b + ((c & d) | (e & (c | d))) + sigma0(c);
  a = a + load<u32>(KW, 28) + (h ^ (f & (g ^ h))) + sigma1(f); e += a; a = a + ((b & c) | (d & (b | c))) + sigma0(b);
  h = h + load<u32>(KW, 32) + (g ^ (e & (f ^ g))) + sigma1(e); d += h; h = h + ((a & b) | (c & (a | b))) + sigma0(a);
  g = g + load<u32>(KW, 36) + (f ^ (d & (e ^ f))) + sigma1(d); c += g; g = g + ((h & a) | (b & (h | a))) + sigma0(h);
  f = f + load<u32>(KW, 40) + (e ^ (c & (d ^ e))) + sigma1(c); b += f; f = f + ((g & h) | (a & (g | h))) + sigma0(g);
  e = e + load<u32>(KW, 44) + (d ^ (b & (c ^ d))) + sigma1(b); a += e; e = e + ((f & g) | (h & (f | g))) + sigma0(f);
  d = d + load<u32>(KW, 48) + (c ^ (a & (b ^ c))) + sigma1(a); h += d; d = d + ((e & f) | (g & (e | f))) + sigma0(e);
  c = c + load<u32>(KW, 52) + (b ^ (h & (a ^ b))) + sigma1(h); g += c; c = c + ((d & e) | (f & (d | e))) + sigma0(d);
  b = b + load<u32>(KW, 56) + (a ^ (g & (h ^ a))) + sigma1(g); f += b; b = b + ((c & d) | (e & (c | d))) + sigma0(c);
  a = a + load<u32>(KW, 60) + (h ^ (f & (g ^ h))) + sigma1(f); e += a; a = a + ((b & c) | (d & (b | c))) + sigma0(b);
  store<u32>(H, load<u32>(H) + a); store<u32>(H, load<u32>(H, 4) + b, 4);
  store<u32>(H, load<u32>(H, 8) + c, 8); store<u32>(H, load<u32>(H, 12) + d, 12);
  store<u32>(H, load<u32>(H, 16) + e, 16); store<u32>(H, load<u32>(H, 20) + f, 20);
  store<u32>(H, load<u32>(H, 24) + g, 24); store<u32>(H, load<u32>(H, 28) + h, 28);
}

/** The next four words of the message schedule (section 6.2.2, step 1) after the 16 of `x0` to `x3`. */
@inline
function schedule(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const w15 = v128.shuffle<u32>(x0, x1, 1, 2, 3, 4), w7 = v128.shuffle<u32>(x2, x3, 1, 2, 3, 4);
  const s0 = v128.xor(
    v128.xor(v128.xor(i32x4.shr_u(w15, 7), i32x4.shl(w15, 25)), v128.xor(i32x4.shr_u(w15, 18), i32x4.shl(w15, 14))),
    i32x4.shr_u(w15, 3),
  );
  const sum = i32x4.add(i32x4.add(x0, w7), s0), zero = i64x2.splat(0);
  // The last two of the four need the first two.
  const first = i32x4.add(sum, v128.shuffle<u32>(sigma1OfPairs(v128.shuffle<u32>(x3, x3, 2, 2, 3, 3)), zero, 0, 2, 4, 4));
  return i32x4.add(first, v128.shuffle<u32>(sigma1OfPairs(v128.shuffle<u32>(first, first, 0, 0, 1, 1)), zero, 4, 4, 0, 2));
}

/** The function of the schedule's words before last (section 4.1.2, formula 4.7) in the even lanes; each word stands twice, so that a shift of both is a rotation. */
@inline
function sigma1OfPairs(x: v128): v128 {
  return v128.xor(v128.xor(i64x2.shr_u(x, 17), i64x2.shr_u(x, 19)), i32x4.shr_u(x, 10));
}

@inline
function sigma0(x: u32): u32 { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
@inline
function sigma1(x: u32): u32 { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
