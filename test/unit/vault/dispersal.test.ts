// Placing shards: what counts as stored, what is refused, and what is left behind then.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDirectoryShardStore } from "../../../host/vault/directory-shard-store.ts";
import { placementOrder } from "../../../host/vault/dispersal.ts";
import { guardStore } from "../../../host/vault/guarded-store.ts";
import { createFaultyShardStore, type Fault, type FaultyShardStore } from "../../support/faulty-shard-store.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import {
  openTestVault,
  openVaultOver,
  putBytes,
  readBytes,
  testStores,
  whileTimePasses,
} from "../../support/test-vault.ts";

const BAD: readonly Fault[] = ["failing", "hanging", "full", "forgetful", "lying", "short"];
const bytes = seededBytes(3, 500_000);

function shardCounts(stores: readonly FaultyShardStore[]): number[] {
  return stores.map(({ inner }) => [...inner.shards.keys()].filter((name) => !name.startsWith("mark-")).length);
}

describe("a put", () => {
  test.each(BAD)("is refused, and leaves nothing, when one store of six is %s", async (fault) => {
    const { vault, stores, clock } = await openTestVault();
    stores[2]!.fault = fault;
    const refusal = await whileTimePasses(clock, putBytes(vault, bytes)).catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({
      code: fault === "full" ? "TWIN_STORE_FULL" : "TWIN_STORE_FAILED",
      details: { standing: 5, needed: 6 },
    });
    expect(shardCounts(stores)).toEqual([0, 0, 0, 0, 0, 0]);
    stores[2]!.fault = "none";
    expect((await vault.status()).objectCount).toBe(0);
    const { id } = await putBytes(vault, bytes);
    expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
  });

  test.each(BAD)("goes to a spare store when one of seven is %s", async (fault) => {
    const { vault, stores, clock } = await openTestVault({ stores: testStores(7) });
    stores[2]!.fault = fault;
    const infos = await whileTimePasses(
      clock,
      Promise.all([1, 2, 3].map((seed) => putBytes(vault, seededBytes(seed, 5_000)))),
    );
    expect(infos.every(({ durability }) => durability === "dispersed")).toBe(true);
    stores[2]!.fault = "gone";
    expect((await vault.status()).margin).toBe(2);
  });

  test("is taken with less than all stores when that is what was asked for, and the margin says so", async () => {
    const code = { dataShards: 4, parityShards: 2, happiness: 1 };
    const { vault, stores } = await openTestVault({ code });
    stores[5]!.fault = "failing";
    const { id } = await putBytes(vault, bytes);
    expect(await vault.status()).toMatchObject({ margin: 1, degradedSegments: 1 });
    stores[5]!.fault = "none";
    expect(await vault.scrub()).toMatchObject({ shardsMissing: 1, shardsRepaired: 1, margin: 2 });
    stores[0]!.fault = "gone";
    stores[1]!.fault = "gone";
    expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
  });

  test("fails in its middle when a store fills up, and takes back what it sent", async () => {
    const { vault, stores } = await openTestVault();
    async function* source() {
      for (let piece = 1; piece <= 40; piece++) {
        if (piece === 30) stores[4]!.fault = "full";
        yield seededBytes(piece, 1024 * 1024);
      }
    }
    await expect(vault.put(source())).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(shardCounts(stores)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("comes back after a store's directory was removed, and the margin tells until the scrub", async () => {
    const root = await mkdtemp(join(tmpdir(), "vault-"));
    const names = ["a", "b", "c", "d", "e", "f"];
    const stores = await Promise.all(
      names.map((name) => openDirectoryShardStore({ name, domain: name, path: `${root}/${name}` })),
    );
    try {
      const { vault } = await openVaultOver(stores);
      const first = await putBytes(vault, bytes);
      await rm(`${root}/a`, { recursive: true });
      await rm(`${root}/c`, { recursive: true });
      expect((await vault.status()).margin).toBe(0);
      const second = await putBytes(vault, seededBytes(9, 100_000));
      expect(Buffer.compare(await readBytes(vault, first.id), bytes)).toBe(0);
      expect((await vault.scrub()).margin).toBe(2);
      await rm(`${root}/b`, { recursive: true });
      await rm(`${root}/f`, { recursive: true });
      expect(await readBytes(vault, second.id)).toHaveLength(100_000);
      expect(Buffer.compare(await readBytes(vault, first.id), bytes)).toBe(0);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe("the order of placement", () => {
  const clock = createManualClock();
  const guarded = (name: string, domain: string) => guardStore(createFaultyShardStore(name, domain), clock);

  test("takes one store of each domain before a second of any, whatever the turn", () => {
    const stores = [guarded("a", "x"), guarded("b", "x"), guarded("c", "x"), guarded("d", "y"), guarded("e", "z")];
    for (let turn = 0; turn < 10; turn++) {
      const domains = placementOrder(stores, turn).map(({ domain }) => domain);
      expect(new Set(domains.slice(0, 3))).toEqual(new Set(["x", "y", "z"]));
      expect(domains).toHaveLength(5);
    }
  });

  test("begins with another store each turn", () => {
    const stores = ["a", "b", "c"].map((name) => guarded(name, name));
    expect([0, 1, 2].map((turn) => placementOrder(stores, turn)[0]!.name)).toEqual(["a", "b", "c"]);
  });

  test("puts a store that failed a moment ago last", async () => {
    const failing = createFaultyShardStore("a");
    failing.fault = "failing";
    const stores = [guardStore(failing, clock), guarded("b", "b")];
    await expect(stores[0]!.stat("x")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    expect(placementOrder(stores, 0).map(({ name }) => name)).toEqual(["b", "a"]);
    clock.advance(60_000);
    expect(placementOrder(stores, 0).map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
