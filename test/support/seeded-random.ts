// Chance that repeats itself: the same seed, the same bytes.

import { blake3 } from "@noble/hashes/blake3.js";
import { utf8Encode } from "../../host/base/bytes.ts";
import type { Random } from "../../host/base/random.ts";

/** A source of bytes that depend on `seed` alone. */
export function createSeededRandom(seed: string): Random {
  let turn = 0;
  return { bytes: (size) => new Uint8Array(blake3(utf8Encode(`${seed} ${turn++}`), { dkLen: size })) };
}

/** `size` bytes that look random and depend on `seed` alone; fast for many. */
export function noise(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}
