// The door to content-defined chunking: where a stream is cut. The rule is a format, fixed in
// docs/formats/chunking.md: another one would cut the same file elsewhere and store it twice.

import { LIMITS } from "../base/limits.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";

const SIZE_MIN = LIMITS.vault.chunkSizeBytesMin;
const SIZE_TARGET = LIMITS.vault.chunkSizeBytesTarget;
const SIZE_MAX = LIMITS.vault.chunkSizeBytesMax;

/** 2^20 is the target: two bits harder before it, two bits easier behind it (normalisation level 2). */
const ZERO_BITS_BEFORE_TARGET = 22;
const ZERO_BITS_BEHIND_TARGET = 18;

/** The table is the first 2,048 bytes that BLAKE3's derive_key gives for this context and no material: 256 u64, little-endian. */
const TABLE_CONTEXT = "digital-twin-host 2026-01-01 00:00:00 gear table v1";
const TABLE_SIZE = 2_048;

/** Copied to the window at once: a cut in the middle of a chunk does not pay for what follows. */
const PIECE_SIZE = 64 * 1024;

/** Fills the module's gear table and gives the door. */
export function createChunkBoundary(module: KernelModule, deriveKey: Kernels["deriveKey"]): Kernels["chunkBoundary"] {
  const { exports, bytes } = module;
  bytes.set(deriveKey(TABLE_CONTEXT, new Uint8Array(0), TABLE_SIZE), addressOf(exports.GEAR_TABLE));

  return (data) => {
    const end = Math.min(data.length, SIZE_MAX);
    if (end <= SIZE_MIN) return end;
    exports.gearStart();
    const target = Math.min(end, SIZE_TARGET);
    const early = scan(module, data.subarray(SIZE_MIN, target), ZERO_BITS_BEFORE_TARGET);
    if (SIZE_MIN + early < target) return SIZE_MIN + early;
    return target + scan(module, data.subarray(target, end), ZERO_BITS_BEHIND_TARGET);
  };
}

/** Index of the first byte of `data` behind which to cut, or its length. */
function scan({ exports, bytes, window }: KernelModule, data: Uint8Array, zeroBits: number): number {
  for (let offset = 0; offset < data.length; offset += PIECE_SIZE) {
    const piece = data.subarray(offset, offset + PIECE_SIZE);
    bytes.set(piece, window);
    const index = exports.gearScan(window, piece.length, zeroBits);
    if (index < piece.length) return offset + index;
  }
  return data.length;
}
