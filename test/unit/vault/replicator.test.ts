// The twin in its vault: whatever happens to the host, the stores have it up to the last tick.

import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { concatBytes, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { RecordWriter } from "../../../host/state/journal-record.ts";
import type { StateWrite } from "../../../host/state/state-store.ts";
import { createLocator } from "../../../host/vault/locator.ts";
import { readReplica } from "../../../host/vault/read-replica.ts";
import { openReplicator, type ReplicaSource, type Replicator } from "../../../host/vault/replicator.ts";
import { encodeRoot, findRoots } from "../../../host/vault/root-record.ts";
import { decodeSnapshot, encodeSnapshot } from "../../../host/vault/snapshot-stream.ts";
import type { FaultyShardStore } from "../../support/faulty-shard-store.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { combinations, openTestVault, type TestVault, testKernels, testStores } from "../../support/test-vault.ts";

const identity = testIdentity(1);
const kernels = await testKernels();
const random = createSeededRandom("replica");
const locator = createLocator(identity.keys.locator, kernels, random);

/** A twin that a test writes to. */
class TestTwin implements ReplicaSource {
  readonly table = new Map<string, string>();
  readonly fileBytes = new Map<string, Uint8Array>();
  #listener: ((sequence: number, writes: Uint8Array) => void) | undefined;
  gap: () => void = () => {};
  sequence = 0;

  set(key: string, value: string | undefined): void {
    if (value === undefined) this.table.delete(key);
    else this.table.set(key, value);
    const writer = new RecordWriter();
    writer.add({ namespace: "t", key: utf8Encode(key), value: value === undefined ? undefined : utf8Encode(value) });
    this.#listener?.(++this.sequence, writer.take().slice());
  }

  follow(listener: (sequence: number, writes: Uint8Array) => void, onGap: () => void): () => void {
    this.#listener = listener;
    this.gap = onGap;
    return () => (this.#listener = undefined);
  }

  async *rows(): AsyncGenerator<StateWrite[], void, undefined> {
    for (const [key, value] of [...this.table].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
      yield [{ namespace: "t", key: utf8Encode(key), value: utf8Encode(value) }];
    }
  }

  async *files(): AsyncGenerator<{ path: string; bytes: Uint8Array }, void, undefined> {
    for (const [path, bytes] of this.fileBytes) yield { path, bytes };
  }
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).toReversed()) await item[Symbol.asyncDispose]();
});

async function start(
  twin: TestTwin,
  stores?: FaultyShardStore[],
): Promise<TestVault & { readonly replicator: Replicator }> {
  const opened = await openTestVault(stores === undefined ? {} : { stores, seed: `again ${twin.sequence}` });
  const replicator = openReplicator({
    vault: opened.vault,
    source: twin,
    identity,
    stores: () => ["a list"],
    kernels,
    clock: opened.clock,
    random: createSeededRandom(`epoch ${twin.sequence} ${stores === undefined}`),
    log: silentLog,
  });
  open.push(replicator);
  return { ...opened, replicator };
}

/** What a machine that has nothing but the keys and these stores reads. */
async function restore(
  stores: FaultyShardStore[],
): Promise<{ table: Map<string, string>; files: Map<string, Uint8Array> }> {
  const { vault } = await openTestVault({ stores, seed: "restored" });
  const { newest } = await findRoots({ identity, locator, kernels }, vault.notes);
  const table = new Map<string, string>();
  const files = new Map<string, Uint8Array>();
  await readReplica({ vault, locator, kernels }, newest!.record, {
    rows: async (rows) => {
      for (const { key, value } of rows) {
        if (value === undefined) table.delete(utf8Decode(key));
        else table.set(utf8Decode(key), utf8Decode(value));
      }
    },
    file: async ({ path, bytes }) => void files.set(path, bytes),
  });
  return { table, files };
}

