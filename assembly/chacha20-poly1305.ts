// AEAD_ChaCha20_Poly1305 (RFC 8439, section 2.8) and AEAD_XChaCha20_Poly1305
// (draft-irtf-cfrg-xchacha-03, section 2.3), in place and in pieces: start, absorb additional data,
// seal or open the text, then the tag.

import { wipe, xorFew } from "./blocks";
import { chacha20Block, chacha20Key, chacha20Nonce, chacha20Wipe, chacha20Xor, hchacha20 } from "./chacha20";
import {
  chacha20Prepare, chacha20WipeSets, chacha20XorPart, chacha20XorSets, chacha20XorSetsPoly1305, SET_SIZE, SETS_MAX,
} from "./chacha20-wide";
import { poly1305Finish, poly1305Sizes, poly1305Start, poly1305Update, poly1305Wipe } from "./poly1305";

/** The 16-byte tag of a message in pieces: written by {@link aeadTag}, put here by the host for {@link aeadVerify}. */
export const AEAD_TAG: usize = memory.data(16, 16);

/** Text up to this size is too short for a set to pay: a single block takes less than half of its time. */
const SINGLE_SIZE_MAX: usize = 128;
/**
 * Text below this size goes through in batches of two sets: that is slower than four, but leaves
 * less for Poly1305 to do alone at the end.
 */
const NARROW_SIZE_MAX: usize = 4096;

/** ChaCha20's nonce, when it is made from one of 24 bytes: 4 zero bytes, then the last 8 of those. */
const NONCE: usize = memory.data(16, 16);
/** First block of keystream, of which 32 bytes are the key of Poly1305; later the tag that should be. */
export const AEAD_SCRATCH: usize = memory.data(64, 16);

/** Where the text not yet absorbed begins, while a message is sealed or opened. */
let pending: usize = 0;

/** Starts a message under the 32 bytes at `key` and the nonce at `nonce`, which has 24 bytes when `extended`, else 12. */
export function aeadStart(key: usize, nonce: usize, extended: i32): void {
  if (extended) nonce = aeadSubkey(key, nonce);
  else chacha20Key(key);
  chacha20Nonce(0, nonce);
  chacha20Block(AEAD_SCRATCH);
  poly1305Start(AEAD_SCRATCH);
}

/** Makes the subkey of the 32 bytes at `key` and the 24 at `nonce` ChaCha20's key; returns where its nonce of 12 bytes is. */
export function aeadSubkey(key: usize, nonce: usize): usize {
  chacha20Key(key);
  hchacha20(nonce);
  store<u64>(NONCE, load<u64>(nonce, 16), 4);
  return NONCE;
}

/** Absorbs additional data. Only the last piece may have a size that is no multiple of 16. */
export function aeadAbsorb(data: usize, size: usize): void {
  poly1305Update(data, size);
}

/** Encrypts in place, after the additional data. Only the last piece may have a size that is no multiple of 1,024. */
export function aeadSeal(text: usize, size: usize): void {
  const end = text + size;
  pending = text;
  if (size > SINGLE_SIZE_MAX) text = sealSets(text, end);
  if (text < end) xorRest(text, end - text);
  poly1305Update(pending, end - pending);
}

/** Seals whole sets; returns where the rest begins. What is sealed is absorbed together with the making of later keystream. */
function sealSets(text: usize, end: usize): usize {
  chacha20Prepare();
  const batch = batchSets(end - text);
  while (text + SET_SIZE <= end) {
    const sets = min((end - text) / SET_SIZE, batch);
    const size = sets * SET_SIZE;
    if (text - pending >= size) {
      chacha20XorSetsPoly1305(text, sets, pending);
      pending += size;
    } else {
      chacha20XorSets(text, sets);
    }
    text += size;
  }
  return text;
}

