// Compaction: room comes back, objects stay, and nobody who reads or puts meanwhile notices.

import { describe, expect, test } from "vitest";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes, type TestVault } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;
const usedBytes = ({ stores }: TestVault): number =>
  stores.reduce((sum, { inner }) => sum + [...inner.shards.values()].reduce((own, { length }) => own + length, 0), 0);

/** Objects that share their first megabytes with a large one, which is then forgotten. */
async function openHalfDead(): Promise<TestVault & { readonly kept: string; readonly content: Uint8Array }> {
  const opened = await openTestVault();
  const content = seededBytes(1, 5 * MIB);
  const rest = seededBytes(2, 9 * MIB);
  const large = await putBytes(opened.vault, Buffer.concat([content, rest]), { name: "large" });
  const kept = await putBytes(opened.vault, content, { name: "kept" });
  await opened.vault.forget(large.id);
  return { ...opened, kept: kept.id, content };
}

describe("a compaction", () => {
  test("frees the room of forgotten blocks, and keeps what others use of their segment", async () => {
    const opened = await openHalfDead();
    const before = usedBytes(opened);
    const report = await opened.vault.compact();
    expect(report.segments).toBe(1);
    expect(report.blocksMoved).toBeGreaterThan(1);
    expect(before - usedBytes(opened)).toBe(report.freedBytes);
    expect(report.freedBytes).toBeGreaterThan(8 * MIB);
    expect(Buffer.compare(await readBytes(opened.vault, opened.kept), opened.content)).toBe(0);
    expect(await opened.vault.scrub()).toMatchObject({ shardsMissing: 0, shardsCorrupt: 0, margin: 2 });
    expect(await opened.vault.compact()).toEqual({ segments: 0, blocksMoved: 0, freedBytes: 0 });
    const rebuilt = await openTestVault({ stores: opened.stores, index: createMemoryStateStore() });
    expect((await rebuilt.vault.find(() => true)).map(({ name }) => name)).toEqual(["kept"]);
    await opened.vault.forget(opened.kept);
    expect([...opened.stores[0]!.inner.shards.keys()].filter((name) => !name.startsWith("mark-"))).toEqual([]);
  });

  test("makes a crowd of small segments one, and leaves a few alone", async () => {
    const opened = await openTestVault();
    const put = async (seed: number): Promise<string> => (await putBytes(opened.vault, seededBytes(seed, 10_000))).id;
    const ids: string[] = [];
    for (let seed = 0; seed < 15; seed++) ids.push(await put(seed));
    expect(await opened.vault.compact()).toMatchObject({ segments: 0 });
    ids.push(await put(15));
    expect(await opened.vault.compact()).toMatchObject({ segments: 16, blocksMoved: 32 });
    expect((await opened.vault.status()).segmentCount).toBe(1);
    for (const [seed, id] of ids.entries()) {
      expect(Buffer.compare(await readBytes(opened.vault, id), seededBytes(seed, 10_000))).toBe(0);
    }
    expect(await opened.vault.status()).toMatchObject({ objectCount: 16, margin: 2 });
  });

  test("leaves alone what wants repair, and changes nothing when stores refuse", async () => {
    const opened = await openHalfDead();
    for (const store of opened.stores) store.fault = "full";
    await expect(opened.vault.compact()).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    for (const store of opened.stores) store.fault = "none";
    expect(Buffer.compare(await readBytes(opened.vault, opened.kept), opened.content)).toBe(0);
    opened.stores[0]!.inner.shards.clear();
    await opened.vault.sample(9);
    expect(await opened.vault.compact()).toMatchObject({ segments: 0 });
    await opened.vault.scrub();
    expect(await opened.vault.compact()).toMatchObject({ segments: 1 });
  });

  test("goes on under readers and puts that use the same blocks, and beside their forgetting", async () => {
    const opened = await openHalfDead();
    const reading = (async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of opened.vault.read(opened.kept)) {
        pieces.push(piece);
        if (pieces.length === 1) await opened.vault.compact();
      }
      return Buffer.concat(pieces);
    })();
    expect(Buffer.compare(await reading, opened.content)).toBe(0);
    const again = await openHalfDead();
    const [, other] = await Promise.all([
      again.vault.compact(),
      putBytes(again.vault, again.content, { name: "other" }),
      again.vault.forget(again.kept),
    ]);
    expect(Buffer.compare(await readBytes(again.vault, other.id), again.content)).toBe(0);
    expect(await again.vault.stat(again.kept)).toBeUndefined();
    expect(await again.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
    await again.vault.forget(other.id);
    expect(await again.vault.status()).toMatchObject({ objectCount: 0, segmentCount: 0 });
  });
});
