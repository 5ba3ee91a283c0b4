// Poly1305 (RFC 8439, section 2.5) for AEAD use: every message part is zero-padded to whole
// 16-byte blocks, so that each block carries the same high bit. Numbers mod 2^130 - 5 are five
// limbs of 26 bits in u64; a product of limbs and its sums stay below 2^63.

const MASK26: u64 = 0x3ffffff;

/** r: 5 limbs, u64 each. */
const R: usize = memory.data(40, 16);
/** The accumulator: 5 limbs, u64 each; above 26 bits only by the last carry. */
const H: usize = memory.data(40, 16);
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
  memory.copy(S, key + 16, 16);
  memory.fill(H, 0, 40);
}

/** Takes `size` bytes at `input` and, as padding, zeros up to a multiple of 16. */
export function poly1305Update(input: usize, size: usize): void {
  const whole = size & ~15;
  blocks(input, whole);
  if (size > whole) {
    store<v128>(PADDED, i64x2.splat(0));
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

/** h = (h + block) r for each block. */
function blocks(input: usize, size: usize): void {
  const r0 = load<u64>(R), r1 = load<u64>(R, 8), r2 = load<u64>(R, 16), r3 = load<u64>(R, 24), r4 = load<u64>(R, 32);
  // 2^130 = 5: what overflows the top comes back five-fold.
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  let h0 = load<u64>(H), h1 = load<u64>(H, 8), h2 = load<u64>(H, 16), h3 = load<u64>(H, 24), h4 = load<u64>(H, 32);

  for (const end = input + size; input < end; input += 16) {
    const low = load<u64>(input), high = load<u64>(input, 8);
    h0 += low & MASK26;
    h1 += (low >> 26) & MASK26;
    h2 += ((low >> 52) | (high << 12)) & MASK26;
    h3 += (high >> 14) & MASK26;
    h4 += (high >> 40) | (1 << 24);
    const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
    const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
    const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
    const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
    const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
    const c1 = d1 + (d0 >> 26), c2 = d2 + (c1 >> 26), c3 = d3 + (c2 >> 26), c4 = d4 + (c3 >> 26);
    h0 = (d0 & MASK26) + (c4 >> 26) * 5;
    h1 = (c1 & MASK26) + (h0 >> 26);
    h0 &= MASK26;
    h2 = c2 & MASK26;
    h3 = c3 & MASK26;
    h4 = c4 & MASK26;
  }
  store<u64>(H, h0); store<u64>(H, h1, 8); store<u64>(H, h2, 16); store<u64>(H, h3, 24); store<u64>(H, h4, 32);
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
  memory.fill(R, 0, 40);
  memory.fill(H, 0, 40);
  memory.fill(S, 0, 16);
  memory.fill(PADDED, 0, 16);
}
