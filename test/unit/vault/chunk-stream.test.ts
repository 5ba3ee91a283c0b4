// Chunks do not depend on how the source is cut, and never outgrow the buffer.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { chunkStream } from "../../../host/vault/chunk-stream.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { inPieces, testKernels } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;
const kernels = await testKernels();

async function chunksOf(bytes: Uint8Array, pieceSize: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunkStream(inPieces(bytes, pieceSize), kernels)) chunks.push(chunk.slice());
  return chunks;
}

describe("a chunk stream", () => {
  test("gives no chunk for an empty source, and one for a short one", async () => {
    expect(await chunksOf(new Uint8Array(0), 10)).toEqual([]);
    expect(await chunksOf(Uint8Array.of(1, 2, 3), 1)).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test("cuts where the kernel does on the whole, however the source is cut", async () => {
    const bytes = concatBytes(seededBytes(3, 9 * MIB), new Uint8Array(9 * MIB), seededBytes(4, 3 * MIB + 5));
    const expected: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = kernels.chunkBoundary(bytes.subarray(at, at + LIMITS.vault.chunkSizeBytesMax));
      expected.push(size);
      at += size;
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 60_000, max: 12 * MIB }), async (pieceSize) => {
        const chunks = await chunksOf(bytes, pieceSize);
        expect(chunks.map(({ length }) => length)).toEqual(expected);
        expect(Buffer.compare(concatBytes(...chunks), bytes)).toBe(0);
      }),
      { numRuns: 5 },
    );
  });

  test("does not look at a long chunk again for each piece that comes", async () => {
    let seen = 0;
    const counting = {
      chunkBoundary: (data: Uint8Array) => {
        seen += data.length;
        return kernels.chunkBoundary(data);
      },
    };
    for await (const _ of chunkStream(inPieces(new Uint8Array(16 * MIB), 1_000), counting)) void _;
    expect(seen).toBeLessThan(32 * MIB);
  });
});
