// Where the bytes of a batch are cut, and what their chunks are called. The boundaries are the kernel's
// (docs/formats/chunking.md); how the stream came does not move them.

import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Pace } from "./pace.ts";

const CHUNK_MAX = LIMITS.vault.chunkSizeBytesMax;

/** A chunk by its keyed hash. */
export interface ChunkName {
  readonly id: Uint8Array<ArrayBuffer>;
  readonly sizeBytes: number;
}

/**
 * The whole chunks of `bytes`, in order from the first byte on, under the ids that `key` gives. What is left
 * behind them belongs to the next bytes of the stream; with `isLast` nothing is left.
 */
export async function nameChunks(
  kernels: Pick<Kernels, "chunkBoundary" | "keyedHash">,
  key: Uint8Array,
  { bytes, isLast }: { readonly bytes: Uint8Array; readonly isLast: boolean },
  pace: Pace,
): Promise<ChunkName[]> {
  const chunks: ChunkName[] = [];
  for (let start = 0; start < bytes.length;) {
    const view = bytes.subarray(start, start + CHUNK_MAX);
    const sizeBytes = kernels.chunkBoundary(view);
    // A later byte could still move this end.
    if (sizeBytes === view.length && view.length < CHUNK_MAX && !isLast) break;
    chunks.push({ id: kernels.keyedHash(key, view.subarray(0, sizeBytes)), sizeBytes });
    start += sizeBytes;
    await pace();
  }
  return chunks;
}
