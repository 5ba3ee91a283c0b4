// Many messages of ChaCha20-Poly1305 or XChaCha20-Poly1305 in one call, in place. Short ones share
// the lanes of the cipher: each takes one for the key of Poly1305 and as many as it has blocks.

import { wipe } from "./blocks";
import { CHACHA20_LANES, LANES_MAX, lanesOf, lanesWipe, runLanes, setLane } from "./chacha20-lanes";
import { aeadFinish, aeadOpenBy, aeadOpenText, aeadSeal, aeadSealBy, aeadStart, aeadWipe } from "./chacha20-poly1305";
import { poly1305Start } from "./poly1305";

/** Texts up to this size share lanes, two at least. */
const SHARED_SIZE_MAX: usize = 448;

/** What {@link aeadOpenBatch} writes in place of the size of a message that does not hold. */
const BROKEN: u32 = 0xffffffff;

/** For each message in the lanes whose nonce is extended: subkey (32), then ChaCha20's nonce (12) and 4 bytes unused. */
const SUBKEYS: usize = memory.data(768, 16);
const SUBKEY_SIZE: usize = 48;

/**
 * Seals the `count` messages at `batch` in place, all under one key and without additional data:
 *
 *   0  key: 32 bytes
 *  64  size of each text: u32
 *      nonce of each message: 12 bytes, or 24 when `extended`
 *      messages, one behind the other: text, tag (16)
 */
export function aeadSealBatch(batch: usize, extended: i32, count: usize): void {
  let text = textsOf(batch, extended, count);
  let index: usize = 0;
  while (index < count) {
    const end = index + fillLanes(batch, extended, index, count);
    if (end == index) {
      const size = sizeOf(batch, index);
      aeadStart(batch, nonceOf(batch, extended, index, count), extended);
      aeadSeal(text, size);
      aeadFinish(0, size, text + size);
      text += size + 16;
      index++;
    }
    let stream = CHACHA20_LANES;
    for (; index < end; index++) {
      const size = sizeOf(batch, index);
      poly1305Start(stream);
      aeadSealBy(stream + 64, text, 0, size);
      stream += 64 * lanesOf(size);
      text += size + 16;
    }
  }
  forgetBatch();
}

/**
 * Opens the messages at `batch`, which lie as in {@link aeadSealBatch}. Zeroes the text of those that
 * do not hold and writes 2^32 - 1 in place of their sizes; returns how many they are.
 */
export function aeadOpenBatch(batch: usize, extended: i32, count: usize): usize {
  let text = textsOf(batch, extended, count);
  let broken: usize = 0;
  let index: usize = 0;
  while (index < count) {
    const end = index + fillLanes(batch, extended, index, count);
    if (end == index) {
      const size = sizeOf(batch, index);
      aeadStart(batch, nonceOf(batch, extended, index, count), extended);
      broken += note(batch, index, aeadOpenText(text, 0, size));
      text += size + 16;
      index++;
    }
    let stream = CHACHA20_LANES;
    for (; index < end; index++) {
      const size = sizeOf(batch, index);
      poly1305Start(stream);
      broken += note(batch, index, aeadOpenBy(stream + 64, text, 0, size));
      stream += 64 * lanesOf(size);
      text += size + 16;
    }
  }
  forgetBatch();
  return broken;
}

/** Notes in the batch when message `index` does not hold; returns 1 then, else 0. */
function note(batch: usize, index: usize, holds: i32): usize {
  if (!holds) store<u32>(batch + 64 + 4 * index, BROKEN);
  return holds ? 0 : 1;
}

function sizeOf(batch: usize, index: usize): usize { return <usize>load<u32>(batch + 64 + 4 * index); }
function nonceSize(extended: i32): usize { return extended ? 24 : 12; }
function nonceOf(batch: usize, extended: i32, index: usize, count: usize): usize { return batch + 64 + 4 * count + nonceSize(extended) * index; }
function textsOf(batch: usize, extended: i32, count: usize): usize { return nonceOf(batch, extended, count, count); }

/** Makes the blocks of the next messages from `index` on, as many as the lanes hold. Returns how many: none when the next one is too long for that. */
function fillLanes(batch: usize, extended: i32, index: usize, count: usize): usize {
  const nonces = nonceOf(batch, extended, index, count);
  let messages: usize = 0;
  let lanes: usize = 0;
  for (; index + messages < count; messages++) {
    const size = sizeOf(batch, index + messages);
    if (size > SHARED_SIZE_MAX || lanes + lanesOf(size) > LANES_MAX) break;
    lanes += lanesOf(size);
  }
  if (messages == 0) return 0;
  if (extended) makeSubkeys(batch, nonces, messages);
  let lane: usize = 0;
  for (let message: usize = 0; message < messages; message++) {
    const subkey = SUBKEYS + message * SUBKEY_SIZE;
    const key = extended ? subkey : batch, nonce = extended ? subkey + 32 : nonces + 12 * message;
    const blocks = lanesOf(sizeOf(batch, index + message));
    for (let block: usize = 0; block < blocks; block++) setLane(lane++, key, <u32>block, nonce);
  }
  runLanes(lanes, true);
  return messages;
}

/** Fills {@link SUBKEYS} for `count` messages under `key` whose nonces of 24 bytes stand at `nonces` (HChaCha20, draft-irtf-cfrg-xchacha-03, section 2.2). */
function makeSubkeys(key: usize, nonces: usize, count: usize): void {
  for (let message: usize = 0; message < count; message++) {
    const nonce = nonces + 24 * message;
    setLane(message, key, load<u32>(nonce), nonce + 4);
  }
  runLanes(count, false);
  for (let message: usize = 0; message < count; message++) {
    const subkey = SUBKEYS + message * SUBKEY_SIZE, block = CHACHA20_LANES + 64 * message;
    store<v128>(subkey, load<v128>(block));
    store<v128>(subkey, load<v128>(block, 48), 16);
    store<u64>(subkey, load<u64>(nonces + 24 * message, 16), 36);
  }
}

function forgetBatch(): void {
  wipe(SUBKEYS, 768);
  lanesWipe(LANES_MAX);
  aeadWipe();
}
