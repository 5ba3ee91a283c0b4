// Scrub: finds, repairs, counts again, follows moved shards, sweeps what nothing refers to.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import {
  openTestVault,
  putBytes,
  readBytes,
  type TestVault,
  testStores,
  whileTimePasses,
} from "../../support/test-vault.ts";

const MIB = 1024 * 1024;

function shardCount({ stores }: TestVault): number {
  return stores.reduce(
    (sum, { inner }) => sum + [...inner.shards.keys()].filter((name) => !name.startsWith("mark-")).length,
    0,
  );
}

/** The index as it is now. */
async function copyOf({ index }: TestVault) {
  const copy = createMemoryStateStore();
  for (const table of ["block", "segment", "object", "part", "content"]) {
    const namespace = `$vault.${table}`;
    const rows = index.scan({ namespace, start: Uint8Array.of(0), limit: 1_000 });
    await copy.commit(rows.map((row) => ({ namespace, ...row })));
  }
  return copy;
}

describe("scrub", () => {
  test("reports a whole vault as whole, and remembers the report", async () => {
    const opened = await openTestVault();
    await putBytes(opened.vault, seededBytes(1, 100_000));
    await putBytes(opened.vault, seededBytes(2, 17 * MIB));
    const steps: string[] = [];
    const report = await opened.vault.scrub({ onProgress: (done, total) => steps.push(`${done}/${total}`) });
    expect(report).toEqual({
      finishedAtMs: opened.clock.nowMs(),
      segments: 3,
      shardsChecked: 18,
      shardsMissing: 0,
      shardsCorrupt: 0,
      shardsRepaired: 0,
      segmentsLost: 0,
      margin: 2,
    });
    expect(steps).toEqual(["1/3", "2/3", "3/3"]);
    expect((await opened.vault.status()).lastScrub).toEqual(report);
  });

  test("makes two removed stores again, and only then says that two more may go", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(2, 3 * MIB);
    const { id } = await putBytes(opened.vault, bytes);
    const [first, second] = [opened.stores[1]!, opened.stores[4]!];
    const before = [first, second].map(({ inner }) => new Map(inner.shards));
    first.inner.shards.clear();
    second.inner.shards.clear();

    const degraded = await opened.vault.status();
    expect(degraded).toMatchObject({ margin: 0, degradedSegments: 1 });
    expect(degraded.stores.filter(({ healthy }) => !healthy).map(({ name }) => name)).toEqual(["b", "e"]);
    expect(degraded.stores[1]!.problem).toMatch(/scrub/);

    expect(await opened.vault.scrub()).toMatchObject({ shardsMissing: 2, shardsRepaired: 2, margin: 2 });
    for (const [at, store] of [first, second].entries()) {
      for (const [name, shard] of before[at]!) expect(Buffer.compare(store.inner.shards.get(name)!, shard)).toBe(0);
    }
    for (const store of opened.stores.filter((_, at) => at === 0 || at === 5)) store.fault = "gone";
    expect(Buffer.compare(await readBytes(opened.vault, id), bytes)).toBe(0);
    expect((await opened.vault.status()).margin).toBe(0);
  });

  test("says what is lost when three are, and does not touch what is left", async () => {
    const opened = await openTestVault();
    await putBytes(opened.vault, seededBytes(2, 90_000));
    for (const store of opened.stores.slice(0, 3)) store.inner.shards.clear();
    expect((await opened.vault.status()).margin).toBe(-1);
    expect(await opened.vault.scrub()).toMatchObject({
      segmentsLost: 1,
      shardsMissing: 3,
      shardsRepaired: 0,
      margin: -1,
    });
    expect(shardCount(opened)).toBe(3);
  });

  test("does not believe a store that says it stored a repair and did not", async () => {
    const opened = await openTestVault();
    await putBytes(opened.vault, seededBytes(2, 90_000));
    opened.stores[2]!.inner.shards.clear();
    opened.stores[2]!.fault = "forgetful";
    expect(await opened.vault.scrub()).toMatchObject({ shardsMissing: 1, shardsRepaired: 0, margin: 1 });
    expect((await opened.vault.status()).stores[2]).toMatchObject({ healthy: false });
  });

  test("gets by with a store that hangs, and keeps what it may still hold", async () => {
    const opened = await openTestVault();
    for (const seed of [1, 2, 3]) await putBytes(opened.vault, seededBytes(seed, 50_000));
    opened.stores[3]!.fault = "hanging";
    const report = await whileTimePasses(opened.clock, opened.vault.scrub());
    expect(report).toMatchObject({ shardsMissing: 3, shardsRepaired: 0, margin: 1 });
    opened.stores[3]!.fault = "none";
    expect((await opened.vault.status()).margin).toBe(2);
  });

  test("moves shards of a store that is no longer configured to a new one", async () => {
    const first = await openTestVault();
    const bytes = seededBytes(2, 90_000);
    const { id } = await putBytes(first.vault, bytes);
    const stores = [...first.stores.slice(0, 5), testStores(8)[7]!];
    const opened = await openTestVault({ index: first.index, stores, seed: "later" });
    expect((await opened.vault.status()).margin).toBe(1);
    expect(await opened.vault.scrub()).toMatchObject({ shardsMissing: 1, shardsRepaired: 1, margin: 2 });
    for (const store of stores.slice(0, 2)) store.fault = "gone";
    expect(await readBytes(opened.vault, id)).toEqual(bytes);
  });

  test("follows shards whose directories were swapped, instead of making them again", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(2, 90_000);
    const { id } = await putBytes(opened.vault, bytes);
    const contents = opened.stores.map(({ inner }) => new Map(inner.shards));
    for (const [at, { inner }] of opened.stores.entries()) {
      inner.shards.clear();
      for (const [name, shard] of contents[(at + 1) % 6]!) inner.shards.set(name, shard);
    }
    expect((await opened.vault.status()).margin).toBeLessThan(0);
    expect(await opened.vault.scrub()).toMatchObject({ shardsRepaired: 0, segmentsLost: 0, margin: 2 });
    expect(await readBytes(opened.vault, id)).toEqual(bytes);
  });

  test("does not call a store whole that was emptied while it was scrubbed", async () => {
    const opened = await openTestVault();
    for (const seed of [1, 2]) await putBytes(opened.vault, seededBytes(seed, 50_000));
    opened.stores[0]!.inner.shards.clear();
    const report = await opened.vault.scrub({
      onProgress: (done) => done === 2 && opened.stores[0]!.inner.shards.clear(),
    });
    expect(report.shardsRepaired).toBe(2);
    expect(report.margin).toBe(1);
    expect((await opened.vault.status()).stores[0]!.healthy).toBe(false);
  });

  test("stops when it is told to", async () => {
    const opened = await openTestVault();
    for (const seed of [1, 2, 3, 4]) await putBytes(opened.vault, seededBytes(seed, 50_000));
    const abort = new AbortController();
    const scrub = opened.vault.scrub({ signal: abort.signal, onProgress: () => abort.abort() });
    await expect(scrub).rejects.toMatchObject({ code: "TWIN_ABORTED" });
  });

  test("runs beside puts and reads, and sweeps nothing of theirs", async () => {
    const opened = await openTestVault();
    const contents = Array.from({ length: 12 }, (_, at) => seededBytes(at + 1, 60_000));
    const puts = contents.map((bytes) => putBytes(opened.vault, bytes));
    const scrubs = [opened.vault.scrub(), opened.vault.scrub()];
    const infos = await Promise.all(puts);
    await Promise.all(scrubs);
    for (const [at, { id }] of infos.entries())
      expect(Buffer.compare(await readBytes(opened.vault, id), contents[at]!)).toBe(0);
    expect((await opened.vault.status()).margin).toBe(2);
  });
});

