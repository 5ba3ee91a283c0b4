// What may be lost, torn, flipped, swapped or slow without the reader noticing, and what is refused by name.

import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../../support/faulty-shard-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import {
  combinations,
  openTestVault,
  putBytes,
  readBytes,
  type TestVault,
  testStores,
  whileTimePasses,
} from "../../support/test-vault.ts";

const SIZES = [0, 1, 70_000, 600_001];
const ALL = [0, 1, 2, 3, 4, 5];
const HARMS: readonly Fault[] = ["gone", "failing", "lying", "short"];

/** A vault with a few objects, and the shards as they were put. */
async function openFilled(): Promise<TestVault & { readonly ids: string[]; restore(): void }> {
  const opened = await openTestVault({ stores: testStores(6) });
  const ids: string[] = [];
  for (const size of SIZES) ids.push((await putBytes(opened.vault, seededBytes(size + 1, size))).id);
  const saved = opened.stores.map(({ inner }) => new Map(inner.shards));
  const restore = (): void => {
    for (const [at, store] of opened.stores.entries()) {
      store.fault = "none";
      store.inner.shards.clear();
      for (const [name, data] of saved[at]!) store.inner.shards.set(name, data.slice());
    }
  };
  return { ...opened, ids, restore };
}

/** A second vault over the same stores that has met no fault yet. */
async function openAgain({ index, stores }: TestVault): Promise<TestVault> {
  return openTestVault({ index, stores, seed: "again" });
}

/** The objects, by size, that do not read as they were put. */
async function differences(opened: TestVault, ids: readonly string[]): Promise<number[]> {
  const different: number[] = [];
  for (const [at, id] of ids.entries()) {
    const got = await whileTimePasses(opened.clock, readBytes(opened.vault, id));
    if (!isObject(at, got)) different.push(SIZES[at]!);
  }
  return different;
}

/** Whether the bytes are those of object `at`. */
function isObject(at: number, bytes: unknown): boolean {
  return bytes instanceof Uint8Array && Buffer.compare(bytes, seededBytes(SIZES[at]! + 1, SIZES[at]!)) === 0;
}

