// A vault on a machine that dies at a chosen durable step: a shard that is written (not at all, torn, or
// whole), a deletion, a commit of the index; and whose disks fail now and then, before, within or after such a
// step. What was acknowledged must be there in the next life.

import { expect } from "vitest";

import { utf8Decode, utf8Encode } from "../../host/base/bytes.ts";
import { TwinError } from "../../host/base/errors.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { silentLog } from "../../host/base/log.ts";
import { RecordWriter } from "../../host/state/journal-record.ts";
import type { StateStore, StateWrite } from "../../host/state/state-store.ts";
import { createLocator } from "../../host/vault/locator.ts";
import { type SmallObject, UPLOAD_TYPE, type Vault } from "../../host/vault/object.ts";
import { openVault } from "../../host/vault/open-vault.ts";
import { readReplica } from "../../host/vault/read-replica.ts";
import { openReplicator, type Replicator } from "../../host/vault/replicator.ts";
import { findRoots } from "../../host/vault/root-record.ts";
import type { ShardStore } from "../../host/vault/shard-store.ts";
import { createChance } from "./campaign.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { createMemoryShardStore, type MemoryShardStore } from "./memory-shard-store.ts";
import { createMemoryStateStore } from "./memory-state-store.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { seededText } from "./seeded-text.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { testIdentity } from "./test-identity.ts";
import { inPieces, putBytes, readBytes, TEST_KEY, testKernels } from "./test-vault.ts";

const START_MS = 1_800_000_000_000;
const LIVES = 4;
const STEPS_PER_LIFE = 120;
const OPERATIONS_PER_LIFE = 14;
const identity = testIdentity(3);

/** What survives a death: bytes on disks. */
interface Disks {
  readonly stores: MemoryShardStore[];
  readonly index: StateStore;
}

/** What must be true in every life. */
interface Promises {
  /** Acknowledged objects: id -> seed of their content. */
  readonly kept: Map<string, number>;
  /** Whose forgetting was acknowledged. */
  readonly forgotten: Set<string>;
  /** The twin's table. */
  readonly table: Map<string, string>;
  /** What the table was after each write since the last acknowledged flush, that one first. */
  history: ReadonlyMap<string, string>[];
}

/** So many steps go well for one that fails. */
const STEPS_PER_FAULT = 30;

/** Ends the machine's life at a step, and lets others fail. */
class Death {
  readonly #below: (max: number) => number;
  readonly died: PromiseWithResolvers<void> = Promise.withResolvers();
  #stepsLeft: number;
  isDead = false;

  constructor(below: (max: number) => number) {
    this.#below = below;
    this.#stepsLeft = 1 + below(STEPS_PER_LIFE);
  }

