// Samples and repairs: what a few bytes of each shard find, and that only what is wanting is made again.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import type { ShardStore } from "../../../host/vault/shard-store.ts";
import { createMemoryShardStore } from "../../support/memory-shard-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openHeldStore, openTestHolder } from "../../support/shard-holding.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { openTestVault, openVaultOver, putBytes, readBytes } from "../../support/test-vault.ts";

const place = await mkdtemp(join(tmpdir(), "sample-"));
afterAll(() => rm(place, { recursive: true, force: true }));
const isShard = (name: string): boolean => !name.startsWith("mark-");

describe("a sample", () => {
  test("of a whole vault finds nothing to complain of, and changes nothing", async () => {
    const { vault } = await openTestVault();
    for (let seed = 0; seed < 5; seed++) await putBytes(vault, seededBytes(seed, 30_000));
    expect(await vault.sample(3)).toEqual({ segments: 3, unchecked: 0, shardsMissing: 0, shardsCorrupt: 0 });
    expect(await vault.sample(99)).toMatchObject({ segments: 5 });
    expect(await vault.status()).toMatchObject({ margin: 2, degradedSegments: 0 });
    expect(await vault.repair()).toEqual({ segments: 0, shardsRepaired: 0, segmentsLost: 0 });
  });

  test("finds missing, rotten and short shards, and a repair makes these again and no others", async () => {
    const { vault, stores } = await openTestVault();
    const info = await putBytes(vault, seededBytes(1, 300_000));
    const other = await putBytes(vault, seededBytes(2, 300_000));
    const names = stores.map(({ inner }) => [...inner.shards.keys()].filter(isShard));
    const segment = names[0]![0]!.slice(0, 32);
    const shardOf = (at: number): string => names[at]!.find((name) => name.startsWith(segment))!;
    stores[0]!.inner.shards.delete(shardOf(0));
    stores[1]!.inner.shards.get(shardOf(1))!.fill(0, 200);
    expect(await vault.sample(9)).toEqual({ segments: 2, unchecked: 0, shardsMissing: 1, shardsCorrupt: 1 });
    expect(await vault.status()).toMatchObject({ margin: 0, degradedSegments: 1 });
    expect(await vault.repair()).toEqual({ segments: 1, shardsRepaired: 2, segmentsLost: 0 });
    expect(await vault.status()).toMatchObject({ margin: 2, degradedSegments: 0 });
    stores[2]!.inner.shards.set(shardOf(2), stores[2]!.inner.shards.get(shardOf(2))!.subarray(0, 150));
    expect(await vault.sample(9)).toMatchObject({ shardsMissing: 0, shardsCorrupt: 1 });
    expect(await vault.repair()).toMatchObject({ shardsRepaired: 1 });
    for (const { id } of [info, other]) expect((await readBytes(vault, id)).length).toBe(300_000);
  });

  test("says when too few stores answered to tell anything", async () => {
    const { vault, stores } = await openTestVault();
    await putBytes(vault, seededBytes(1, 30_000));
    for (const store of stores.slice(0, 2)) store.fault = "failing";
    expect(await vault.sample(1)).toMatchObject({ segments: 1, unchecked: 1 });
    expect(await vault.sample(1)).toMatchObject({ segments: 1, unchecked: 1 });
  });
});

describe("a vault over another twin", () => {
  const SEGMENTS = 200;
  const identity = testIdentity(1);

  async function openWithHolder(folder: string) {
    const holder = await openTestHolder(join(place, folder));
    await holder.lend(identity.id, 1024 ** 3);
    const { store, traffic } = openHeldStore(holder, identity.id);
    const own = ["a", "b", "c", "d", "e"].map((name) => createMemoryShardStore(name));
    const stores: ShardStore[] = [...own, store];
    return { ...(await openVaultOver(stores)), store, traffic };
  }

  // A day in the life of the real code: only the network is a pair of queues, and the hours do not take an hour.
  test("finds within a day that 1% of the shards are gone, or made up, for less than 1 MB of traffic", async () => {
    const { vault, store, traffic } = await openWithHolder("day");
    for (let seed = 0; seed < SEGMENTS; seed++) await putBytes(vault, seededBytes(seed, 3_000));
    const held = (await Array.fromAsync(store.list())).filter(({ name }) => isShard(name));
    expect(held).toHaveLength(SEGMENTS);
    const hoursOfDay = Math.floor((24 * 60 * 60 * 1_000) / LIMITS.vault.sampleIntervalMs);
    const sampleUntil = async (isOver: (hour: number, found: number) => boolean): Promise<number> => {
      let found = 0;
      for (let hour = 1; ; hour++) {
        const { shardsMissing, shardsCorrupt } = await vault.sample(LIMITS.vault.sampleCount);
        found += shardsMissing + shardsCorrupt;
        if (isOver(hour, found)) return hour;
      }
    };
    const lost = held.slice(10, 10 + SEGMENTS / 100);
    for (const { name } of lost) await store.delete(name);
    traffic.bytes = 0;
    let found = 0;
    await sampleUntil((hour, count) => (found = count) < 0 || hour === hoursOfDay);
    expect(found).toBeGreaterThan(0);
    expect(traffic.bytes).toBeLessThan(1_000_000);
    expect((await vault.status()).degradedSegments).toBeGreaterThan(0);
    await vault.repair();
    for (const { name, sizeBytes } of lost) await store.put(name, seededBytes(5, sizeBytes));
    expect(await sampleUntil((_hour, count) => count > 0)).toBeLessThanOrEqual(hoursOfDay);
  });

  test("is scrubbed without carrying its whole shards here, and repaired with them", async () => {
    const { vault, store, traffic } = await openWithHolder("scrub");
    const info = await putBytes(vault, seededBytes(3, 4_000_000));
    traffic.bytes = 0;
    expect(await vault.scrub()).toMatchObject({ shardsCorrupt: 0, shardsMissing: 0, shardsChecked: 6 });
    expect(traffic.bytes).toBeLessThan(20_000);
    const { name } = (await Array.fromAsync(store.list())).find((shard) => isShard(shard.name))!;
    const bytes = (await store.get(name))!;
    bytes[bytes.length - 1]! ^= 1;
    await store.put(name, bytes);
    expect(await vault.scrub()).toMatchObject({ shardsCorrupt: 1, shardsRepaired: 1, margin: 2 });
    expect((await readBytes(vault, info.id)).length).toBe(4_000_000);
  });
});
