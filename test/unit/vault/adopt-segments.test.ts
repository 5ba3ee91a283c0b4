// The shards are the index: who holds the key and enough stores has everything.

import { describe, expect, test } from "vitest";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes, testStores } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;

async function openFilled(sizes = [0, 1, 100_000]) {
  const opened = await openTestVault();
  const contents = sizes.map((size) => seededBytes(size + 1, size));
  const infos = [];
  for (const [at, bytes] of contents.entries()) {
    infos.push(await putBytes(opened.vault, bytes, { name: `file-${at}`, type: "text/plain" }));
  }
  return { ...opened, contents, infos };
}

describe("an empty index", () => {
  test("is rebuilt from the stores when the vault is opened", async () => {
    const filled = await openFilled([0, 1, 100_000, 18 * MIB]);
    const { vault } = await openTestVault({ stores: filled.stores, seed: "restored" });
    for (const [at, info] of filled.infos.entries()) {
      expect(await vault.stat(info.id)).toEqual(info);
      expect(Buffer.compare(await readBytes(vault, info.id), filled.contents[at]!)).toBe(0);
    }
    const { objectCount, segmentCount, sizeBytes, margin } = await filled.vault.status();
    expect(await vault.status()).toMatchObject({ objectCount, segmentCount, sizeBytes, margin });
  });

  test("is rebuilt from any four stores, under other names, one of them lying about some of it", async () => {
    const filled = await openFilled();
    const moved = testStores(12).slice(6);
    for (const [at, from] of [5, 1, 0, 4].entries()) {
      for (const [name, shard] of filled.stores[from]!.inner.shards) moved[at]!.inner.shards.set(name, shard.slice());
    }
    const { vault } = await openTestVault({ stores: moved, seed: "restored" });
    expect((await vault.status()).margin).toBeLessThanOrEqual(0);
    expect((await vault.scrub()).margin).toBe(2);
    for (const store of moved.slice(0, 2)) store.fault = "lying";
    for (const [at, info] of filled.infos.entries()) {
      expect(Buffer.compare(await readBytes(vault, info.id), filled.contents[at]!)).toBe(0);
    }
  });

  test("stays empty over stores of another key", async () => {
    const filled = await openFilled();
    const { vault } = await openTestVault({ stores: filled.stores, key: new Uint8Array(32).fill(1) });
    expect(await vault.status()).toMatchObject({ objectCount: 0, segmentCount: 0 });
  });

  test("takes an object only when all of its blocks are there", async () => {
    const filled = await openFilled([0, 1, 100_000, 18 * MIB]);
    const bySegment = Map.groupBy(
      [...filled.stores[0]!.inner.shards.keys()].filter((name) => !name.startsWith("mark-")),
      (name) => name.slice(0, 32),
    );
    // The large object's first segment; small puts came before it.
    const [, , , large] = [...bySegment.keys()];
    for (const { inner } of filled.stores) {
      for (const name of inner.shards.keys()) if (name.startsWith(large!)) inner.shards.delete(name);
    }
    const { vault } = await openTestVault({ stores: filled.stores, seed: "restored" });
    expect(await vault.stat(filled.infos[3]!.id)).toBeUndefined();
    expect(await vault.status()).toMatchObject({ objectCount: 3, segmentCount: 3 });
  });

  test("is opened, not refused, while a store hangs in flames", async () => {
    const filled = await openFilled();
    filled.stores[3]!.fault = "failing";
    const { vault } = await openTestVault({ stores: filled.stores, seed: "restored" });
    expect(await vault.stat(filled.infos[2]!.id)).toEqual(filled.infos[2]);
  });
});