describe("a reader", () => {
  let filled: Awaited<ReturnType<typeof openFilled>>;
  beforeAll(async () => {
    filled = await openFilled();
  });

  test.each(HARMS)("does not notice that any two of six stores are %s", async (fault) => {
    for (const lost of combinations(ALL, 2)) {
      filled.restore();
      const opened = await openAgain(filled);
      for (const at of lost) filled.stores[at]!.fault = fault;
      expect(await differences(opened, filled.ids)).toEqual([]);
    }
  });

  test("is not kept waiting by two stores that hang", async () => {
    filled.restore();
    const opened = await openAgain(filled);
    filled.stores[0]!.fault = "hanging";
    filled.stores[3]!.fault = "hanging";
    expect(await differences(opened, filled.ids)).toEqual([]);
  });

  test.each(HARMS)("is refused by name, and never misled, when any three of six are %s", async (fault) => {
    for (const lost of combinations(ALL, 3)) {
      filled.restore();
      const opened = await openAgain(filled);
      for (const at of lost) filled.stores[at]!.fault = fault;
      for (const [at, id] of filled.ids.entries()) {
        const outcome = await readBytes(opened.vault, id).catch((thrown: unknown) => thrown);
        // A small object may stand in the shards that are left; the large one needs them all.
        if (at < 3 && isObject(at, outcome)) continue;
        expect(outcome).toMatchObject({ code: "TWIN_OBJECT_LOST", details: { object: id, needed: 4 } });
        expect((outcome as Error).message).toContain(id);
      }
    }
  });

  test("reads on when the three lost stores come back", async () => {
    filled.restore();
    const opened = await openAgain(filled);
    for (const at of [0, 2, 4]) filled.stores[at]!.fault = "gone";
    await expect(readBytes(opened.vault, filled.ids[3]!)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
    filled.restore();
    expect(await differences(opened, filled.ids)).toEqual([]);
  });

  test("gets every range right from a degraded vault", async () => {
    filled.restore();
    const opened = await openAgain(filled);
    filled.stores[1]!.fault = "gone";
    filled.stores[4]!.fault = "lying";
    const [id, size] = [filled.ids[3]!, SIZES[3]!];
    const bytes = seededBytes(size + 1, size);
    await fc.assert(
      fc.asyncProperty(fc.nat(size), fc.nat(200_000), async (offset, most) => {
        const sizeBytes = Math.min(most, size - offset);
        const got = await readBytes(opened.vault, id, { offset, sizeBytes });
        expect(Buffer.compare(got, bytes.subarray(offset, offset + sizeBytes))).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test("does not notice flipped bytes anywhere in two stores", async () => {
    const [first, second] = [filled.stores[2]!, filled.stores[5]!];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 40 }),
        async (flips) => {
          filled.restore();
          const opened = await openAgain(filled);
          for (const [at, [where, mask]] of flips.entries()) {
            const shards = [...(at % 2 === 0 ? first : second).inner.shards.values()];
            const shard = shards[where % shards.length]!;
            shard[where % shard.length]! ^= mask;
          }
          expect(await differences(opened, filled.ids)).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("finds a flip of each byte of a header, and of bytes all over the data", async () => {
    filled.restore();
    const store = filled.stores[0]!;
    const [name, shard] = [...store.inner.shards].find(([key]) => !key.startsWith("mark-"))!;
    const headerBytes = Array.from({ length: 104 }, (_, at) => at);
    for (const at of [...headerBytes, 105, 1_000, shard.length - 1]) {
      filled.restore();
      store.inner.shards.get(name)![at]! ^= 0x40;
      const opened = await openAgain(filled);
      expect(await opened.vault.scrub()).toMatchObject({ shardsCorrupt: 1, shardsRepaired: 1, margin: 2 });
      expect(Buffer.compare(store.inner.shards.get(name)!, shard)).toBe(0);
    }
  });

  test.each([
    ["truncated", (shards: Uint8Array[]) => shards.map((shard) => shard.subarray(0, shard.length >> 1))],
    ["empty", (shards: Uint8Array[]) => shards.map(() => new Uint8Array(0))],
    ["cut within the header", (shards: Uint8Array[]) => shards.map((shard) => shard.subarray(0, 39))],
    ["swapped with each other", (shards: Uint8Array[]) => [...shards.slice(1), shards[0]!]],
    ["made of noise", (shards: Uint8Array[]) => shards.map((shard) => seededBytes(3, shard.length))],
    ["zero", (shards: Uint8Array[]) => shards.map((shard) => new Uint8Array(shard.length))],
  ])("reads past two stores whose shards are %s, and scrub repairs them", async (_what, harm) => {
    filled.restore();
    const opened = await openAgain(filled);
    for (const store of [filled.stores[0]!, filled.stores[1]!]) {
      const names = [...store.inner.shards.keys()].filter((key) => !key.startsWith("mark-"));
      const harmed = harm(names.map((name) => store.inner.shards.get(name)!));
      for (const [at, name] of names.entries()) store.inner.shards.set(name, harmed[at]!);
    }
    expect(await differences(opened, filled.ids)).toEqual([]);
    expect(await opened.vault.scrub()).toMatchObject({
      shardsCorrupt: 8,
      shardsRepaired: 8,
      segmentsLost: 0,
      margin: 2,
    });
    expect(await differences(opened, filled.ids)).toEqual([]);
  });

  test("does not take the shard of another store or of another vault for its own", async () => {
    filled.restore();
    const foreign = await openTestVault({ key: new Uint8Array(32).fill(9) });
    for (const size of SIZES) await putBytes(foreign.vault, seededBytes(size + 1, size));
    const opened = await openAgain(filled);
    const own = [...filled.stores[0]!.inner.shards.keys()].filter((key) => !key.startsWith("mark-"));
    const theirs = [...foreign.stores[0]!.inner.shards].filter(([key]) => !key.startsWith("mark-"));
    for (const [at, name] of own.entries()) filled.stores[0]!.inner.shards.set(name, theirs[at]![1]);
    const neighbours = [...filled.stores[2]!.inner.shards].filter(([key]) => !key.startsWith("mark-"));
    const others = [...filled.stores[1]!.inner.shards.keys()].filter((key) => !key.startsWith("mark-"));
    for (const [at, name] of others.entries()) filled.stores[1]!.inner.shards.set(name, neighbours[at]![1]);
    expect(await differences(opened, filled.ids)).toEqual([]);
    expect(await opened.vault.scrub()).toMatchObject({ shardsCorrupt: 8, shardsRepaired: 8 });
  });

  test("repairs three shards of which each has lost another leaf", async () => {
    const opened = await openTestVault();
    const bytes = seededBytes(5, 900_000);
    const { id } = await putBytes(opened.vault, bytes);
    for (const at of [0, 1, 2]) {
      const shard = [...opened.stores[at]!.inner.shards].find(([key]) => !key.startsWith("mark-"))![1];
      shard[300 + at * 65_536]! ^= 1;
    }
    expect(Buffer.compare(await readBytes(opened.vault, id), bytes)).toBe(0);
    expect(await opened.vault.scrub()).toMatchObject({
      shardsCorrupt: 3,
      shardsRepaired: 3,
      segmentsLost: 0,
      margin: 2,
    });
  });

  test("lowers the margin by what it met on the way", async () => {
    const opened = await openTestVault();
    const { id } = await putBytes(opened.vault, seededBytes(5, 90_000));
    const store = opened.stores.find(({ inner }) => [...inner.shards.keys()].some((key) => key.includes("-00-")))!;
    for (const [name, shard] of store.inner.shards) if (!name.startsWith("mark-")) shard.fill(0);
    await readBytes(opened.vault, id);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await opened.vault.status()).toMatchObject({ margin: 1, degradedSegments: 1 });
  });
});
