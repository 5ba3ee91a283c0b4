// ChaCha20 over blocks of different messages side by side, one in each lane of the sets of
// chacha20-wide.ts: for many messages that are too short to fill lanes alone.

import { wipe } from "./blocks";
import { CHACHA20_SETS, chacha20Rounds, SET_SIZE, SETS_MAX } from "./chacha20-wide";

/** Lanes there are. */
export const LANES_MAX: usize = 4 * SETS_MAX;

/** What came of the lanes: 64 bytes for each. */
export const CHACHA20_LANES: usize = memory.data(1024, 64);

/** The states before the rounds: sets as in {@link CHACHA20_SETS}. */
const INITIAL: usize = memory.data(1024, 64);

/** Gives `lane` the 32 bytes of key at `key`, and a nonce of 12 bytes at `nonce`. */
export function setLane(lane: usize, key: usize, counter: u32, nonce: usize): void {
  const at = INITIAL + (lane >> 2) * SET_SIZE + (lane & 3) * 4;
  store<u32>(at, load<u32>(key), 64); store<u32>(at, load<u32>(key, 4), 80);
  store<u32>(at, load<u32>(key, 8), 96); store<u32>(at, load<u32>(key, 12), 112);
  store<u32>(at, load<u32>(key, 16), 128); store<u32>(at, load<u32>(key, 20), 144);
  store<u32>(at, load<u32>(key, 24), 160); store<u32>(at, load<u32>(key, 28), 176);
  store<u32>(at, counter, 192); store<u32>(at, load<u32>(nonce), 208);
  store<u32>(at, load<u32>(nonce, 4), 224); store<u32>(at, load<u32>(nonce, 8), 240);
}

/** Runs the first `count` lanes (1 or more; RFC 8439, section 2.3) and writes their blocks to {@link CHACHA20_LANES}: of keystream, or before the states are added when they are not `feedForward`. */
export function runLanes(count: usize, feedForward: bool): void {
  const size = ((count + 3) >> 2) * SET_SIZE;
  for (let offset: usize = 0; offset < size; offset += SET_SIZE) {
    store<v128>(INITIAL + offset, i32x4.splat(0x61707865));
    store<v128>(INITIAL + offset, i32x4.splat(0x3320646e), 16);
    store<v128>(INITIAL + offset, i32x4.splat(0x79622d32), 32);
    store<v128>(INITIAL + offset, i32x4.splat(0x6b206574), 48);
  }
  for (let offset: usize = 0; offset < size; offset += 16) store<v128>(CHACHA20_SETS + offset, load<v128>(INITIAL + offset));
  chacha20Rounds(CHACHA20_SETS + size);
  if (feedForward) {
    for (let offset: usize = 0; offset < size; offset += 16) {
      store<v128>(CHACHA20_SETS + offset, i32x4.add(load<v128>(CHACHA20_SETS + offset), load<v128>(INITIAL + offset)));
    }
  }
  for (let offset: usize = 0; offset < size; offset += SET_SIZE) {
    for (let word: usize = 0; word < 64; word += 16) transpose(CHACHA20_SETS + offset + 4 * word, CHACHA20_LANES + offset + word);
  }
}

/** Four words of four lanes, to where each lane's are. */
@inline
function transpose(from: usize, to: usize): void {
  const r0 = load<v128>(from), r1 = load<v128>(from, 16), r2 = load<v128>(from, 32), r3 = load<v128>(from, 48);
  const t0 = v128.shuffle<u32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(r0, r1, 2, 6, 3, 7);
  const t2 = v128.shuffle<u32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<u32>(r2, r3, 2, 6, 3, 7);
  store<v128>(to, v128.shuffle<u64>(t0, t2, 0, 2));
  store<v128>(to, v128.shuffle<u64>(t0, t2, 1, 3), 64);
  store<v128>(to, v128.shuffle<u64>(t1, t3, 0, 2), 128);
  store<v128>(to, v128.shuffle<u64>(t1, t3, 1, 3), 192);
}

/** Lanes that a text of `size` bytes takes: one for the key of Poly1305 (RFC 8439, section 2.6), and one for each of its blocks. */
export function lanesOf(size: usize): usize {
  return 1 + ((size + 63) >> 6);
}

/** Forgets keys and keystream of the first `count` lanes. */
export function lanesWipe(count: usize): void {
  const size = ((count + 3) >> 2) * SET_SIZE;
  wipe(CHACHA20_SETS, size);
  wipe(INITIAL, size);
  wipe(CHACHA20_LANES, size);
}
