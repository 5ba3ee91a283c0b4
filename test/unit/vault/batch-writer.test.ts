// Many small objects at a time: the same objects as put one by one, in a few segments and commits.

import { describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { ObjectInfo, SmallObject, Vault } from "../../../host/vault/object.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { seededText } from "../../support/seeded-text.ts";
import { openTestVault, putBytes, readBytes, type TestVault, testStores } from "../../support/test-vault.ts";

/** Empty ones, ones with the content of others, text and noise. */
const objects: readonly SmallObject[] = Array.from({ length: 40 }, (_, at) => {
  const size = at % 8 === 0 ? 0 : (at * 7_919) % 60_000;
  const bytes = at % 2 === 0 ? seededText(at % 12, size) : seededBytes(at % 12, size);
  return { bytes, meta: { name: `folder/${at}`, type: at % 3 === 0 ? "text/plain" : undefined } };
});

async function* from(list: Iterable<SmallObject>): AsyncGenerator<SmallObject, void, undefined> {
  yield* list;
}

async function putAll(vault: Vault, list: Iterable<SmallObject>): Promise<ObjectInfo[]> {
  const stored: ObjectInfo[] = [];
  await vault.putMany(from(list), { onStored: (infos) => void stored.push(...infos) });
  return stored;
}

function shardsOf({ stores }: TestVault): string[] {
  const names = stores.flatMap(({ inner }) => [...inner.shards.keys()]);
  return names.filter((name) => !name.startsWith("mark-")).toSorted();
}

describe("many small objects at once", () => {
  test("are the objects that puts of each would give, and share one segment", async () => {
    const many = await openTestVault();
    const single = await openTestVault();
    const stored = await putAll(many.vault, objects);
    for (const [at, { bytes, meta }] of objects.entries()) {
      expect(stored[at]).toEqual(await putBytes(single.vault, bytes, meta));
      expect(await many.vault.stat(stored[at]!.id)).toEqual(stored[at]);
      expect(Buffer.compare(await readBytes(many.vault, stored[at]!.id), bytes)).toBe(0);
    }
    const { objectCount, segmentCount, sizeBytes } = await many.vault.status();
    expect(segmentCount).toBe(1);
    expect({ objectCount, sizeBytes }).toEqual({
      objectCount: (await single.vault.status()).objectCount,
      sizeBytes: (await single.vault.status()).sizeBytes,
    });
  });

  test("put once more store nothing, and of a list that has grown only what is new", async () => {
    const opened = await openTestVault();
    const first = await putAll(opened.vault, objects.slice(0, 25));
    const before = shardsOf(opened);
    expect(await putAll(opened.vault, objects.slice(0, 25))).toEqual(first);
    expect(shardsOf(opened)).toEqual(before);
    expect((await putAll(opened.vault, objects)).slice(0, 25)).toEqual(first);
    expect((await opened.vault.status()).segmentCount).toBe(2);
    expect((await opened.vault.status()).objectCount).toBe(objects.length);
  });

  test("share blocks with each other and with what is there, and the last user takes them along", async () => {
    const { vault } = await openTestVault();
    const same = seededBytes(3, 20_000);
    const alone = await putBytes(vault, same, { name: "alone" });
    const stored = await putAll(vault, [
      { bytes: same, meta: { name: "one" } },
      { bytes: same, meta: { name: "two" } },
      { bytes: same, meta: { name: "two" } },
    ]);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(2);
    expect((await vault.status()).objectCount).toBe(3);
    for (const { id } of [alone, stored[0]!]) await vault.forget(id);
    expect(Buffer.compare(await readBytes(vault, stored[1]!.id), same)).toBe(0);
    await vault.forget(stored[1]!.id);
    expect((await vault.status()).segmentCount).toBe(0);
  });

  test("are found again in the shards alone", async () => {
    const { vault, stores } = await openTestVault();
    const stored = await putAll(vault, objects);
    const again = await openTestVault({ stores, seed: "other" });
    for (const [at, { id }] of stored.entries()) {
      expect(Buffer.compare(await readBytes(again.vault, id), objects[at]!.bytes)).toBe(0);
    }
  });

  test("are told of in their order, some at a time, and survive what ends the rest", async () => {
    const { vault } = await openTestVault();
    const count = LIMITS.vault.smallBatchCount * 3 + 5;
    const list = Array.from({ length: count }, (_, at) => ({ bytes: utf8Encode(`${at}`), meta: { name: `${at}` } }));
    const groups: (readonly ObjectInfo[])[] = [];
    const source = async function* (): AsyncGenerator<SmallObject, void, undefined> {
      yield* list;
      throw new Error("The disk is gone.");
    };
    await expect(vault.putMany(source(), { onStored: (infos) => void groups.push(infos) })).rejects.toThrow("disk");
    const told = groups.flat();
    expect(groups.length).toBeGreaterThan(0);
    expect(told.map(({ name }) => name)).toEqual(list.slice(0, told.length).map(({ meta }) => meta.name));
    for (const at of [0, told.length - 1]) {
      expect(Buffer.from(await readBytes(vault, told[at]!.id)).toString()).toBe(`${at}`);
    }
  });

  test("are refused, and leave nothing, when the stores refuse", async () => {
    const opened = await openTestVault();
    opened.stores[2]!.fault = "full";
    await expect(putAll(opened.vault, objects)).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    opened.stores[2]!.fault = "none";
    expect(shardsOf(opened)).toEqual([]);
    expect(await opened.vault.status()).toMatchObject({ objectCount: 0, segmentCount: 0, putsAtWork: 0 });
    expect(await putAll(opened.vault, objects)).toHaveLength(objects.length);
  });

  test("are refused beyond the quota, which what is there already does not touch", async () => {
    const { vault } = await openTestVault({ quotaBytes: 100_000 });
    const list = [1, 2, 3].map((seed) => ({ bytes: seededBytes(seed, 30_000) }));
    await putAll(vault, list);
    await putAll(vault, list);
    await expect(putAll(vault, [{ bytes: seededBytes(4, 30_000) }])).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(await vault.status()).toMatchObject({ objectCount: 3, sizeBytes: 90_000 });
  });

  test.each([
    ["too large", { bytes: new Uint8Array(LIMITS.vault.smallObjectSizeBytes + 1) }],
    ["of a name that is too long", { bytes: new Uint8Array(1), meta: { name: "x".repeat(1_025) } }],
    ["of a type that is too long", { bytes: new Uint8Array(1), meta: { type: "x".repeat(256) } }],
  ])("end with one that is %s", async (_which, bad) => {
    const { vault } = await openTestVault();
    await expect(putAll(vault, [objects[1]!, bad])).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    expect((await vault.status()).putsAtWork).toBe(0);
    const largest = seededBytes(9, LIMITS.vault.smallObjectSizeBytes);
    const [info] = await putAll(vault, [{ bytes: largest, meta: { name: "x".repeat(1_024) } }]);
    expect(info).toEqual(await putBytes(vault, largest, { name: "x".repeat(1_024) }));
  });

  test("end at once with their signal, and with their vault, whoever does not listen", async () => {
    const { vault } = await openTestVault();
    const stop = new AbortController();
    const silent = async function* (): AsyncGenerator<SmallObject, void, undefined> {
      yield objects[1]!;
      await new Promise(() => {});
    };
    const aborted = vault.putMany(silent(), { signal: stop.signal });
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    const heard = Promise.withResolvers<void>();
    const deaf = vault.putMany(from(objects), {
      onStored: () => {
        heard.resolve();
        return new Promise<void>(() => {});
      },
    });
    deaf.catch(() => {});
    await heard.promise;
    await vault[Symbol.asyncDispose]();
    await expect(deaf).rejects.toMatchObject({ code: "TWIN_ABORTED" });
  });

  test("are stored anew when their old copy does not stand as it should", async () => {
    const stores = testStores(7);
    const opened = await openTestVault({ stores });
    const [info] = await putAll(opened.vault, objects.slice(1, 2));
    for (const { inner } of stores.slice(0, 2)) inner.shards.clear();
    expect(await putAll(opened.vault, objects.slice(1, 2))).toEqual([info]);
    for (const { inner } of stores.slice(2, 4)) inner.shards.clear();
    expect(Buffer.compare(await readBytes(opened.vault, info!.id), objects[1]!.bytes)).toBe(0);
  });
});
