// Compression: only where it pays, never beyond the size that was said, and unseen by whoever puts and reads.

import { zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { type KernelPool, openKernelPool } from "../../../host/kernels/pool.ts";
import { compressChunk, zstdAside, zstdAtOnce } from "../../../host/vault/compression.ts";
import { VAULT_JOBS } from "../../../host/vault/open-vault.ts";
import type { VaultJobs } from "../../../host/vault/vault-jobs.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { seededText } from "../../support/seeded-text.ts";
import { inPieces, openTestVault, putBytes, readBytes, type TestVault } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;
const pool: KernelPool<VaultJobs> = await openKernelPool<VaultJobs>({
  jobs: VAULT_JOBS,
  clock: systemClock,
  workerCount: 1,
});
afterAll(() => pool[Symbol.asyncDispose]());

const storedBytes = ({ stores }: TestVault): number =>
  stores.flatMap(({ inner }) => [...inner.shards.values()]).reduce((sum, { length }) => sum + length, 0);

describe.each([
  ["at once", zstdAtOnce],
  ["aside", zstdAside],
] as const)("a chunk that is compressed %s", (_how, zstd) => {
  test("saves an eighth or is left as it is, and comes back whole", async () => {
    const chunk = fc
      .record({ seed: fc.integer({ min: 1 }), size: fc.integer({ min: 0, max: 100_000 }), words: fc.boolean() })
      .map(({ seed, size, words }) => (words ? seededText(seed, size) : seededBytes(seed, size)));
    await fc.assert(
      fc.asyncProperty(chunk, chunk, async (left, right) => {
        const plain = concatBytes(left, right);
        const frame = await compressChunk(zstd, plain);
        if (frame === undefined) return;
        expect(frame.length).toBeLessThanOrEqual((plain.length * 7) / 8);
        expect(Buffer.compare(await zstd.decode(frame, plain.length), plain)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("is chosen by what is in all of it", async () => {
    const text = seededText(1, 300_000);
    const noise = seededBytes(1, 300_000);
    expect((await compressChunk(zstd, text))!.length).toBeLessThan(text.length / 2);
    expect(await compressChunk(zstd, noise)).toBeUndefined();
    // A picture with a readable head.
    expect(await compressChunk(zstd, concatBytes(text.subarray(0, 20_000), noise))).toBeUndefined();
    expect(await compressChunk(zstd, concatBytes(noise, text))).toBeDefined();
    expect(await compressChunk(zstd, text.subarray(0, 600))).toBeDefined();
    expect(await compressChunk(zstd, text.subarray(0, 200))).toBeUndefined();
  });

  test("is never unpacked beyond its size, nor when it is not whole", async () => {
    const bomb = zstdCompressSync(new Uint8Array(64 * MIB));
    expect(bomb.length).toBeLessThan(10_000);
    const frame = zstdCompressSync(seededText(2, 5_000));
    // Magic number, no content size, a window of 8 MiB, one empty raw block.
    const wide = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x68, 1, 0, 0);
    for (const [bytes, size] of [
      [bomb, 4 * MIB],
      [bomb, 1],
      [frame, 4_999],
      [frame, 5_001],
      [frame.subarray(0, -1), 5_000],
      [frame.subarray(1), 5_000],
      [seededBytes(3, 900), 5_000],
      [wide, 1],
      [new Uint8Array(0), 5_000],
    ] as const) {
      await expect(zstd.decode(bytes, size)).rejects.toMatchObject({ code: "TWIN_SEAL_BROKEN" });
    }
  });
});

describe.each([
  ["with workers", pool],
  ["without workers", undefined],
] as const)("a vault %s", (_which, workers) => {
  test("takes less room for texts, and gives them and any range of them back", async () => {
    const opened = await openTestVault({ pool: workers });
    const content = seededText(7, 5 * MIB);
    const { id, sizeBytes } = await putBytes(opened.vault, content);
    expect(sizeBytes).toBe(content.length);
    expect(storedBytes(opened)).toBeLessThan(content.length);
    expect(Buffer.compare(await readBytes(opened.vault, id), content)).toBe(0);
    const offset = fc.integer({ min: 0, max: content.length });
    await fc.assert(
      fc.asyncProperty(offset, fc.integer({ min: 0, max: 200_000 }), async (start, size) => {
        const range = { offset: start, sizeBytes: Math.min(size, content.length - start) };
        const expected = content.subarray(start, start + range.sizeBytes);
        expect(Buffer.compare(await readBytes(opened.vault, id, range), expected)).toBe(0);
      }),
      { numRuns: 15 },
    );
  });

  test("gives compressed and other chunks of one object back from any four stores, and without its index", async () => {
    const opened = await openTestVault({ pool: workers });
    const content = concatBytes(seededText(8, 2 * MIB), seededBytes(8, 2 * MIB), seededText(9, MIB));
    const { id } = await putBytes(opened.vault, content);
    opened.stores[1]!.fault = "gone";
    opened.stores[4]!.fault = "lying";
    expect(Buffer.compare(await readBytes(opened.vault, id), content)).toBe(0);
    for (const store of opened.stores) store.fault = "none";
    const rebuilt = await openTestVault({ stores: opened.stores, index: createMemoryStateStore(), pool: workers });
    expect(Buffer.compare(await readBytes(rebuilt.vault, id), content)).toBe(0);
    expect(await rebuilt.vault.scrub()).toMatchObject({ shardsCorrupt: 0, shardsMissing: 0, margin: 2 });
  });

  test("leaves as it is what is not to be compressed, also when it moves", async () => {
    const opened = await openTestVault({ smallSegmentsKept: 0, pool: workers });
    const texts = [seededText(10, MIB), seededText(11, MIB)];
    const ids: string[] = [];
    for (const text of texts) {
      ids.push((await opened.vault.put(inPieces(text, 65_536), {}, { compress: false })).id);
    }
    const before = storedBytes(opened);
    expect(before).toBeGreaterThan(2 * MIB * 1.5);
    expect(await opened.vault.compact()).toMatchObject({ segments: 2 });
    expect(storedBytes(opened)).toBeGreaterThan(before * 0.99);
    for (const [at, id] of ids.entries()) {
      expect(Buffer.compare(await readBytes(opened.vault, id), texts[at]!)).toBe(0);
    }
  });

  test("knows content again however it was stored", async () => {
    const opened = await openTestVault({ pool: workers });
    const text = seededText(12, MIB);
    const first = await putBytes(opened.vault, text, { name: "one" });
    const before = storedBytes(opened);
    const again = await opened.vault.put(inPieces(text, 65_536), { name: "one" }, { compress: false });
    expect(again.id).toBe(first.id);
    await opened.vault.put(inPieces(text, 65_536), { name: "two" }, { compress: false });
    expect(storedBytes(opened) - before).toBeLessThan(100_000);
  });
});

test("a compaction does not make the same segments anew for ever, small as they have become", async () => {
  const opened = await openTestVault({ smallSegmentsKept: 0, pool });
  const texts = [seededText(20, 3 * MIB), seededText(21, 3 * MIB)];
  const ids: string[] = [];
  for (const text of texts) ids.push((await putBytes(opened.vault, text)).id);
  expect(await opened.vault.compact()).toMatchObject({ segments: 2 });
  expect(await opened.vault.status()).toMatchObject({ segmentCount: 1 });
  expect(await opened.vault.compact()).toMatchObject({ segments: 0 });
  for (const [at, id] of ids.entries()) {
    expect(Buffer.compare(await readBytes(opened.vault, id), texts[at]!)).toBe(0);
  }
});