  /** One durable step. It may fail, with or without an effect. At the last one, it happens or not or is torn, and nothing answers any more. */
  async step(whole: () => Promise<void>, torn?: (share: number) => Promise<void>): Promise<void> {
    await this.alive();
    if (this.#isLast()) return await this.#die(whole, torn);
    if (this.#below(STEPS_PER_FAULT) > 0) return await whole();
    await this.#halfway(whole, torn);
    throw new Error("EIO: write, fsync or rename failed");
  }

  /** A step of which a failure has no effect: what commits says so. */
  async commit(whole: () => Promise<void>): Promise<void> {
    await this.alive();
    if (this.#isLast()) return await this.#die(whole);
    if (this.#below(STEPS_PER_FAULT) > 0) return await whole();
    throw new TwinError("TWIN_STATE_FULL", "The disk is full.");
  }

  #isLast(): boolean {
    return --this.#stepsLeft <= 0;
  }

  async #die(whole: () => Promise<void>, torn?: (share: number) => Promise<void>): Promise<void> {
    this.isDead = true;
    await this.#halfway(whole, torn);
    this.died.resolve();
    return await this.alive();
  }

  async #halfway(whole: () => Promise<void>, torn?: (share: number) => Promise<void>): Promise<void> {
    const outcome = this.#below(3);
    if (outcome === 1) await whole();
    if (outcome === 2) await torn?.(this.#below(1_000) / 1_000);
  }

  alive(): Promise<void> {
    return this.isDead ? new Promise<never>(() => {}) : Promise.resolve();
  }
}

/** Lives through some deaths by `seed` and checks what is left after each. */
export async function crashBySeed(seed: number): Promise<void> {
  const below = createChance(seed);
  const disks: Disks = {
    stores: ["a", "b", "c", "d", "e", "f", "g"].map((name) => createMemoryShardStore(name)),
    index: createMemoryStateStore(),
  };
  const promises: Promises = { kept: new Map(), forgotten: new Set(), table: new Map(), history: [new Map()] };
  for (let life = 0; life < LIVES; life++) {
    const death = new Death(below);
    const living = live(disks, promises, { death, below, name: `${seed} ${life}` });
    await Promise.race([living, death.died.promise]);
    death.isDead = true;
    // Whatever was between two steps stays there for ever.
    await new Promise((resolve) => setImmediate(resolve));
    await judge(disks, promises, `${seed} ${life} judge`);
  }
}

async function live(
  disks: Disks,
  promises: Promises,
  { death, below, name }: { readonly death: Death; readonly below: (max: number) => number; readonly name: string },
): Promise<void> {
  const life = await openLife(disks, promises, { death, name });
  for (let turn = 0; turn < OPERATIONS_PER_LIFE; turn++) {
    // The dead do nothing, also what is no step.
    await death.alive();
    await act(disks, promises, { ...life, below, name: `${name} ${turn}` }).catch((thrown: unknown) => {
      // Refused, and so not promised.
      if (!(thrown instanceof TwinError)) throw thrown;
    });
  }
}

interface Life {
  readonly vault: Vault;
  readonly clock: ManualClock;
  readonly twin: CrashTwin;
  readonly replicator: Replicator;
}

/** One operation, and what it promises once it has resolved. */
async function act(
  disks: Disks,
  promises: Promises,
  {
    vault,
    clock,
    twin,
    replicator,
    below,
    name,
  }: Life & { readonly below: (max: number) => number; readonly name: string },
): Promise<void> {
  const seed = below(12);
  switch (below(12)) {
    case 0:
    case 1: {
      const bytes = contentOf(seed);
      promises.forgotten.clear();
      const { id } = await putBytes(vault, bytes);
      promises.kept.set(id, seed);
      break;
    }
    case 2: {
      promises.forgotten.clear();
      const { id, part } = await putInTwo(vault, contentOf(seed), { below, name });
      promises.kept.set(id, seed);
      await vault.forget(part);
      break;
    }
    case 10: {
      const seeds = Array.from({ length: 1 + below(5) }, () => below(12));
      promises.forgotten.clear();
      let told = 0;
      await vault.putMany(contentsOf(seeds), {
        onStored: (objects) => {
          for (const { id } of objects) promises.kept.set(id, seeds[told++]!);
        },
      });
      break;
    }
    case 3: {
      const id = [...promises.kept.keys()][below(Math.max(1, promises.kept.size))];
      if (id === undefined) break;
      promises.kept.delete(id);
      await vault.forget(id);
      promises.forgotten.add(id);
      break;
    }
    case 4: {
      twin.set(`k${below(5)}`, name);
      break;
    }
    case 5: {
      const until = promises.history.length - 1;
      await replicator.flush();
      promises.history = promises.history.slice(until);
      break;
    }
    case 6: {
      const store = disks.stores[below(2)]!;
      for (const shard of [...store.shards.keys()].slice(0, 2)) store.shards.delete(shard);
      await vault.scrub();
      break;
    }
    case 7: {
      const store = disks.stores[below(7)]!.name;
      await vault.stores.drain(store);
      await vault.stores.keep(store);
      break;
    }
    case 8: {
      await vault.compact();
      break;
    }
    case 9: {
      // What nothing refers to is swept: what a death has left, and nothing else.
      clock.advance(LIMITS.vault.orphanGraceMs);
      await vault.scrub();
      break;
    }
    default: {
      const store = disks.stores[below(2)]!;
      for (const shard of [...store.shards.keys()].slice(0, 2)) store.shards.delete(shard);
      await vault.sample(4);
      await vault.repair();
    }
  }
}

async function* contentsOf(seeds: readonly number[]): AsyncGenerator<SmallObject, void, undefined> {
  for (const seed of seeds) yield { bytes: contentOf(seed) };
}

/** As an upload is put that comes in two pieces. */
async function putInTwo(
  vault: Vault,
  bytes: Uint8Array,
  { below, name }: { readonly below: (max: number) => number; readonly name: string },
): Promise<{ readonly id: string; readonly part: string }> {
  const cut = below(bytes.length);
  const { id: part } = await putBytes(vault, bytes.subarray(0, cut), { type: UPLOAD_TYPE, name });
  const { id } = await vault.put(inPieces(bytes.subarray(cut), 64 * 1024), {}, { after: part });
  return { id, part };
}

async function judge(disks: Disks, promises: Promises, name: string): Promise<void> {
  const kernels = await testKernels();
  const vault = await openOver(disks.stores, disks.index, { name });
  for (const [id, seed] of promises.kept) expect(await isWhole(vault, id, seed), `object ${id}`).toBe(true);
  for (const id of promises.forgotten) expect(await vault.stat(id), `forgotten ${id}`).toBeUndefined();
  // What was not acknowledged is whole, is not there, or is refused by name: a half of it is never shown.
  for (const { id, sizeBytes } of await vault.find(({ type }) => type === "application/octet-stream")) {
    const read = await readBytes(vault, id).catch((thrown: unknown) => thrown);
    if (read instanceof Uint8Array) expect(read.length, `object ${id}`).toBe(sizeBytes);
    else expect(read, `object ${id}`).toMatchObject({ code: "TWIN_OBJECT_LOST" });
  }
  await vault.scrub();
  const locator = createLocator(identity.keys.locator, kernels, createSeededRandom(name));
  const { newest } = await findRoots({ identity, locator, kernels }, vault.notes);
  if (newest !== undefined) {
    const table = new Map<string, string>();
    await readReplica({ vault, locator, kernels }, newest.record, {
      rows: async (rows) => {
        for (const { key, value } of rows) table.set(utf8Decode(key), utf8Decode(value!));
      },
      file: async () => {},
    });
    const states = promises.history.map((state) => JSON.stringify([...state].toSorted(byKey)));
    expect(states, "the restored twin is a moment since the last flush").toContain(
      JSON.stringify([...table].toSorted(byKey)),
    );
  } else {
    expect(promises.history[0]!.size, "a flushed twin has a root").toBe(0);
  }
  // Five of the seven stores alone, without the index, give the same objects.
  const rebuilt = await openOver(disks.stores.slice(2), createMemoryStateStore(), { name: `${name} rebuilt` });
  for (const [id, seed] of promises.kept) expect(await isWhole(rebuilt, id, seed), `rebuilt ${id}`).toBe(true);
  await rebuilt[Symbol.asyncDispose]();
  await vault[Symbol.asyncDispose]();
}

class CrashTwin {
  #listener: ((sequence: number, writes: Uint8Array) => void) | undefined;
  readonly #promises: Promises;
  #sequence = 0;

  constructor(promises: Promises) {
    this.#promises = promises;
  }

  set(key: string, value: string): void {
    this.#promises.table.set(key, value);
    this.#promises.history.push(new Map(this.#promises.table));
    const writer = new RecordWriter();
    writer.add({ namespace: "t", key: utf8Encode(key), value: utf8Encode(value) });
    this.#listener?.(++this.#sequence, writer.take().slice());
  }

  follow(listener: (sequence: number, writes: Uint8Array) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }

  async *rows(): AsyncGenerator<StateWrite[], void, undefined> {
    for (const [key, value] of this.#promises.table) {
      yield [{ namespace: "t", key: utf8Encode(key), value: utf8Encode(value) }];
    }
  }

  async *files(): AsyncGenerator<never, void, undefined> {}
}

async function openLife(
  { stores, index }: Disks,
  promises: Promises,
  { death, name }: { readonly death: Death; readonly name: string },
): Promise<Life> {
  const mortal: StateStore = {
    get: (at) => index.get(at),
    scan: (range) => index.scan(range),
    sizeBytes: (namespace) => index.sizeBytes(namespace),
    commit: (writes) => death.commit(() => index.commit(writes)),
    [Symbol.asyncDispose]: async () => {},
  };
  // Each life begins later than the one before, so that orphans of earlier ones grow old.
  const clock = createManualClock(START_MS + Number(name.split(" ")[1]) * LIMITS.vault.orphanGraceMs);
  const vault = await openOver(
    stores.map((store) => mortalStore(store, death)),
    mortal,
    { name, clock },
  );
  const twin = new CrashTwin(promises);
  const replicator = openReplicator({
    vault,
    source: twin,
    identity,
    stores: () => [],
    kernels: await testKernels(),
    clock,
    random: createSeededRandom(`${name} replica`),
    log: silentLog,
  });
  return { vault, clock, twin, replicator };
}

function mortalStore(store: MemoryShardStore, death: Death): ShardStore {
  return {
    name: store.name,
    domain: store.domain,
    put: (shard, data) =>
      death.step(
        () => store.put(shard, data),
        async (share) => {
          const old = (await store.get(shard)) ?? new Uint8Array(0);
          const cut = Math.floor(data.length * share);
          await store.put(shard, Buffer.concat([data.subarray(0, cut), old.subarray(cut)]));
        },
      ),
    get: async (shard, range) => {
      await death.alive();
      return await store.get(shard, range);
    },
    stat: async (shard) => {
      await death.alive();
      return await store.stat(shard);
    },
    delete: (shard) => death.step(() => store.delete(shard)),
    list: () => store.list(),
  };
}

async function openOver(
  stores: readonly ShardStore[],
  index: StateStore,
  { name, clock = createManualClock(START_MS) }: { readonly name: string; readonly clock?: ManualClock },
): Promise<Vault> {
  return await openVault({
    key: TEST_KEY,
    index,
    stores,
    // A code that also fits fewer stores: segments keep their own.
    code: { dataShards: 4, parityShards: stores.length > 5 ? 2 : 1 },
    smallSegmentsKept: 2,
    kernels: await testKernels(),
    clock,
    random: createSeededRandom(name),
    log: silentLog,
  });
}

function contentOf(seed: number): Uint8Array {
  const size = 1 + seed * 3_001;
  // Some are compressed.
  return seed % 2 === 0 ? seededText(seed, size) : seededBytes(seed, size);
}

async function isWhole(vault: Vault, id: string, seed: number): Promise<boolean> {
  return Buffer.compare(await readBytes(vault, id), contentOf(seed)) === 0;
}

function byKey([left]: readonly [string, string], [right]: readonly [string, string]): number {
  return left < right ? -1 : 1;
}
