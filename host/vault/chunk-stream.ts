// Cuts a stream of any length into content-defined chunks in a bounded buffer. The boundaries are the
// kernel's (docs/formats/chunking.md); how the source is cut into pieces does not move them.

import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";

const CHUNK_MAX = LIMITS.vault.chunkSizeBytesMax;
/** Most chunks end within twice the target: asking the kernel for a shorter window copies less. */
const WINDOW = 2 * LIMITS.vault.chunkSizeBytesTarget;

/**
 * The chunks of `source` in order; none for an empty one. Each chunk is a view that is valid until
 * the next is asked for. Pulls from the source only what the next chunk needs.
 */
export async function* chunkStream(
  source: AsyncIterable<Uint8Array>,
  kernels: Pick<Kernels, "chunkBoundary">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(2 * CHUNK_MAX);
  let start = 0;
  let end = 0;
  let windowSize: number = WINDOW;
  for await (const piece of source) {
    let taken = 0;
    while (taken < piece.length) {
      if (end === buffer.length) {
        buffer.copyWithin(0, start, end);
        end -= start;
        start = 0;
      }
      const size = Math.min(piece.length - taken, buffer.length - end);
      buffer.set(piece.subarray(taken, taken + size), end);
      taken += size;
      end += size;
      for (let chunk = settledChunk(); chunk !== undefined; chunk = settledChunk()) {
        start += chunk.length;
        yield chunk;
      }
    }
  }
  while (start < end) {
    const rest = buffer.subarray(start, Math.min(end, start + CHUNK_MAX));
    const chunk = rest.subarray(0, kernels.chunkBoundary(rest));
    start += chunk.length;
    yield chunk;
  }

  /** The next chunk when no later byte can move its end. */
  function settledChunk(): Uint8Array | undefined {
    while (end - start >= windowSize) {
      const boundary = kernels.chunkBoundary(buffer.subarray(start, start + windowSize));
      if (boundary < windowSize || windowSize === CHUNK_MAX) {
        windowSize = WINDOW;
        return buffer.subarray(start, start + boundary);
      }
      windowSize = CHUNK_MAX;
    }
    return undefined;
  }
}
