// Stores come and go while the vault runs, and nothing is less protected on the way.

import { describe, expect, test } from "vitest";
import type { FaultyShardStore } from "../../support/faulty-shard-store.ts";
import { createFaultyShardStore } from "../../support/faulty-shard-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestVault, putBytes, readBytes, testStores, whileTimePasses } from "../../support/test-vault.ts";

const shardsOf = (store: FaultyShardStore): number =>
  [...store.inner.shards.keys()].filter((name) => !name.startsWith("mark-")).length;

describe("a store that is added", () => {
  test("takes shards of what is put from then on", async () => {
    const { vault } = await openTestVault();
    const fresh = createFaultyShardStore("fresh");
    await vault.stores.add(fresh);
    for (let seed = 0; seed < 8; seed++) await putBytes(vault, seededBytes(seed, 5_000));
    expect(shardsOf(fresh)).toBeGreaterThan(0);
    expect((await vault.status()).stores.map(({ name }) => name)).toContain("fresh");
  });

  test("is refused when it does not keep what it takes, or has the name of another", async () => {
    const { vault, clock } = await openTestVault();
    for (const fault of ["forgetful", "failing", "full", "gone", "hanging"] as const) {
      const bad = createFaultyShardStore("bad");
      bad.fault = fault;
      await expect(whileTimePasses(clock, vault.stores.add(bad))).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    }
    await expect(vault.stores.add(createFaultyShardStore("a"))).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
    expect((await vault.status()).stores).toHaveLength(6);
  });

  test("takes over the shards of one that was lost, at the next scrub", async () => {
    const { vault, stores } = await openTestVault();
    const { id } = await putBytes(vault, seededBytes(1, 300_000));
    await vault.stores.add(createFaultyShardStore("fresh"));
    stores[0]!.fault = "gone";
    await expect(vault.stores.remove("a")).rejects.toMatchObject({ code: "TWIN_STORE_NEEDED" });
    await vault.stores.remove("a", { lost: true });
    expect((await vault.status()).margin).toBe(1);
    expect(await vault.scrub()).toMatchObject({ shardsRepaired: 1, segmentsLost: 0, margin: 2 });
    expect(await readBytes(vault, id)).toEqual(seededBytes(1, 300_000));
  });
});

describe("a store that is drained", () => {
  test("gives every shard to others, each before it is deleted, and can then be removed", async () => {
    const stores = testStores(8);
    const { vault } = await openTestVault({ stores });
    const objects = await Promise.all([1, 2, 3, 4, 5].map((seed) => putBytes(vault, seededBytes(seed, 100_000))));
    const leaving = stores[2]!;
    const before = shardsOf(leaving);
    const margins: number[] = [];
    const seen: [number, number | undefined][] = [];
    const report = await vault.stores.drain("c", {
      onProgress: (done, total) => {
        seen.push([done, total]);
        void vault.status().then(({ margin }) => margins.push(margin));
      },
    });
    expect(report).toEqual({ moved: before, left: 0 });
    expect(seen.at(-1)).toEqual([before, before]);
    expect(margins.every((margin) => margin === 2)).toBe(true);
    expect(shardsOf(leaving)).toBe(0);
    expect((await vault.status()).stores.find(({ name }) => name === "c")).toMatchObject({
      draining: true,
      shardCount: 0,
    });

    await putBytes(vault, seededBytes(9, 100_000));
    expect(shardsOf(leaving)).toBe(0);
    await vault.stores.remove("c");
    expect(await vault.status()).toMatchObject({ margin: 2, degradedSegments: 0 });
    for (const [at, { id }] of objects.entries())
      expect(await readBytes(vault, id)).toEqual(seededBytes(at + 1, 100_000));
  });

  test("keeps what nobody takes, and goes on when somebody does", async () => {
    const stores = testStores(7);
    const { vault, clock } = await openTestVault({ stores });
    await putBytes(vault, seededBytes(1, 100_000));
    const spare = stores.find((store) => shardsOf(store) === 0)!;
    const leaving = stores.find((store) => shardsOf(store) === 1)!;
    spare.fault = "full";
    expect(await vault.stores.drain(leaving.name)).toEqual({ moved: 0, left: 1 });
    expect((await vault.status()).margin).toBe(2);
    spare.fault = "none";
    clock.advance(60_000);
    expect(await vault.stores.drain(leaving.name)).toEqual({ moved: 1, left: 0 });
  });

  test("is refused when too few others would be left, and forgotten by keeping it", async () => {
    const { vault } = await openTestVault({ stores: testStores(7) });
    await vault.stores.drain("a");
    await expect(vault.stores.drain("b")).rejects.toMatchObject({ code: "TWIN_STORE_NEEDED" });
    await vault.stores.keep("a");
    await expect(vault.stores.drain("b")).resolves.toMatchObject({ left: 0 });
    await expect(vault.stores.drain("nobody")).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  });

  test("ends between two segments when it is aborted, and is drained by going on", async () => {
    const { vault } = await openTestVault({ stores: testStores(7) });
    for (let seed = 0; seed < 6; seed++) await putBytes(vault, seededBytes(seed, 5_000));
    const stop = new AbortController();
    const aborted = vault.stores.drain("a", { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(aborted).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(await vault.status()).toMatchObject({ margin: 2, degradedSegments: 0 });
    expect(await vault.stores.drain("a")).toMatchObject({ left: 0 });
  });
});

describe("a slow store", () => {
  test("does not hold up a read that others can serve", async () => {
    const { vault, stores, clock } = await openTestVault();
    const { id } = await putBytes(vault, seededBytes(3, 500_000));
    for (const slow of stores) {
      slow.fault = "hanging";
      const startMs = clock.elapsedMs();
      const reading = readBytes(vault, id);
      const progress = { done: false };
      void reading.then(() => (progress.done = true));
      while (!progress.done && clock.elapsedMs() - startMs < 20_000) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (!progress.done) clock.advance(50);
      }
      expect(await reading).toEqual(seededBytes(3, 500_000));
      expect(clock.elapsedMs() - startMs).toBeLessThan(2_000);
      slow.fault = "none";
      clock.advance(60_000);
    }
  });
});