/** Decrypts in place, as {@link aeadSeal}. The host must not release the text before {@link aeadVerify} has said 1. */
export function aeadOpen(text: usize, size: usize): void {
  const end = text + size;
  if (size > SINGLE_SIZE_MAX) {
    chacha20Prepare();
    while (text + SET_SIZE <= end) {
      const sets = min((end - text) / SET_SIZE, SETS_MAX);
      chacha20XorSetsPoly1305(text, sets, text);
      text += sets * SET_SIZE;
    }
  }
  if (text == end) return;
  poly1305Update(text, end - text);
  xorRest(text, end - text);
}

/** How many sets go through at once in a text of `size` bytes. */
function batchSets(size: usize): usize {
  return size < NARROW_SIZE_MAX ? SETS_MAX / 2 : SETS_MAX;
}

/** Adds keystream to the last bytes, fewer than a set. */
function xorRest(text: usize, size: usize): void {
  if (size > SINGLE_SIZE_MAX) chacha20XorPart(text, size);
  else chacha20Xor(text, size);
}

/** Writes the tag of the message to {@link AEAD_TAG}. Sizes in bytes, below 2^53. */
export function aeadTag(additionalSize: f64, textSize: f64): void {
  aeadFinish(<u64>additionalSize, <u64>textSize, AEAD_TAG);
}

/** 1 when the tag at {@link AEAD_TAG} is that of the message, else 0; in constant time. */
export function aeadVerify(additionalSize: f64, textSize: f64): i32 {
  aeadFinish(<u64>additionalSize, <u64>textSize, AEAD_SCRATCH);
  return aeadSameTag(AEAD_SCRATCH, AEAD_TAG);
}

/** Writes the tag of the message to `out`: additional data and text are absorbed. */
export function aeadFinish(additionalSize: u64, textSize: u64, out: usize): void {
  poly1305Sizes(additionalSize, textSize);
  poly1305Finish(out);
}

/** 1 when both tags are the same, else 0; in constant time. */
export function aeadSameTag(left: usize, right: usize): i32 {
  // By halves, as a tag is written: what was stored in two pieces cannot be loaded as one at once.
  return i32(((load<u64>(left) ^ load<u64>(right)) | (load<u64>(left, 8) ^ load<u64>(right, 8))) == 0);
}

/** Opens the text of a message that has begun, when the tag behind it holds; else zeroes it. */
export function aeadOpenText(text: usize, additionalSize: usize, textSize: usize): i32 {
  aeadOpen(text, textSize);
  aeadFinish(additionalSize, textSize, AEAD_SCRATCH);
  const holds = aeadSameTag(AEAD_SCRATCH, text + textSize);
  // Whether a tag holds is no secret.
  if (!holds) memory.fill(text, 0, textSize);
  return holds;
}

/** Seals a text whose keystream stands at `stream`, after the additional data, and writes the tag behind it. */
export function aeadSealBy(stream: usize, text: usize, additionalSize: usize, textSize: usize): void {
  xorFew(text, stream, textSize);
  poly1305Update(text, textSize);
  aeadFinish(additionalSize, textSize, text + textSize);
}

/** Opens a text whose keystream stands at `stream`, when the tag behind it holds: 1. Else zeroes it: 0. */
export function aeadOpenBy(stream: usize, text: usize, additionalSize: usize, textSize: usize): i32 {
  poly1305Update(text, textSize);
  aeadFinish(additionalSize, textSize, AEAD_SCRATCH);
  const holds = aeadSameTag(AEAD_SCRATCH, text + textSize);
  // Whether a tag holds is no secret.
  if (holds) xorFew(text, stream, textSize);
  else memory.fill(text, 0, textSize);
  return holds;
}

/** Forgets every secret of the message but what lies in it: keys, keystream, accumulator, tag. */
export function aeadWipe(): void {
  store<v128>(AEAD_TAG, i64x2.splat(0));
  store<v128>(NONCE, i64x2.splat(0));
  wipe(AEAD_SCRATCH, 64);
  chacha20Wipe();
  chacha20WipeSets();
  poly1305Wipe();
}