describe("a replicated twin", () => {
  test("is restored with its files up to the last tick, from every four of six stores", async () => {
    const twin = new TestTwin();
    twin.set("before", "1");
    twin.fileBytes.set("packages/x.wasm", seededBytes(1, 300_000));
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    twin.set("after", "2");
    twin.set("before", undefined);
    await replicator.flush();
    expect(replicator.status()).toMatchObject({ rootSequence: 1, ticks: 1, lagMs: 0, problem: undefined });
    for (const left of combinations(stores, 4)) {
      for (const store of stores) store.fault = left.includes(store) ? "none" : "gone";
      const restored = await restore(stores);
      expect(restored.table).toEqual(new Map([["after", "2"]]));
      expect(restored.files).toEqual(new Map([["packages/x.wasm", seededBytes(1, 300_000)]]));
    }
  });

  test("is called behind from a start or missed records on, until all of it stands", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    await replicator[Symbol.asyncDispose]();
    // The host was killed before this was told to anybody.
    twin.table.set("late", "1");
    for (const store of stores) store.fault = "full";
    const again = await start(twin, stores);
    await until(
      () => again.replicator.status().problem !== undefined,
      () => again.clock.advance(50),
    );
    expect(again.replicator.status()).toMatchObject({ rootSequence: 0 });
    expect(again.replicator.status().lagMs).toBeGreaterThan(0);
    for (const store of stores) store.fault = "none";
    await again.replicator.flush();
    expect(again.replicator.status()).toMatchObject({ rootSequence: 2, lagMs: 0 });
    expect((await restore(stores)).table.get("late")).toBe("1");
    for (const store of stores) store.fault = "full";
    twin.gap();
    again.clock.advance(50);
    expect(again.replicator.status()).toMatchObject({ rootSequence: 0 });
    expect(again.replicator.status().lagMs).toBeGreaterThan(0);
  });

  test("writes ticks by itself, and a fresh snapshot when there are too many of them", async () => {
    const twin = new TestTwin();
    const { replicator, stores, clock, vault } = await start(twin);
    await replicator.flush();
    const notes = (): number => [...stores[0]!.inner.shards.keys()].filter((name) => name.startsWith("note-")).length;
    twin.set("a", "1");
    await until(
      () => replicator.status().lagMs === 0 && replicator.status().ticks === 1,
      () => clock.advance(50),
    );
    for (let turn = 0; replicator.status().rootSequence < 2; turn++) {
      twin.set("a", "x".repeat(400_000) + turn);
      await until(
        () => replicator.status().lagMs === 0,
        () => clock.advance(50),
      );
    }
    // Two roots, and at most a few ticks of the new epoch: those of the old one are gone.
    await until(
      () => notes() < 6,
      () => clock.advance(50),
    );
    expect((await vault.find(() => true)).length).toBe(1);
    expect((await restore(stores)).table).toEqual(twin.table);
  });

  test("is found by the next host on the same stores, which goes on from its root", async () => {
    const twin = new TestTwin();
    const first = await start(twin);
    await first.replicator.flush();
    twin.set("x", "1");
    await first.replicator.flush();
    await first.replicator[Symbol.asyncDispose]();
    twin.set("while away", "2");
    const second = await start(twin, first.stores);
    await second.replicator.flush();
    expect(second.replicator.status().rootSequence).toBe(2);
    expect((await restore(first.stores)).table).toEqual(twin.table);
  });

  test("is not begun anew when no store tells its root for a moment", async () => {
    const twin = new TestTwin();
    const first = await start(twin);
    await first.replicator.flush();
    await first.replicator[Symbol.asyncDispose]();
    const names = new Set(([0, 1] as const).map((slot) => locator.rootName(slot)));
    let silent = names.size * first.stores.length;
    for (const store of first.stores) {
      const get = store.get.bind(store);
      store.get = async (name, range) => {
        if (names.has(name) && silent-- > 0) throw new Error("the machine slept");
        return await get(name, range);
      };
    }
    twin.set("after", "1");
    const { replicator, clock } = await start(twin, first.stores);
    await until(
      () => replicator.status().rootSequence > 0,
      () => clock.advance(1_000),
    );
    expect(replicator.status().rootSequence).toBe(2);
    await replicator.flush();
    expect((await restore(first.stores)).table).toEqual(twin.table);
  });

  test("never loses or mixes up writes across missed records, failing stores and snapshots in between", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ kind: fc.constant("set" as const), key: fc.integer({ min: 0, max: 5 }) }),
            fc.record({ kind: fc.constantFrom("flush", "miss", "fail", "renew", "snapshot") }),
          ),
          { maxLength: 25 },
        ),
        async (steps) => {
          const twin = new TestTwin();
          const { replicator, stores } = await start(twin);
          let value = 0;
          for (const step of steps) {
            if ("key" in step) twin.set(`k${step.key}`, value++ % 4 === 3 ? undefined : `v${value}`);
            else if (step.kind === "flush") await replicator.flush();
            else if (step.kind === "renew") replicator.renew();
            else if (step.kind === "snapshot") {
              replicator.renew();
              const making = replicator.flush();
              twin.set("meanwhile", `v${value++}`);
              await making;
            } else if (step.kind === "miss") {
              twin.table.set("missed", `v${value++}`);
              // Its number tells; before any was told, only the source can.
              if (twin.sequence === 0) twin.gap();
              twin.sequence += 3;
              twin.set("noticed", `v${value++}`);
            } else {
              for (const store of stores.slice(0, 4)) store.fault = "full";
              await replicator.flush().catch(() => {});
              for (const store of stores) store.fault = "none";
            }
          }
          await replicator.flush();
          expect((await restore(stores)).table).toEqual(twin.table);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("waits for stores that are away, says so, and catches up", async () => {
    const twin = new TestTwin();
    const { replicator, stores, clock } = await start(twin);
    await replicator.flush();
    for (const store of stores.slice(0, 4)) store.fault = "failing";
    twin.set("a", "1");
    await until(
      () => replicator.status().problem !== undefined,
      () => clock.advance(200),
    );
    expect(replicator.status().lagMs).toBeGreaterThan(0);
    for (const store of stores) store.fault = "none";
    await until(
      () => replicator.status().problem === undefined && replicator.status().lagMs === 0,
      () => clock.advance(1_000),
    );
    expect((await restore(stores)).table).toEqual(new Map([["a", "1"]]));
  });
});

