// Poly1305 (RFC 8439, section 2.5) for AEAD use: every message part is zero-padded to whole
// 16-byte blocks, so that each block carries the same high bit. Numbers mod 2^130 - 5 are four
// limbs of 32 bits and a small fifth one, all in u64: a block is then four plain loads. That fits
// because r is clamped: its limbs are below 2^28, and all but the first are multiples of 4, so
// that what overflows 2^130, five times an r-limb over 4, is again a whole number.

import { wipe } from "./blocks";

const LOW32: u64 = 0xffffffff;

/** r: 4 limbs below 2^28, u64 each; then 5/4 times limbs 1 to 3. 7 x 8 bytes. */
export const POLY1305_R: usize = memory.data(64, 64);
const R: usize = POLY1305_R;
/**
 * The accumulator: 5 limbs, u64 each. Between blocks limb 0 is below 2^33.1, as it holds the last
 * carry; limbs 1 to 3 are below 2^32, limb 4 is below 4. The sums of a block stay below 2^63.6.
 */
export const POLY1305_H: usize = memory.data(48, 16);
const H: usize = POLY1305_H;
/** s, the second half of the key: 16 bytes. */
const S: usize = memory.data(16, 16);
/** The last, padded block of a message part. */
const PADDED: usize = memory.data(16, 16);

/** Starts a tag under the 32-byte one-time key at `key`: r (clamped here), s. */
export function poly1305Start(key: usize): void {
  store<u64>(R, <u64>(load<u32>(key) & 0x0fffffff));
  for (let limb: usize = 1; limb < 4; limb++) {
    const value = <u64>(load<u32>(key + 4 * limb) & 0x0ffffffc);
    store<u64>(R + 8 * limb, value);
    store<u64>(R + 8 * limb, value + (value >> 2), 24);
  }
  store<v128>(S, load<v128>(key, 16));
  wipe(H, 48);
}

/** Takes `size` bytes at `input` and, as padding, zeros up to a multiple of 16. */
export function poly1305Update(input: usize, size: usize): void {
  const whole = size & ~15;
  if (whole > 0) blocks(input, whole);
  if (size > whole) {
    store<v128>(PADDED, i64x2.splat(0));
    for (let offset = whole; offset < size; offset++) store<u8>(PADDED + (offset - whole), load<u8>(input + offset));
    blocks(PADDED, 16);
  }
}

/** Takes the closing block of the AEAD (section 2.8): both sizes in bytes. */
export function poly1305Sizes(additionalSize: u64, textSize: u64): void {
  store<u64>(PADDED, additionalSize);
  store<u64>(PADDED, textSize, 8);
  blocks(PADDED, 16);
}

/** For each 16 bytes of the `size` at `input`: h = (h + block) r. */
function blocks(input: usize, size: usize): void {
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32);
  const r0 = load<u64>(R), r1 = load<u64>(R, 8), r2 = load<u64>(R, 16), r3 = load<u64>(R, 24);
  const q1 = load<u64>(R, 32), q2 = load<u64>(R, 40), q3 = load<u64>(R, 48);
  for (const end = input + size; input < end; input += 16) {
    const x0 = h0 + <u64>load<u32>(input), x1 = h1 + <u64>load<u32>(input, 4);
    const x2 = h2 + <u64>load<u32>(input, 8), x3 = h3 + <u64>load<u32>(input, 12), x4 = h4 + 1;
    const d0 = x0 * r0 + x1 * q3 + x2 * q2 + x3 * q1;
    const d1 = x0 * r1 + x1 * r0 + x2 * q3 + x3 * q2 + x4 * q1 + (d0 >> 32);
    const d2 = x0 * r2 + x1 * r1 + x2 * r0 + x3 * q3 + x4 * q2 + (d1 >> 32);
    const d3 = x0 * r3 + x1 * r2 + x2 * r1 + x3 * r0 + x4 * q3 + (d2 >> 32);
    const d4 = x4 * r0 + (d3 >> 32);
    h0 = (d0 & LOW32) + (d4 >> 2) * 5; h1 = d1 & LOW32; h2 = d2 & LOW32; h3 = d3 & LOW32; h4 = d4 & 3;
  }
  store<u64>(H, h0); store<u64>(H, h1, 8); store<u64>(H, h2, 16); store<u64>(H, h3, 24); store<u64>(H, h4, 32);
}

/** Writes the 16-byte tag to `out`: h mod 2^130 - 5, plus s mod 2^128. */
export function poly1305Finish(out: usize): void {
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32);
  // Twice: the first pass may leave a carry in the top limb.
  for (let pass = 0; pass < 2; pass++) {
    h1 += h0 >> 32; h0 &= LOW32;
    h2 += h1 >> 32; h1 &= LOW32;
    h3 += h2 >> 32; h2 &= LOW32;
    h4 += h3 >> 32; h3 &= LOW32;
    h0 += (h4 >> 2) * 5; h4 &= 3;
  }
  h1 += h0 >> 32; h0 &= LOW32;
  h2 += h1 >> 32; h1 &= LOW32;
  h3 += h2 >> 32; h2 &= LOW32;
  h4 += h3 >> 32; h3 &= LOW32;

  // g = h + 5 mod 2^130 = h - p; chosen by mask, not by branch, when h >= p.
  const g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32), g4 = h4 + (g3 >> 32);
  const reduce = 0 - (g4 >> 2);
  const low = ((h0 | (h1 << 32)) & ~reduce) | (((g0 & LOW32) | (g1 << 32)) & reduce);
  const high = ((h2 | (h3 << 32)) & ~reduce) | (((g2 & LOW32) | (g3 << 32)) & reduce);
  const sum = low + load<u64>(S);
  // The carry out of 64 bits, without comparing secrets.
  const carry = ((low & load<u64>(S)) | ((low | load<u64>(S)) & ~sum)) >> 63;
  store<u64>(out, sum);
  store<u64>(out, high + load<u64>(S, 8) + carry, 8);
}

/** Forgets key and accumulator. */
export function poly1305Wipe(): void {
  wipe(R, 64);
  wipe(H, 48);
  store<v128>(S, i64x2.splat(0));
  store<v128>(PADDED, i64x2.splat(0));
}
