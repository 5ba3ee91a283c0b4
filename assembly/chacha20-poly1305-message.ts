// A whole message of ChaCha20-Poly1305 or XChaCha20-Poly1305 in one call, in place.

import { copyFew, wipe } from "./blocks";
import { CHACHA20_KEY } from "./chacha20";
import { CHACHA20_LANES, lanesOf, lanesWipe, runLanes, setLane } from "./chacha20-lanes";
import {
  AEAD_SCRATCH, aeadFinish, aeadOpenBy, aeadOpenText, aeadSameTag, aeadSeal, aeadSealBy, aeadStart, aeadSubkey, aeadWipe,
} from "./chacha20-poly1305";
import {
  ROUNDS_AFTER_ABSORB, ROUNDS_AFTER_START, SHORT_SIZE_MAX, shortAbsorb, shortStart, shortWipe, shortXor,
} from "./chacha20-short";
import { SET_SIZE } from "./chacha20-wide";
import { poly1305Finish, poly1305Start, poly1305Update, poly1305Wipe } from "./poly1305";

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

/** Seals the `textSize` bytes of text of `message` in place and writes the tag behind them. Forgets all secrets but those of `message`. */
export function aeadSealMessage(message: usize, extended: i32, additionalSize: usize, textSize: usize): void {
  const text = message + AEAD_TEXT;
  if (isShort(textSize)) {
    startShort(message, message + AEAD_NONCE, extended);
    if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
    sealShort(text, additionalSize, textSize);
    wipeShort(extended);
    return;
  }
  if (fitsLanes(textSize, SEAL_LANES_SIZE_MAX)) {
    startLanes(message, message + AEAD_NONCE, extended, textSize);
    if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
    aeadSealBy(CHACHA20_LANES + 64, text, additionalSize, textSize);
    wipeLanes(extended, textSize);
    return;
  }
  aeadStart(message, message + AEAD_NONCE, extended);
  if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
  aeadSeal(text, textSize);
  aeadFinish(additionalSize, textSize, text + textSize);
  aeadWipe();
}

/**
 * Opens the `textSize` bytes of text of `message` in place when the tag behind them holds: 1. Else
 * 0, and the text is zeroed. Forgets all secrets but those of `message`.
 */
export function aeadOpenMessage(message: usize, extended: i32, additionalSize: usize, textSize: usize): i32 {
  const text = message + AEAD_TEXT;
  if (isShort(textSize)) {
    startShort(message, message + AEAD_NONCE, extended);
    if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
    const holds = openShort(text, additionalSize, textSize);
    wipeShort(extended);
    return holds;
  }
  if (fitsLanes(textSize, OPEN_LANES_SIZE_MAX)) {
    startLanes(message, message + AEAD_NONCE, extended, textSize);
    if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
    const holds = aeadOpenBy(CHACHA20_LANES + 64, text, additionalSize, textSize);
    wipeLanes(extended, textSize);
    return holds;
  }
  aeadStart(message, message + AEAD_NONCE, extended);
  if (additionalSize > 0) poly1305Update(message + AEAD_DATA, additionalSize);
  const holds = aeadOpenText(text, additionalSize, textSize);
  aeadWipe();
  return holds;
}

/** Texts up to this size are sealed by one run of lanes, from which the key of Poly1305 comes too: as many as there are. */
const SEAL_LANES_SIZE_MAX: usize = 960;
/** And opened: from here on it is better to make keystream beside Poly1305. */
const OPEN_LANES_SIZE_MAX: usize = 448;

/** Whether one run of lanes pays: a text that fills whole sets fills them as well alone. */
@inline
function fitsLanes(textSize: usize, sizeMax: usize): bool {
  return textSize <= sizeMax && textSize % SET_SIZE != 0;
}

/** As {@link aeadStart} for a message whose blocks are all made at once, to {@link CHACHA20_LANES}. */
function startLanes(key: usize, nonce: usize, extended: i32, textSize: usize): void {
  if (extended) {
    nonce = aeadSubkey(key, nonce);
    key = CHACHA20_KEY;
  }
  const lanes = lanesOf(textSize);
  for (let lane: usize = 0; lane < lanes; lane++) setLane(lane, key, <u32>lane, nonce);
  runLanes(lanes, true);
  poly1305Start(CHACHA20_LANES);
}

/** Forgets the secrets of a message made in lanes; as {@link aeadWipe}, but only what such a one has used. */
function wipeLanes(extended: i32, textSize: usize): void {
  lanesWipe(lanesOf(textSize));
  if (extended) {
    aeadWipe();
  } else {
    wipe(AEAD_SCRATCH, 16);
    poly1305Wipe();
  }
}

// Messages with at most 64 bytes of text: both blocks of the cipher at once.

/** Text of fewer than 64 bytes; zero between calls. */
const SHORT: usize = memory.data(64, 16);

/** Moves a text of fewer than 64 bytes back to its place. */
function moveShort(text: usize, textSize: usize): void {
  copyFew(text, SHORT, textSize);
  wipe(SHORT, 64);
}

/** Whether both blocks at once pay: without text there is only one. */
@inline
function isShort(textSize: usize): bool {
  return textSize > 0 && textSize <= SHORT_SIZE_MAX;
}

/** As {@link aeadStart} for a message whose text is short. */
function startShort(key: usize, nonce: usize, extended: i32): void {
  if (extended) {
    nonce = aeadSubkey(key, nonce);
    key = CHACHA20_KEY;
  }
  shortStart(key, nonce, AEAD_SCRATCH);
  poly1305Start(AEAD_SCRATCH);
}

/** Seals the text of a message that {@link startShort} began, and writes the tag behind it. */
function sealShort(text: usize, additionalSize: usize, textSize: usize): void {
  if (textSize == SHORT_SIZE_MAX) {
    shortXor(text, ROUNDS_AFTER_START);
  } else {
    copyFew(SHORT, text, textSize);
    shortXor(SHORT, ROUNDS_AFTER_START);
    moveShort(text, textSize);
  }
  poly1305Update(text, textSize);
  aeadFinish(additionalSize, textSize, text + textSize);
}

/** Opens the text of a message that {@link startShort} began, when the tag behind it holds; else zeroes it. */
function openShort(text: usize, additionalSize: usize, textSize: usize): i32 {
  let input = text;
  if (textSize < SHORT_SIZE_MAX) {
    input = SHORT;
    copyFew(SHORT, text, textSize);
  }
  shortAbsorb(input, input + ((textSize + 15) & ~15), additionalSize, textSize);
  poly1305Finish(AEAD_SCRATCH);
  const holds = aeadSameTag(AEAD_SCRATCH, text + textSize);
  // Whether a tag holds is no secret.
  if (holds) shortXor(input, ROUNDS_AFTER_ABSORB);
  else wipe(input, 64);
  if (textSize < SHORT_SIZE_MAX) moveShort(text, textSize);
  return holds;
}

/** Forgets the secrets of a short message; as {@link aeadWipe}, but only what such a one has used. */
function wipeShort(extended: i32): void {
  shortWipe();
  if (extended) {
    aeadWipe();
  } else {
    wipe(AEAD_SCRATCH, 32);
    poly1305Wipe();
  }
}

/** A message that the host writes and reads where it lies: text of up to 65,536 bytes. */
export const AEAD_LEASE: usize = memory.data(69760, 64);

/** Forgets key and nonce of `message`, and the first `textSize` bytes of its text. */
export function aeadWipeMessage(message: usize, textSize: usize): void {
  wipe(message, 64);
  wipe(message + AEAD_TEXT, (textSize + 15) & ~15);
}
