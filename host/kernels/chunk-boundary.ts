// The door to content-defined chunking: where a stream is cut. The rule is a format, fixed in
// docs/formats/chunking.md: another one would cut the same file elsewhere and store it twice.

import { copyBytes } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { addressOf, type KernelExports, type KernelModule } from "./kernel-module.ts";
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
  putGearTable(module, deriveKey);
  const scan = new ChunkScan(module);
  const { bytes, window } = module;
  return (data) => {
    const end = Math.min(data.length, SIZE_MAX);
    for (let offset = Math.min(SIZE_MIN, end); offset < end; offset += PIECE_SIZE) {
      const piece = data.subarray(offset, Math.min(offset + PIECE_SIZE, end));
      copyBytes(piece, bytes, window);
      const size = scan.next(window, piece.length, offset);
      if (size < piece.length) return offset + size;
    }
    return end;
  };
}

/** Fills the module's gear table. */
export function putGearTable({ exports, bytes }: KernelModule, deriveKey: Kernels["deriveKey"]): void {
  bytes.set(deriveKey(TABLE_CONTEXT, new Uint8Array(0), TABLE_SIZE), addressOf(exports.GEAR_TABLE));
}

/** Scans a chunk for its end, piece by piece. */
export class ChunkScan {
  readonly #exports: KernelExports;

  constructor(module: KernelModule) {
    this.#exports = module.exports;
  }

  /**
   * How many bytes of the piece of `size` bytes at `address` belong to the chunk, of which it begins
   * at byte `offset`. Pieces come in order; none crosses the minimum or the target, and none the maximum.
   */
  next(address: number, size: number, offset: number): number {
    if (offset < SIZE_MIN) return size;
    if (offset === SIZE_MIN) this.#exports.gearStart();
    const zeroBits = offset < SIZE_TARGET ? ZERO_BITS_BEFORE_TARGET : ZERO_BITS_BEHIND_TARGET;
    return this.#exports.gearScan(address, size, zeroBits);
  }
}
