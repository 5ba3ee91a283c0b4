// Every choice of lost stores: m of them cost nothing, one more is refused by the object's name.

import { describe, expect, test } from "vitest";
import { createChance } from "../../support/campaign.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { combinations, openTestVault, putBytes, readBytes, testStores } from "../../support/test-vault.ts";

/** Large enough for every data shard to hold some of it. */
const SIZE = 90_000;

async function openCode(dataShards: number, parityShards: number) {
  const stores = testStores(dataShards + parityShards);
  const opened = await openTestVault({ stores, code: { dataShards, parityShards } });
  const content = seededBytes(dataShards, SIZE);
  const { id } = await putBytes(opened.vault, content);
  const readWithout = async (lost: readonly (typeof stores)[number][]): Promise<Uint8Array> => {
    for (const store of stores) store.fault = lost.includes(store) ? "failing" : "none";
    // The last choice is forgotten: no store is suspect any more.
    opened.clock.advance(60_000);
    return readBytes(opened.vault, id);
  };
  return { stores, content, id, readWithout };
}

describe.each([
  [2, 1],
  [4, 2],
  [6, 3],
])("a code of %i+%i", (dataShards, parityShards) => {
  test("reads without any of its choices of that many stores, and names the object without one more", async () => {
    const { stores, content, id, readWithout } = await openCode(dataShards, parityShards);
    for (const lost of combinations(stores, parityShards)) {
      expect(Buffer.compare(await readWithout(lost), content)).toBe(0);
    }
    for (const lost of combinations(stores, parityShards + 1)) {
      await expect(readWithout(lost)).rejects.toMatchObject({
        code: "TWIN_OBJECT_LOST",
        message: expect.stringContaining(id) as string,
      });
    }
  });
});

test("what a lost shard held is computed from four others, wherever a range begins, without reading a header", async () => {
  const { vault, stores } = await openTestVault();
  const content = seededBytes(8, 900_000);
  const { id } = await putBytes(vault, content);
  for (const lost of stores.slice(1, 3)) lost.inner.shards.clear();
  // The first read finds out; from then on the index knows.
  await readBytes(vault, id);
  await vault.status();
  const offsets: number[] = [];
  for (const store of stores) {
    const get = store.get.bind(store);
    store.get = (name, range) => {
      offsets.push(range?.offset ?? 0);
      return get(name, range);
    };
  }
  for (const [offset, sizeBytes] of [
    [0, content.length],
    [1, 1],
    [333_333, 77_777],
  ] as const) {
    const read = await readBytes(vault, id, { offset, sizeBytes });
    expect(Buffer.compare(read, content.subarray(offset, offset + sizeBytes))).toBe(0);
  }
  expect(offsets.length).toBeGreaterThan(0);
  expect(offsets).not.toContain(0);
});

test("a code of 16+4 reads without any four of twenty stores, and not without five", async () => {
  const { stores, content, readWithout } = await openCode(16, 4);
  const below = createChance(20);
  for (let turn = 0; turn < 12; turn++) {
    const order = stores.map((store) => ({ store, rank: below(1_000_000) })).toSorted((a, b) => a.rank - b.rank);
    const chosen = order.map(({ store }) => store);
    expect(Buffer.compare(await readWithout(chosen.slice(0, 4)), content)).toBe(0);
    await expect(readWithout(chosen.slice(0, 5))).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
  }
});
