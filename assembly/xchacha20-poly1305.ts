// AEAD_XChaCha20_Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3; RFC 8439, section 2.8), in
// place and in pieces: start, absorb additional data, seal or open the text, then the tag.

import { wipe } from "./blocks";
import { chacha20Block, chacha20Key, chacha20Nonce, chacha20Wipe, chacha20Xor, hchacha20 } from "./chacha20";
import { BATCH_SIZE, chacha20Wipe16, chacha20Xor16, chacha20Xor16Poly1305, chacha20XorPart16 } from "./chacha20-wide";
import { poly1305Finish, poly1305Sizes, poly1305Start, poly1305Update, poly1305Wipe } from "./poly1305";

/** Where the host puts the 32 bytes of the key. */
export const AEAD_KEY: usize = memory.data(32, 16);
/** Where the host puts the 24 bytes of the nonce: 16 for HChaCha20, 8 for ChaCha20. */
export const AEAD_NONCE: usize = memory.data(32, 16);
/** The 16-byte tag: written by {@link aeadTag}, put here by the host for {@link aeadVerify}. */
export const AEAD_TAG: usize = memory.data(16, 16);

/** Up to here, single blocks are faster than a batch of which a part is thrown away. */
const SINGLE_SIZE_MAX: usize = 256;

/** ChaCha20's nonce: 4 zero bytes, then the last 8 of the XChaCha20 nonce. */
const NONCE: usize = memory.data(16, 16);
/** First block of keystream, of which 32 bytes are the key of Poly1305; later the tag that should be. */
const SCRATCH: usize = memory.data(64, 16);

/** Starts a message under the key and nonce that the host has put in place. */
export function aeadStart(): void {
  chacha20Key(AEAD_KEY);
  hchacha20(AEAD_NONCE);
  store<u64>(NONCE, load<u64>(AEAD_NONCE, 16), 4);
  chacha20Nonce(0, NONCE);
  chacha20Block(SCRATCH);
  poly1305Start(SCRATCH);
}

/** Absorbs additional data. Only the last piece may have a size that is no multiple of 16. */
export function aeadAbsorb(data: usize, size: usize): void {
  poly1305Update(data, size);
}

/** Encrypts in place, after the additional data. Only the last piece may have a size that is no multiple of 1,024. */
export function aeadSeal(text: usize, size: usize): void {
  const end = text + size;
  if (size >= BATCH_SIZE) {
    // Ciphertext is absorbed one batch late: together with the making of the next one's keystream.
    chacha20Xor16(text);
    for (; text + 2 * BATCH_SIZE <= end; text += BATCH_SIZE) chacha20Xor16Poly1305(text + BATCH_SIZE, text);
    xorRest(text + BATCH_SIZE, end);
  } else {
    xorRest(text, end);
  }
  poly1305Update(text, end - text);
}

/** Decrypts in place, as {@link aeadSeal}. The host must not release the text before {@link aeadVerify} has said 1. */
export function aeadOpen(text: usize, size: usize): void {
  const end = text + size;
  for (; text + BATCH_SIZE <= end; text += BATCH_SIZE) chacha20Xor16Poly1305(text, text);
  poly1305Update(text, end - text);
  xorRest(text, end);
}

/** Adds keystream to what is less than a batch. */
function xorRest(text: usize, end: usize): void {
  const size = end - text;
  if (size > SINGLE_SIZE_MAX) chacha20XorPart16(text, size);
  else chacha20Xor(text, size);
}

/** Writes the tag of the message to {@link AEAD_TAG}. Sizes in bytes, below 2^53. */
export function aeadTag(additionalSize: f64, textSize: f64): void {
  finish(additionalSize, textSize, AEAD_TAG);
}

/** 1 when the tag at {@link AEAD_TAG} is that of the message, else 0; in constant time. */
export function aeadVerify(additionalSize: f64, textSize: f64): i32 {
  finish(additionalSize, textSize, SCRATCH);
  return i32(!v128.any_true(v128.xor(load<v128>(SCRATCH), load<v128>(AEAD_TAG))));
}

function finish(additionalSize: f64, textSize: f64, out: usize): void {
  poly1305Sizes(<u64>additionalSize, <u64>textSize);
  poly1305Finish(out);
}

/** Forgets every secret of the message: keys, keystream, accumulator, text and tag. */
export function aeadWipe(): void {
  wipe(AEAD_KEY, 32);
  wipe(AEAD_NONCE, 32);
  wipe(AEAD_TAG, 16);
  wipe(NONCE, 16);
  wipe(SCRATCH, 64);
  chacha20Wipe();
  chacha20Wipe16();
  poly1305Wipe();
}