describe("a store that lies about the twin", () => {
  test("by showing an old root and old ticks is outvoted by any honest one", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    const old = stores.map(({ inner }) => new Map(inner.shards));
    for (let turn = 0; turn < 3; turn++) {
      twin.set("a", `${turn}`);
      replicator.renew();
      await replicator.flush();
    }
    for (const [at, store] of stores.slice(0, 2).entries()) {
      store.inner.shards.clear();
      for (const [name, bytes] of old[at]!) store.inner.shards.set(name, bytes);
    }
    const search = await findRoots({ identity, locator, kernels }, (await openTestVault({ stores })).vault.notes);
    expect(search).toMatchObject({ newest: { record: { sequence: 4 } }, stale: 2 });
    expect((await restore(stores)).table).toEqual(new Map([["a", "2"]]));
  });

  test("by flipping any byte of a root or a tick is not believed", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    twin.set("a", "1");
    await replicator.flush();
    for (const store of stores.slice(0, 5)) {
      for (const [name, bytes] of store.inner.shards) {
        if (name.startsWith("note-")) bytes[(bytes.length * 7) % 11]! ^= 4;
      }
    }
    expect((await restore(stores)).table).toEqual(new Map([["a", "1"]]));
    for (const [name, bytes] of stores[5]!.inner.shards) if (name.startsWith("note-")) bytes[30]! ^= 1;
    const { vault } = await openTestVault({ stores });
    expect(await findRoots({ identity, locator, kernels }, vault.notes)).toMatchObject({
      newest: undefined,
      broken: 6,
    });
  });

  test("or was torn while the last tick was written costs that tick only, which nobody had been promised", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    const before = new Set(stores[0]!.inner.shards.keys());
    for (const value of ["1", "2"]) {
      twin.set("a", value);
      await replicator.flush();
    }
    const [first, last] = [...stores[0]!.inner.shards.keys()].filter((name) => !before.has(name));
    for (const { inner } of stores.slice(1)) inner.shards.delete(last!);
    stores[0]!.inner.shards.set(last!, stores[0]!.inner.shards.get(last!)!.subarray(0, 40));
    expect((await restore(stores)).table).toEqual(new Map([["a", "1"]]));
    for (const { inner } of stores) inner.shards.set(first!, new Uint8Array(40));
    await expect(restore(stores)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
  });

  test("or kept the first try of a tick that was written again does not break the row of ticks", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    twin.set("a", "1");
    for (const store of stores.slice(1)) store.fault = "failing";
    await expect(replicator.flush()).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    for (const store of stores.slice(1)) store.fault = "none";
    stores[0]!.fault = "failing";
    twin.set("b", "2");
    await replicator.flush();
    twin.set("c", "3");
    await replicator.flush();
    stores[0]!.fault = "none";
    expect((await restore(stores)).table).toEqual(
      new Map([
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ]),
    );
  });

  test("or kept the first try of a root that was written again is not taken for another host", async () => {
    const twin = new TestTwin();
    const { replicator, stores } = await start(twin);
    await replicator.flush();
    replicator.renew();
    // The root record reaches one store only; the snapshot before it reached all.
    const puts = stores.map((store): FaultyShardStore["put"] => store.put.bind(store));
    const isNote = (name: string): boolean => name.startsWith("note-");
    for (const [at, store] of stores.entries()) {
      if (at > 0)
        store.put = async (name, data) => (isNote(name) ? Promise.reject(new Error("full")) : puts[at]!(name, data));
    }
    await expect(replicator.flush()).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    for (const [at, store] of stores.entries()) store.put = puts[at]!;
    stores[0]!.put = async (name, data) => (isNote(name) ? Promise.reject(new Error("away")) : puts[0]!(name, data));
    twin.set("a", "1");
    await replicator.flush();
    stores[0]!.put = puts[0]!;
    expect((await restore(stores)).table).toEqual(new Map([["a", "1"]]));
    const again = await start(twin, stores);
    await again.replicator.flush();
    expect(again.replicator.status()).toMatchObject({ rootSequence: 4, problem: undefined });
  });

  test("with two roots of one number, from two hosts of one twin, is named", async () => {
    const stores = ["a", "b", "c", "d", "e", "f"];
    const record = { twin: identity.id, sequence: 1, atMs: 1, epoch: "00", snapshot: "x", previous: "", stores };
    const keys = { identity, locator, kernels };
    const [one, other] = [encodeRoot(keys, record), encodeRoot(keys, { ...record, atMs: 2, snapshot: "y" })];
    const boardOf = (answered: number, ...copies: Uint8Array[]) => ({
      needed: 3,
      look: async (name: string) => ({ copies: name === one.name ? copies : [], answered }),
    });
    const board = (...copies: Uint8Array[]) => boardOf(copies.length, ...copies);
    for (const copies of [
      [one.bytes, other.bytes],
      [one.bytes, one.bytes, one.bytes, other.bytes, other.bytes, other.bytes],
    ]) {
      await expect(findRoots(keys, board(...copies))).rejects.toMatchObject({ code: "TWIN_SEAL_BROKEN" });
    }
    const tried = await findRoots(keys, board(other.bytes, one.bytes, one.bytes, one.bytes, other.bytes));
    expect(tried).toMatchObject({ newest: { hash: one.hash }, stale: 2 });
    // On two of six that all answered: neither was ever on enough.
    const twice = await findRoots(keys, boardOf(6, other.bytes, one.bytes));
    expect(twice).toMatchObject({ newest: { hash: other.hash }, stale: 1 });
    await expect(findRoots(keys, boardOf(5, other.bytes, one.bytes))).rejects.toThrow("two hosts");
    const stranger = { ...keys, identity: testIdentity(2) };
    expect(await findRoots(stranger, board(one.bytes))).toMatchObject({ newest: undefined });
  });
});

