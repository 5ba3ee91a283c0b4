// AEAD_ChaCha20_Poly1305 (RFC 8439, section 2.8) and AEAD_XChaCha20_Poly1305
// (draft-irtf-cfrg-xchacha-03, section 2.3), in place. Long messages go in pieces: start, absorb
// additional data, seal or open the text, then the tag. Short ones take one call.

import { wipe } from "./blocks";
import { chacha20Block, chacha20Key, chacha20Nonce, chacha20Wipe, chacha20Xor, hchacha20 } from "./chacha20";
import {
  chacha20Prepare, chacha20WipeSets, chacha20XorPart, chacha20XorSets, chacha20XorSetsPoly1305, SET_SIZE, SETS_MAX,
} from "./chacha20-wide";
import { poly1305Finish, poly1305Sizes, poly1305Start, poly1305Update, poly1305Wipe } from "./poly1305";

/**
 * A message, wherever it lies (64-aligned):
 *
 *    0  key: 32 bytes
 *   32  nonce: 12 bytes, or 24 of the extended variant
 *   64  additional data: up to 4,096 bytes
 * 4160  text, then room for the 16-byte tag
 */
export const AEAD_NONCE: usize = 32;
/** Where the additional data of a message is. */
export const AEAD_DATA: usize = 64;
/** Where the text of a message is. */
export const AEAD_TEXT: usize = 4160;

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
const SCRATCH: usize = memory.data(64, 16);

/** Where the text not yet absorbed begins, while a message is sealed or opened. */
let pending: usize = 0;

/** Starts a message under the 32 bytes at `key` and the nonce at `nonce`, which has 24 bytes when `extended`, else 12. */
export function aeadStart(key: usize, nonce: usize, extended: i32): void {
  chacha20Key(key);
  if (extended) {
    hchacha20(nonce);
    store<u64>(NONCE, load<u64>(nonce, 16), 4);
    nonce = NONCE;
  }
  chacha20Nonce(0, nonce);
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
  finish(<u64>additionalSize, <u64>textSize, AEAD_TAG);
}

/** 1 when the tag at {@link AEAD_TAG} is that of the message, else 0; in constant time. */
export function aeadVerify(additionalSize: f64, textSize: f64): i32 {
  finish(<u64>additionalSize, <u64>textSize, SCRATCH);
  return sameTag(SCRATCH, AEAD_TAG);
}

function finish(additionalSize: u64, textSize: u64, out: usize): void {
  poly1305Sizes(additionalSize, textSize);
  poly1305Finish(out);
}

function sameTag(left: usize, right: usize): i32 {
  return i32(!v128.any_true(v128.xor(load<v128>(left), load<v128>(right))));
}

/** Seals the `textSize` bytes of text of `message` in place and writes the tag behind them. Forgets all secrets but those of `message`. */
export function aeadSealMessage(message: usize, extended: i32, additionalSize: usize, textSize: usize): void {
  const text = message + AEAD_TEXT;
  aeadStart(message, message + AEAD_NONCE, extended);
  if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
  aeadSeal(text, textSize);
  finish(additionalSize, textSize, text + textSize);
  aeadWipe();
}

/**
 * Opens the `textSize` bytes of text of `message` in place when the tag behind them holds: 1. Else
 * 0, and the text is zeroed. Forgets all secrets but those of `message`.
 */
export function aeadOpenMessage(message: usize, extended: i32, additionalSize: usize, textSize: usize): i32 {
  aeadStart(message, message + AEAD_NONCE, extended);
  if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
  const holds = openText(message + AEAD_TEXT, additionalSize, textSize);
  aeadWipe();
  return holds;
}

/** Opens the text of a message that has begun, when the tag behind it holds; else zeroes it. */
function openText(text: usize, additionalSize: usize, textSize: usize): i32 {
  aeadOpen(text, textSize);
  finish(additionalSize, textSize, SCRATCH);
  const holds = sameTag(SCRATCH, text + textSize);
  // Whether a tag holds is no secret.
  if (!holds) memory.fill(text, 0, textSize);
  return holds;
}

/** What {@link aeadOpenBatch} writes in place of the size of a message that does not hold. */
const BROKEN: u32 = 0xffffffff;

/**
 * Seals the `count` messages at `batch` in place, all under one key and without additional data:
 *
 *   0  key: 32 bytes
 *  64  size of each text: u32
 *      nonce of each message: 12 bytes, or 24 when `extended`
 *      messages, one behind the other: text, tag (16)
 */
export function aeadSealBatch(batch: usize, extended: i32, count: usize): void {
  const nonceSize: usize = extended ? 24 : 12;
  let nonce = batch + 64 + 4 * count;
  let text = nonce + nonceSize * count;
  for (let index: usize = 0; index < count; index++) {
    const size = <usize>load<u32>(batch + 64 + 4 * index);
    aeadStart(batch, nonce, extended);
    aeadSeal(text, size);
    finish(0, size, text + size);
    nonce += nonceSize;
    text += size + 16;
  }
  aeadWipe();
}

/**
 * Opens the messages at `batch`, which lie as in {@link aeadSealBatch}. Zeroes the text of those that
 * do not hold and writes 2^32 - 1 in place of their sizes; returns how many they are.
 */
export function aeadOpenBatch(batch: usize, extended: i32, count: usize): usize {
  const nonceSize: usize = extended ? 24 : 12;
  let nonce = batch + 64 + 4 * count;
  let text = nonce + nonceSize * count;
  let broken: usize = 0;
  for (let index: usize = 0; index < count; index++) {
    const size = <usize>load<u32>(batch + 64 + 4 * index);
    aeadStart(batch, nonce, extended);
    if (!openText(text, 0, size)) {
      broken++;
      store<u32>(batch + 64 + 4 * index, BROKEN);
    }
    nonce += nonceSize;
    text += size + 16;
  }
  aeadWipe();
  return broken;
}

/** Forgets every secret of the message but what lies in it: keys, keystream, accumulator, tag. */
export function aeadWipe(): void {
  store<v128>(AEAD_TAG, i64x2.splat(0));
  store<v128>(NONCE, i64x2.splat(0));
  wipe(SCRATCH, 64);
  chacha20Wipe();
  chacha20WipeSets();
  poly1305Wipe();
}

/** A message that the host writes and reads where it lies: text of up to 65,536 bytes. */
export const AEAD_LEASE: usize = memory.data(69760, 64);

/** Forgets key and nonce of `message`, and the first `textSize` bytes of its text. */
export function aeadWipeMessage(message: usize, textSize: usize): void {
  wipe(message, 64);
  wipe(message + AEAD_TEXT, (textSize + 15) & ~15);
}
