// Chunks do not depend on how the source is cut, nor on the batches that the stream passes in.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { createSlabs } from "../../../host/kernels/slabs.ts";
import { createBufferShelf } from "../../../host/vault/buffer-shelf.ts";
import { nameChunks } from "../../../host/vault/chunk-names.ts";
import { type StreamBatch, streamBatches, withRest } from "../../../host/vault/stream-batches.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { inPieces, testKernels } from "../../support/test-vault.ts";

const OPEN = { enterMiddle: async (): Promise<void> => {}, enterLarge: async (): Promise<void> => {} };

const MIB = 1024 * 1024;
const kernels = await testKernels();
const key = seededBytes(8, 32);

/** The chunks of a stream as a put takes them, each in a copy; used buffers are scribbled on and come back. */
async function chunksOf(bytes: Uint8Array, pieceSize: number): Promise<Uint8Array[]> {
  const shelf = createBufferShelf(createSlabs());
  const chunks: Uint8Array[] = [];
  let before: { readonly batch: StreamBatch; readonly rest: number } | undefined;
  for await (const next of streamBatches(inPieces(bytes, pieceSize), shelf, OPEN)) {
    const batch = before === undefined ? next : withRest(next, before.batch, before.rest);
    before?.batch.bytes.fill(0xee);
    if (before !== undefined) shelf.give(before.batch.bytes);
    let at = batch.start;
    const view = { bytes: batch.bytes.subarray(batch.start, batch.end), isLast: batch.isLast };
    for (const { id, sizeBytes } of await nameChunks(kernels, key, view, async () => {})) {
      const chunk = batch.bytes.slice(at, at + sizeBytes);
      expect(id).toEqual(kernels.keyedHash(key, chunk));
      chunks.push(chunk);
      at += sizeBytes;
    }
    expect(batch.end - at).toBeLessThan(batch.isLast ? 1 : LIMITS.vault.chunkSizeBytesMax);
    before = { batch, rest: at };
  }
  return chunks;
}

describe("the batches of a stream", () => {
  test("give no chunk for an empty source, and one for a short one", async () => {
    expect(await chunksOf(new Uint8Array(0), 10)).toEqual([]);
    expect(await chunksOf(Uint8Array.of(1, 2, 3), 1)).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test("are cut where the kernel does on the whole, however the source is cut", async () => {
    const bytes = concatBytes(seededBytes(3, 13 * MIB), new Uint8Array(9 * MIB), seededBytes(4, 13 * MIB + 5));
    const expected: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = kernels.chunkBoundary(bytes.subarray(at, at + LIMITS.vault.chunkSizeBytesMax));
      expected.push(size);
      at += size;
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 60_000, max: 18 * MIB }), async (pieceSize) => {
        const chunks = await chunksOf(bytes, pieceSize);
        expect(chunks.map(({ length }) => length)).toEqual(expected);
        expect(Buffer.compare(concatBytes(...chunks), bytes)).toBe(0);
      }),
      { numRuns: 4 },
    );
  });

  test("take no more buffers than are at work", async () => {
    const shelf = createBufferShelf(createSlabs());
    const seen = new Set<ArrayBufferLike>();
    let count = 0;
    const entered: string[] = [];
    const gates = {
      enterMiddle: async (): Promise<void> => void entered.push("middle"),
      enterLarge: async (): Promise<void> => void entered.push("large"),
    };
    for await (const { bytes } of streamBatches(inPieces(new Uint8Array(100 * MIB), 8 * MIB), shelf, gates)) {
      seen.add(bytes.buffer);
      shelf.give(bytes);
      count++;
    }
    expect(count).toBe(7);
    expect(entered).toEqual(["middle", "large"]);
    expect(seen.size).toBeLessThanOrEqual(2);
  });
});