describe("a snapshot", () => {
  test("is believed only as a whole: a cut, a flip or an addition anywhere is found", async () => {
    const twin = new TestTwin();
    twin.set("key", "value");
    twin.fileBytes.set("a", seededBytes(3, 50));
    const whole = concatBytes(...(await Array.fromAsync(encodeSnapshot(twin, kernels))));
    const read = (bytes: Uint8Array): Promise<unknown[]> =>
      Array.fromAsync(
        decodeSnapshot(
          (async function* () {
            yield bytes;
          })(),
          kernels,
        ),
      );
    expect(await read(whole)).toHaveLength(2);
    for (let at = 0; at < whole.length; at++) {
      await expect(read(whole.slice(0, at))).rejects.toMatchObject({ code: "TWIN_SEAL_BROKEN" });
      const flipped = whole.slice();
      flipped[at]! ^= 1;
      await expect(read(flipped)).rejects.toMatchObject({ code: "TWIN_SEAL_BROKEN" });
    }
  });

  test("of a little changed twin shares nearly all of its bytes with the one before", async () => {
    const twin = new TestTwin();
    for (let row = 0; row < 300; row++)
      twin.set(`row ${row}`, Buffer.from(seededBytes(row, 30_000)).toString("latin1"));
    const { replicator, stores } = await start(twin, testStores(6));
    await replicator.flush();
    const size = (): number => [...stores[0]!.inner.shards.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    const before = size();
    twin.set("row 150", "short");
    replicator.renew();
    await replicator.flush();
    expect(size() - before).toBeLessThan(before / 2);
    expect(LIMITS.vault.ticksSizeBytes).toBeGreaterThan(0);
  });
});

async function until(condition: () => boolean, turn: () => void): Promise<void> {
  do {
    turn();
    await new Promise((resolve) => setTimeout(resolve, 1));
  } while (!condition());
}
