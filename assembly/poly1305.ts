// Poly1305 (RFC 8439, section 2.5) for AEAD use: every message part is zero-padded to whole
// 16-byte blocks, so that each block carries the same high bit. Numbers mod 2^130 - 5 are five
// limbs of 26 bits in u64; a product of limbs and its sums stay below 2^63.

import { wipe } from "./blocks";

const MASK26: u64 = 0x3ffffff;

/** r: 5 limbs, u64 each; then 5 times the upper 4 of them, as 2^130 = 5: what overflows the top comes back five-fold. */
const R: usize = memory.data(80, 16);
/** The accumulator: 5 limbs, u64 each; above 26 bits only by the last carry. */
const H: usize = memory.data(48, 16);
/** s, the second half of the key: 16 bytes. */
const S: usize = memory.data(16, 16);
/** The last, padded block of a message part. */
const PADDED: usize = memory.data(16, 16);

/** Starts a tag under the 32-byte one-time key at `key`: r (clamped here), s. */
export function poly1305Start(key: usize): void {
  const low = load<u64>(key) & 0x0ffffffc0fffffff;
  const high = load<u64>(key, 8) & 0x0ffffffc0ffffffc;
  store<u64>(R, low & MASK26);
  store<u64>(R, (low >> 26) & MASK26, 8);
  store<u64>(R, ((low >> 52) | (high << 12)) & MASK26, 16);
  store<u64>(R, (high >> 14) & MASK26, 24);
  store<u64>(R, high >> 40, 32);
  for (let limb: usize = 8; limb < 40; limb += 8) store<u64>(R + limb, load<u64>(R + limb) * 5, 32);
  store<v128>(S, load<v128>(key, 16));
  wipe(H, 48);
}

/** Takes `size` bytes at `input` and, as padding, zeros up to a multiple of 16. */
export function poly1305Update(input: usize, size: usize): void {
  const whole = size & ~15;
  blocks(input, whole);
  if (size > whole) {
    wipe(PADDED, 16);
    memory.copy(PADDED, input + whole, size - whole);
    blocks(PADDED, 16);
  }
}

/** Takes the closing block of the AEAD (section 2.8): both sizes in bytes. */
export function poly1305Sizes(additionalSize: u64, textSize: u64): void {
  store<u64>(PADDED, additionalSize);
  store<u64>(PADDED, textSize, 8);
  blocks(PADDED, 16);
}

function blocks(input: usize, size: usize): void {
  for (const end = input + size; input < end; input += 16) poly1305Block(input);
}

/** h = (h + block) r. */
@inline
export function poly1305Block(input: usize): void {
  const low = load<u64>(input), high = load<u64>(input, 8);
  const h0 = load<u64>(H) + (low & MASK26);
  const h1 = load<u64>(H, 8) + ((low >> 26) & MASK26);
  const h2 = load<u64>(H, 16) + (((low >> 52) | (high << 12)) & MASK26);
  const h3 = load<u64>(H, 24) + ((high >> 14) & MASK26);
  const h4 = load<u64>(H, 32) + ((high >> 40) | (1 << 24));
  const r0 = load<u64>(R), r1 = load<u64>(R, 8), r2 = load<u64>(R, 16), r3 = load<u64>(R, 24), r4 = load<u64>(R, 32);
  const s1 = load<u64>(R, 40), s2 = load<u64>(R, 48), s3 = load<u64>(R, 56), s4 = load<u64>(R, 64);
  const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
  const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
  const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
  const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
  const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
  const c1 = d1 + (d0 >> 26), c2 = d2 + (c1 >> 26), c3 = d3 + (c2 >> 26), c4 = d4 + (c3 >> 26);
  const e0 = (d0 & MASK26) + (c4 >> 26) * 5;
  store<u64>(H, e0 & MASK26);
  store<u64>(H, (c1 & MASK26) + (e0 >> 26), 8);
  store<u64>(H, c2 & MASK26, 16);
  store<u64>(H, c3 & MASK26, 24);
  store<u64>(H, c4 & MASK26, 32);
}

/** Writes the 16-byte tag to `out`: h mod 2^130 - 5, plus s mod 2^128. */
export function poly1305Finish(out: usize): void {
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32);
  h2 += h1 >> 26; h1 &= MASK26;
  h3 += h2 >> 26; h2 &= MASK26;
  h4 += h3 >> 26; h3 &= MASK26;
  h0 += (h4 >> 26) * 5; h4 &= MASK26;
  h1 += h0 >> 26; h0 &= MASK26;

  // g = h - p; chosen by mask, not by branch, when h >= p.
  let g0 = h0 + 5;
  let g1 = h1 + (g0 >> 26); g0 &= MASK26;
  let g2 = h2 + (g1 >> 26); g1 &= MASK26;
  let g3 = h3 + (g2 >> 26); g2 &= MASK26;
  let g4 = h4 + (g3 >> 26) - (1 << 26); g3 &= MASK26;
  const keep = <u64>(<i64>g4 >> 63);
  h0 = (h0 & keep) | (g0 & ~keep);
  h1 = (h1 & keep) | (g1 & ~keep);
  h2 = (h2 & keep) | (g2 & ~keep);
  h3 = (h3 & keep) | (g3 & ~keep);
  h4 = (h4 & keep) | (g4 & ~keep);

  const low = h0 | (h1 << 26) | (h2 << 52);
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const sum = low + load<u64>(S);
  // The carry out of 64 bits, without comparing secrets.
  const carry = ((low & load<u64>(S)) | ((low | load<u64>(S)) & ~sum)) >> 63;
  store<u64>(out, sum);
  store<u64>(out, high + load<u64>(S, 8) + carry, 8);
}

/** Forgets key and accumulator. */
export function poly1305Wipe(): void {
  wipe(R, 80);
  wipe(H, 48);
  wipe(S, 16);
  wipe(PADDED, 16);
}
