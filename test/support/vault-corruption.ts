// Every field of every structure that stands in stores, damaged in every way: in up to m copies it is detected,
// named and repaired, and no reader ever sees it; in more it is refused by name, and nothing is thrown away.

import { expect } from "vitest";

import { equalBytes, utf8Decode, utf8Encode } from "../../host/base/bytes.ts";
import { type Log, silentLog } from "../../host/base/log.ts";
import { RecordWriter } from "../../host/state/journal-record.ts";
import { createLocator } from "../../host/vault/locator.ts";
import { readReplica } from "../../host/vault/read-replica.ts";
import { openReplicator } from "../../host/vault/replicator.ts";
import { findRoots } from "../../host/vault/root-record.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { seededText } from "./seeded-text.ts";
import { testIdentity } from "./test-identity.ts";
import { openTestVault, putBytes, readBytes, testKernels, testStores } from "./test-vault.ts";

type Shards = Map<string, Uint8Array>;

/** A part of a structure: where it is in a copy of `size` bytes. */
interface Field {
  readonly name: string;
  readonly at: (size: number) => readonly [from: number, to: number];
}

const fixed = (name: string, from: number, to: number): Field => ({ name, at: () => [from, to] });

/** docs/formats/vault.md, "Shard"; the shards of these vaults have one or more leaves. */
const SHARD_FIELDS: readonly Field[] = [
  fixed("magic", 0, 8),
  fixed("segment id", 8, 24),
  fixed("index", 24, 25),
  fixed("k", 25, 26),
  fixed("m", 26, 27),
  fixed("code", 27, 28),
  fixed("payload size", 28, 32),
  fixed("table size", 32, 36),
  fixed("shard size", 36, 40),
  fixed("leaf hash", 40, 72),
  { name: "header check", at: (size) => [headerOf(size) - 32, headerOf(size)] },
  { name: "first leaf", at: (size) => [headerOf(size), Math.min(size, headerOf(size) + 65_536)] },
  { name: "last bytes", at: (size) => [size - 100, size] },
];

/** docs/formats/vault.md, "The twin in its vault". */
const NOTE_FIELDS: readonly Field[] = [
  fixed("nonce", 0, 24),
  fixed("first sealed bytes", 24, 88),
  { name: "middle", at: (size) => [size >> 1, (size >> 1) + 8] },
  { name: "tag", at: (size) => [size - 16, size] },
];

/** How a copy is damaged. `other` is a whole structure of the same kind, `older` what stood under the name before. */
type Method = (bytes: Uint8Array, field: readonly [number, number], others: Others) => Uint8Array;
interface Others {
  readonly other: Uint8Array;
  readonly older: Uint8Array;
  readonly below: (max: number) => number;
}

const METHODS: Readonly<Record<string, Method>> = {
  "one bit flipped": (bytes, [from, to], { below }) => {
    const damaged = bytes.slice();
    damaged[from + below(to - from)]! ^= 1 << below(8);
    return damaged;
  },
  inverted: (bytes, [from, to]) => bytes.map((byte, at) => (at >= from && at < to ? byte ^ 0xff : byte)),
  "cut off there": (bytes, [from]) => bytes.slice(0, from),
  "swapped with another's": (bytes, [from, to], { other }) => {
    const damaged = bytes.slice();
    damaged.set(other.subarray(from, Math.min(to, other.length, bytes.length)), from);
    return damaged;
  },
  "replayed whole": (_bytes, _field, { older }) => older,
};

/** One way to damage one field. */
export interface CorruptionCase {
  readonly structure: "shard" | "root" | "tick";
  readonly field: string;
  readonly method: string;
}

/** All of them. */
export const CORRUPTION_CASES: readonly CorruptionCase[] = (["shard", "root", "tick"] as const).flatMap((structure) =>
  (structure === "shard" ? SHARD_FIELDS : NOTE_FIELDS).flatMap(({ name: field }) =>
    Object.keys(METHODS).map((method) => ({ structure, field, method })),
  ),
);

/** A vault with objects and a copy of a twin, whose bytes can be damaged and put back. */
export interface CorruptibleVault {
  /** Damages one case in up to m copies and, for shards, in m + 1. Throws when something was not as promised. */
  check(damage: CorruptionCase, below: (max: number) => number): Promise<void>;
}

const identity = testIdentity(5);
const M = 2;

