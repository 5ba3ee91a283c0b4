// SHA-256 (FIPS 180-4, section 6.2), incremental.

import { wipe } from "./blocks";

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
/** The message schedule W: 64 words. */
const W: usize = memory.data(256, 16);
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
  memory.copy(TAIL, input, size);
  store<u8>(TAIL + size, 0x80);
  const end: usize = size < 56 ? 64 : 128;
  store<u64>(TAIL + end - 8, bswap<u64>(<u64>total << 3));
  sha256Update(TAIL, end);
  for (let word: usize = 0; word < 32; word += 4) store<u32>(out + word, bswap<u32>(load<u32>(H + word)));
  wipe(H, 32);
  wipe(W, 256);
  wipe(TAIL, 128);
}

function block(input: usize): void {
  for (let t: usize = 0; t < 64; t += 4) store<u32>(W + t, bswap<u32>(load<u32>(input + t)));
  for (let t: usize = 64; t < 256; t += 4) {
    const w2 = load<u32>(W + t - 8), w15 = load<u32>(W + t - 60);
    const s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ (w2 >> 10), s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ (w15 >> 3);
    store<u32>(W + t, s1 + load<u32>(W + t - 28) + s0 + load<u32>(W + t - 64));
  }
  let a = load<u32>(H), b = load<u32>(H, 4), c = load<u32>(H, 8), d = load<u32>(H, 12);
  let e = load<u32>(H, 16), f = load<u32>(H, 20), g = load<u32>(H, 24), h = load<u32>(H, 28);
  // Eight rounds at a time: then each word is back in its place and none is moved.
  for (let t: usize = 0; t < 256; t += 32) {
    h += sigma1(e) + (g ^ (e & (f ^ g))) + round(t); d += h; h += sigma0(a) + ((a & b) | (c & (a | b)));
    g += sigma1(d) + (f ^ (d & (e ^ f))) + round(t + 4); c += g; g += sigma0(h) + ((h & a) | (b & (h | a)));
    f += sigma1(c) + (e ^ (c & (d ^ e))) + round(t + 8); b += f; f += sigma0(g) + ((g & h) | (a & (g | h)));
    e += sigma1(b) + (d ^ (b & (c ^ d))) + round(t + 12); a += e; e += sigma0(f) + ((f & g) | (h & (f | g)));
    d += sigma1(a) + (c ^ (a & (b ^ c))) + round(t + 16); h += d; d += sigma0(e) + ((e & f) | (g & (e | f)));
    c += sigma1(h) + (b ^ (h & (a ^ b))) + round(t + 20); g += c; c += sigma0(d) + ((d & e) | (f & (d | e)));
    b += sigma1(g) + (a ^ (g & (h ^ a))) + round(t + 24); f += b; b += sigma0(c) + ((c & d) | (e & (c | d)));
    a += sigma1(f) + (h ^ (f & (g ^ h))) + round(t + 28); e += a; a += sigma0(b) + ((b & c) | (d & (b | c)));
  }
  store<u32>(H, load<u32>(H) + a); store<u32>(H, load<u32>(H, 4) + b, 4);
  store<u32>(H, load<u32>(H, 8) + c, 8); store<u32>(H, load<u32>(H, 12) + d, 12);
  store<u32>(H, load<u32>(H, 16) + e, 16); store<u32>(H, load<u32>(H, 20) + f, 20);
  store<u32>(H, load<u32>(H, 24) + g, 24); store<u32>(H, load<u32>(H, 28) + h, 28);
}

@inline
function round(t: usize): u32 { return load<u32>(K + t) + load<u32>(W + t); }
@inline
function sigma0(x: u32): u32 { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
@inline
function sigma1(x: u32): u32 { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
