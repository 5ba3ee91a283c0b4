// Many small puts at once share segments, and nothing else: each stands or falls alone.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes } from "../../support/test-vault.ts";

const contents = Array.from({ length: 60 }, (_, at) => seededBytes(at + 1, 1 + at * 1_100));

describe("small puts at once", () => {
  test("share a few segments, and come back each", async () => {
    const { vault } = await openTestVault();
    const infos = await Promise.all(contents.map((bytes, at) => putBytes(vault, bytes, { name: `${at}` })));
    const status = await vault.status();
    expect(status.objectCount).toBe(60);
    expect(status.segmentCount).toBeLessThanOrEqual(4);
    for (const [at, { id }] of infos.entries()) {
      expect(Buffer.compare(await readBytes(vault, id), contents[at]!)).toBe(0);
    }
  });

  test("of the very same content are one object, also beside others that use its blocks", async () => {
    const { vault } = await openTestVault();
    const infos = await Promise.all(
      Array.from({ length: 12 }, (_, at) => putBytes(vault, contents[30]!, { name: at % 2 === 0 ? "same" : `${at}` })),
    );
    expect(new Set(infos.map(({ id }) => id)).size).toBe(7);
    expect((await vault.status()).objectCount).toBe(7);
    for (const { id } of infos.slice(1)) await vault.forget(id);
    // "same" was forgotten with the third of them.
    expect((await vault.status()).objectCount).toBe(0);
    expect((await vault.status()).segmentCount).toBe(0);
  });

  test("forgotten one by one leave the others whole, and the last one takes the segment along", async () => {
    const { vault, stores } = await openTestVault();
    const infos = await Promise.all(contents.slice(0, 8).map((bytes) => putBytes(vault, bytes)));
    for (const [at, { id }] of infos.entries()) {
      expect(Buffer.compare(await readBytes(vault, id), contents[at]!)).toBe(0);
      expect(await vault.forget(id)).toBe(true);
    }
    expect((await vault.status()).segmentCount).toBe(0);
    const left = stores.flatMap(({ inner }) => [...inner.shards.keys()]).filter((name) => !name.startsWith("mark-"));
    expect(left).toEqual([]);
  });

  test("are all refused, and leave nothing, when the stores refuse", async () => {
    const { vault, stores } = await openTestVault();
    stores[3]!.fault = "full";
    const puts = await Promise.allSettled(contents.map((bytes) => putBytes(vault, bytes)));
    expect(new Set(puts.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    stores[3]!.fault = "none";
    expect((await vault.status()).segmentCount).toBe(0);
    const again = await Promise.all(contents.map((bytes) => putBytes(vault, bytes)));
    expect(Buffer.compare(await readBytes(vault, again[9]!.id), contents[9]!)).toBe(0);
  });

  test.each([
    ["large ones", 3_000_000, LIMITS.vault.largePutCount],
    ["middle ones", 100_000, LIMITS.vault.middlePutCount],
  ])("do not wait for %s that fill the vault's places", async (_which, size, count) => {
    const { vault } = await openTestVault();
    const never = Promise.withResolvers<void>();
    const others = Array.from({ length: count + 2 }, (_, at) =>
      vault.put(
        (async function* () {
          yield seededBytes(at + 1, size);
          await never.promise;
        })(),
      ),
    );
    const { id } = await putBytes(vault, contents[5]!);
    expect(Buffer.compare(await readBytes(vault, id), contents[5]!)).toBe(0);
    never.resolve();
    expect(new Set((await Promise.all(others)).map((info) => info.id)).size).toBe(others.length);
  });
});