describe("shards that nothing refers to", () => {
  /** A vault in whose stores a put left shards that its index never heard of: the process died before the commit. */
  async function openAfterCrash(size: number): Promise<TestVault & { readonly bytes: Uint8Array }> {
    const before = await openTestVault();
    await putBytes(before.vault, seededBytes(1, 10_000));
    const rows = await copyOf(before);
    const bytes = seededBytes(7, size);
    await putBytes(before.vault, bytes);
    return { ...(await openTestVault({ index: rows, stores: before.stores, seed: "later" })), bytes };
  }

  test("stay for the grace time, are adopted when they make a whole object", async () => {
    const opened = await openAfterCrash(200_000);
    await opened.vault.scrub();
    expect(shardCount(opened)).toBe(12);
    expect((await opened.vault.status()).objectCount).toBe(1);
    opened.clock.advance(LIMITS.vault.orphanGraceMs);
    await opened.vault.scrub();
    expect(await opened.vault.status()).toMatchObject({ objectCount: 2, segmentCount: 2, margin: 2 });
    expect(shardCount(opened)).toBe(12);
  });

  test("stay for the grace time, and are deleted when they make none", async () => {
    const opened = await openAfterCrash(20 * MIB);
    // The segment with the manifest never stood.
    const segments = Map.groupBy(
      opened.stores.flatMap(({ inner }) => [...inner.shards].filter(([name]) => !name.startsWith("mark-"))),
      ([name]) => name.slice(0, 32),
    );
    expect(segments.size).toBe(3);
    const last = [...segments.keys()].at(-1);
    for (const { inner } of opened.stores)
      for (const name of inner.shards.keys()) if (name.startsWith(`${last}-`)) inner.shards.delete(name);

    await opened.vault.scrub();
    opened.clock.advance(LIMITS.vault.orphanGraceMs - 1);
    await opened.vault.scrub();
    expect(shardCount(opened)).toBe(12);
    opened.clock.advance(1);
    await opened.vault.scrub();
    expect(shardCount(opened)).toBe(6);
    await opened.vault.scrub();
    expect(opened.index.sizeBytes("$vault.orphan")).toBe(0);
  });

  test("are left alone when they belong to another vault", async () => {
    const opened = await openTestVault();
    const other = await openTestVault({ stores: opened.stores, key: new Uint8Array(32).fill(3), seed: "other" });
    const { id } = await putBytes(other.vault, seededBytes(1, 5_000));
    opened.stores[0]!.inner.shards.set("holiday.jpg", Uint8Array.of(1));
    for (let day = 0; day < 3; day++) {
      opened.clock.advance(LIMITS.vault.orphanGraceMs);
      await opened.vault.scrub();
    }
    expect(await readBytes(other.vault, id)).toHaveLength(5_000);
    expect(opened.stores[0]!.inner.shards.has("holiday.jpg")).toBe(true);
  });
});