/** Fills a vault and its twin's copy, over six stores. */
export async function openCorruptibleVault(): Promise<CorruptibleVault> {
  const kernels = await testKernels();
  const locator = createLocator(identity.keys.locator, kernels, createSeededRandom("locator"));
  const stores = testStores(6);
  const { vault, index, clock } = await openTestVault({ stores });
  // The first one is compressed, to about half.
  const contents = [seededText(1, 700_000), seededBytes(2, 3_000)];
  const ids: string[] = [];
  for (const bytes of contents) ids.push((await putBytes(vault, bytes)).id);
  let tell: (sequence: number, writes: Uint8Array) => void = () => {};
  const table = new Map<string, string>();
  const replicator = openReplicator({
    vault,
    source: {
      follow: (listener) => {
        tell = listener;
        return () => {};
      },
      async *rows() {
        for (const [key, value] of table) {
          yield [{ namespace: "t", key: utf8Encode(key), value: utf8Encode(value) }];
        }
      },
      async *files() {},
    },
    identity,
    stores: () => [],
    kernels,
    clock,
    random: createSeededRandom("epochs"),
    log: silentLog,
  });
  const set = async (sequence: number, key: string): Promise<void> => {
    table.set(key, String(sequence));
    const writer = new RecordWriter();
    writer.add({ namespace: "t", key: utf8Encode(key), value: utf8Encode(String(sequence)) });
    tell(sequence, writer.take().slice());
    await replicator.flush();
  };
  await set(1, "a");
  const older = stores.map(({ inner }): Shards => new Map(inner.shards));
  for (let sequence = 2; sequence <= 3; sequence++) {
    replicator.renew();
    await replicator.flush();
  }
  await set(2, "b");
  await set(3, "c");
  await replicator[Symbol.asyncDispose]();
  await vault.scrub();
  await vault[Symbol.asyncDispose]();
  const pristine = stores.map(
    ({ inner }): Shards => new Map([...inner.shards].map(([name, copy]) => [name, copy.slice()])),
  );
  const shardNames = pristine.map((shards) => [...shards.keys()].filter((name) => /^[0-9a-f]{32}-/.test(name)));
  const segment = shardNames[0]!
    .toSorted((left, right) => sizeIn(pristine[0]!, right) - sizeIn(pristine[0]!, left))[0]!
    .slice(0, 32);
  const { newest } = await findRoots(
    { identity, locator, kernels },
    (await openTestVault({ stores, index })).vault.notes,
  );
  const rootName = locator.rootName((newest!.record.sequence % 2) as 0 | 1);
  const otherRoot = locator.rootName(((newest!.record.sequence + 1) % 2) as 0 | 1);
  const tickNames = [0, 1].map((number) => locator.tickName(Uint8Array.fromHex(newest!.record.epoch), number));

  function nameOf(structure: CorruptionCase["structure"], store: number): string {
    if (structure === "root") return rootName;
    return structure === "tick" ? tickNames[0]! : shardNames[store]!.find((name) => name.startsWith(segment))!;
  }

  /** Another structure of the kind, for swaps. */
  function otherOf(structure: CorruptionCase["structure"], store: number): Uint8Array {
    if (structure === "root") return pristine[store]!.get(otherRoot)!;
    if (structure === "tick") return pristine[store]!.get(tickNames[1]!)!;
    return pristine[store]!.get(shardNames[store]!.find((name) => !name.startsWith(segment))!)!;
  }

  function damage(
    { structure, field, method }: CorruptionCase,
    victims: readonly number[],
    below: (max: number) => number,
  ): void {
    for (const [at, { inner }] of stores.entries()) {
      inner.shards.clear();
      for (const [name, bytes] of pristine[at]!) inner.shards.set(name, bytes.slice());
    }
    for (const at of victims) {
      const name = nameOf(structure, at);
      const bytes = pristine[at]!.get(name)!;
      const fields = structure === "shard" ? SHARD_FIELDS : NOTE_FIELDS;
      const range = fields.find((candidate) => candidate.name === field)!.at(bytes.length);
      const before = older[at]!.get(structure === "root" ? rootName : name);
      const replayed = before !== undefined && !equalBytes(before, bytes) ? before : otherOf(structure, at);
      const damaged = METHODS[method]!(bytes, range, { other: otherOf(structure, at), older: replayed, below });
      stores[at]!.inner.shards.set(name, damaged);
    }
  }

  async function checkShards(damageCase: CorruptionCase, below: (max: number) => number): Promise<void> {
    const victims = pick(6, 1 + below(M), below);
    damage(damageCase, victims, below);
    const changed = victims.filter((at) => !isPristine(at));
    const log = createNamingLog();
    const opened = await openTestVault({ stores, index, log });
    for (const [at, id] of ids.entries())
      expect(equalBytes(await readBytes(opened.vault, id), contents[at]!)).toBe(true);
    const report = await opened.vault.scrub();
    expect(report.shardsCorrupt + report.shardsMissing, "every damaged shard is counted").toBe(changed.length);
    expect(report).toMatchObject({ shardsRepaired: changed.length, segmentsLost: 0, margin: M });
    for (const at of changed) expect(log.named, "the store is named").toContain(stores[at]!.name);
    for (const at of stores.keys()) expect(isPristine(at), "what was made again is what was there").toBe(true);
    await opened.vault[Symbol.asyncDispose]();
  }

  async function checkLoss(damageCase: CorruptionCase, below: (max: number) => number): Promise<void> {
    const victims = pick(6, M + 1, below);
    damage(damageCase, victims, below);
    if (victims.some(isPristine)) return;
    const opened = await openTestVault({ stores, index });
    const read = await readBytes(opened.vault, ids[0]!).catch((thrown: unknown) => thrown);
    // What the seals of its blocks vouch for is given, also where the headers are gone.
    if (read instanceof Uint8Array) expect(equalBytes(read, contents[0]!)).toBe(true);
    else expect(read).toMatchObject({ code: "TWIN_OBJECT_LOST", details: { object: ids[0]!, segment } });
    const { segmentsLost } = await opened.vault.scrub();
    if (!(read instanceof Uint8Array)) expect(segmentsLost).toBe(1);
    if (isHeaderOnly(damageCase)) expect(segmentsLost).toBe(0);
    if (segmentsLost === 0) for (const at of stores.keys()) expect(isPristine(at)).toBe(true);
    // Nothing was thrown away: with the bytes back, all is well.
    for (const at of victims)
      stores[at]!.inner.shards.set(nameOf("shard", at), pristine[at]!.get(nameOf("shard", at))!.slice());
    expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: M });
    expect(equalBytes(await readBytes(opened.vault, ids[0]!), contents[0]!)).toBe(true);
    await opened.vault[Symbol.asyncDispose]();
  }

  async function checkNotes(damageCase: CorruptionCase, below: (max: number) => number): Promise<void> {
    damage(damageCase, pick(6, 1 + below(5), below), below);
    const opened = await openTestVault({ stores, index });
    const found = await findRoots({ identity, locator, kernels }, opened.vault.notes);
    expect(found.newest?.record).toEqual(newest!.record);
    if (damageCase.structure === "root" && damageCase.method !== "replayed whole")
      expect(found.broken).toBeGreaterThan(0);
    const read = new Map<string, string>();
    await readReplica({ vault: opened.vault, locator, kernels }, found.newest!.record, {
      rows: async (rows) => {
        for (const { key, value } of rows) read.set(utf8Decode(key), utf8Decode(value!));
      },
      file: async () => {},
    });
    expect(read).toEqual(table);
    await opened.vault[Symbol.asyncDispose]();
  }

  function isPristine(at: number): boolean {
    const name = nameOf("shard", at);
    const bytes = stores[at]!.inner.shards.get(name);
    return bytes !== undefined && equalBytes(bytes, pristine[at]!.get(name)!);
  }

  return {
    async check(damageCase, below) {
      if (damageCase.structure !== "shard") return await checkNotes(damageCase, below);
      await checkShards(damageCase, below);
      await checkLoss(damageCase, below);
    },
  };
}

/** Whether the damage was to a field of the header alone. */
function isHeaderOnly({ field, method }: CorruptionCase): boolean {
  return !["first leaf", "last bytes"].includes(field) && !["cut off there", "replayed whole"].includes(method);
}

function headerOf(size: number): number {
  for (let leaves = 1; ; leaves++) {
    const header = 72 + 32 * leaves;
    if (Math.ceil((size - header) / 65_536) <= leaves) return header;
  }
}

function sizeIn(shards: Shards, name: string): number {
  return shards.get(name)!.length;
}

function pick(from: number, count: number, below: (max: number) => number): number[] {
  const left = [...Array(from).keys()];
  return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]!);
}

function createNamingLog(): Log & { readonly named: Set<unknown> } {
  const named = new Set<unknown>();
  return { ...silentLog, named, warn: ({ store }) => void named.add(store) };
}
