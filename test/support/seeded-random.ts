// Chance that repeats itself: the same seed, the same bytes.

import { blake3 } from "@noble/hashes/blake3.js";
import { utf8Encode } from "../../host/base/bytes.ts";
import type { Random } from "../../host/base/random.ts";

/** A source of bytes that depend on `seed` alone. */
export function createSeededRandom(seed: string): Random {
  let turn = 0;
  return { bytes: (size) => new Uint8Array(blake3(utf8Encode(`${seed} ${turn++}`), { dkLen: size })) };
}
