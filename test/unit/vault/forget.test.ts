// What is forgotten leaves the stores, unless another object needs it, and does not come back.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes, type TestVault } from "../../support/test-vault.ts";

const MIB = 1024 * 1024;
const shardCount = ({ stores }: Pick<TestVault, "stores">): number =>
  stores.reduce(
    (sum, { inner }) => sum + [...inner.shards.keys()].filter((name) => !name.startsWith("mark-")).length,
    0,
  );

describe("a forgotten object", () => {
  test("leaves nothing in the stores and in the index", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(1, 20 * MIB));
    expect(await opened.vault.forget(id)).toBe(true);
    expect(await opened.vault.forget(id)).toBe(false);
    expect(shardCount(opened)).toBe(0);
    expect(await opened.vault.status()).toMatchObject({ objectCount: 0, segmentCount: 0, sizeBytes: 0, margin: 2 });
    for (const table of ["block", "segment", "object", "part", "content"]) {
      expect(opened.index.scan({ namespace: `$vault.${table}`, start: Uint8Array.of(0), limit: 9 })).toEqual([]);
    }
    await expect(readBytes(opened.vault, id)).rejects.toMatchObject({ code: "TWIN_OBJECT_UNKNOWN" });
  });

  test("leaves what another object shares with it", async () => {
    const opened = await openTestVault();
    const shared = seededBytes(1, 5 * MIB);
    const first = await putBytes(opened.vault, shared, { name: "first" });
    const second = await putBytes(opened.vault, Buffer.concat([shared, seededBytes(2, 1000)]), { name: "second" });
    await opened.vault.forget(first.id);
    expect(await readBytes(opened.vault, second.id)).toHaveLength(5 * MIB + 1000);
    expect((await opened.vault.scrub()).segmentsLost).toBe(0);
    await opened.vault.forget(second.id);
    expect(shardCount(opened)).toBe(0);
  });

  test("is there again when it is put again, once however often it was put", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(1, 100_000));
    await putBytes(opened.vault, seededBytes(1, 100_000));
    await opened.vault.forget(id);
    expect(shardCount(opened)).toBe(0);
    await putBytes(opened.vault, seededBytes(1, 100_000));
    expect(await readBytes(opened.vault, id)).toEqual(seededBytes(1, 100_000));
    expect((await opened.vault.status()).objectCount).toBe(1);
  });

  test("is not adopted from shards that a lost store brings back", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(1, 100_000));
    const kept = opened.stores.map(({ inner }) => new Map(inner.shards));
    await opened.vault.forget(id);
    for (const [at, shards] of kept.entries()) {
      for (const [name, bytes] of shards) opened.stores[at]!.inner.shards.set(name, bytes);
    }
    await opened.vault.scrub();
    opened.clock.advance(LIMITS.vault.orphanGraceMs);
    await opened.vault.scrub();
    expect(await opened.vault.stat(id)).toBeUndefined();
    expect(shardCount(opened)).toBe(0);
  });

  test("takes a segment along whose blocks all stand elsewhere by now", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(1, 100_000));
    for (const store of opened.stores.slice(0, 3)) store.inner.shards.clear();
    for (const store of opened.stores) await store.inner.put("unrelated", Uint8Array.of(1));
    await opened.vault.scrub();
    // Lost beyond repair; the same content, put again, takes its place.
    await putBytes(opened.vault, seededBytes(1, 100_000));
    expect(await opened.vault.status()).toMatchObject({ segmentCount: 1, margin: 2, degradedSegments: 0 });
    expect(await readBytes(opened.vault, id)).toEqual(seededBytes(1, 100_000));
  });

  test("that was lost beyond repair is forgotten all the same", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(1, 100_000));
    for (const store of opened.stores) store.fault = "gone";
    expect(await opened.vault.forget(id)).toBe(true);
    expect((await opened.vault.status()).segmentCount).toBe(0);
  });
});
