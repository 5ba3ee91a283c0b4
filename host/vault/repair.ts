// One segment under the scrub: which of its shards hold, leaf by leaf, and the others made again.

import { TwinError } from "../base/errors.ts";
import { putChecked } from "./dispersal.ts";
import { createGate, type Gate } from "./gate.ts";
import type { GuardedStore } from "./guarded-store.ts";
import { free, shared, WORKER_SIZE } from "./movable.ts";
import { createPace, type Pace } from "./pace.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { salvageData } from "./salvage.ts";
import { finishShard, type RemakeOrder, remakeShards } from "./segment-coder.ts";
import { rebuildLeaves } from "./segment-reader.ts";
import { type Blame, createShardReader, type ShardReader } from "./shard-reader.ts";
import { headerSize, leafCount, leafRange, shardName } from "./shard.ts";
import type { SegmentRecord } from "./vault-index.ts";
import { changeSegment, storeNamed, type VaultParts } from "./vault-parts.ts";

/** While one of them is computed, another one is read. */
const SEGMENTS_IN_MEMORY = 2;

/** What a segment's shards turned out to be. */
export interface SegmentFinding {
  readonly checked: number;
  readonly missing: number;
  readonly corrupt: number;
  readonly repaired: number;
  /** Whole ones that left a store that is being emptied. */
  readonly moved: number;
  readonly isLost: boolean;
  /** Stores where a shard should stand that does not, after repair. */
  readonly wanting: readonly string[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The leaves of one shard, undefined where they do not hold. */
type Leaves = readonly (Uint8Array | undefined)[];

/** What a walk over segments has for all of them. */
interface RepairTools {
  readonly pace: Pace;
  readonly buffers: ReadBuffers;
  /** Segments in memory; those whose shards are on their way to the stores are let out. */
  readonly inMemory: Gate;
}

/** For a walk over segments; it holds the vault's buffers until it is disposed. */
export function createRepairTools({ clock, buffers }: Pick<VaultParts, "clock" | "buffers">): RepairTools & Disposable {
  const hold = buffers.hold();
  return {
    pace: createPace(clock),
    buffers,
    inMemory: createGate(SEGMENTS_IN_MEMORY),
    [Symbol.dispose]: () => hold[Symbol.dispose](),
  };
}

/** Reads all shards of a segment, repairs what it can, and writes what it found to the index. */
export async function repairSegment(
  parts: VaultParts,
  record: SegmentRecord,
  tools: RepairTools,
): Promise<SegmentFinding> {
  const { blames, bad, leaving, fresh } = await tools.inMemory(() => look(parts, record, tools));
  for (const index of bad) {
    const [store, blame] = [record.stores[index], blames.get(index)];
    if (blame !== undefined) parts.log.warn({ segment: record.id, shard: index, store, blame }, "a shard is not whole");
  }
  const placed = await placeAll(parts, record, { indexes: [...bad, ...leaving], fresh: fresh ?? [] }, tools.buffers);
  const wanting = bad.filter((index) => !placed.has(index));
  // A shard whose store was only silent may be whole: what is known of it stays, its store's health is asked live.
  const absent = wanting.filter((index) => blames.has(index) || record.absent.includes(index));
  const isRead = wanting.every((index) => absent.includes(index));
  await changeSegment(parts, record.id, (current) => ({
    ...current,
    adopted: isRead ? undefined : current.adopted,
    stores: current.stores.map((store, index) => placed.get(index) ?? store),
    absent,
  }));
  const moved = leaving.filter((index) => placed.has(index));
  await Promise.allSettled(
    moved.map(async (index) => {
      await storeNamed(parts.stores, record.stores[index])?.delete(shardName(parts.seal, record.id, index));
    }),
  );
  const corrupt = bad.filter((index) => blames.get(index) === "corrupt").length;
  return {
    checked: record.stores.length,
    missing: bad.length - corrupt,
    corrupt,
    repaired: bad.length - wanting.length,
    moved: moved.length,
    isLost: fresh === undefined,
    wanting: wanting.map((index) => record.stores[index]!),
  };
}

/** What the shards of a segment are. */
interface Look {
  readonly blames: ReadonlyMap<number, Blame>;
  /** Indexes of those that are not whole. */
  readonly bad: readonly number[];
  /** Of those that are, and whose store is being emptied. */
  readonly leaving: readonly number[];
  /** Both made again, in this order; undefined when too little is left. */
  readonly fresh: readonly Bytes[] | undefined;
}

/** Reads all shards of a segment, and makes those again that are to be placed. What was read is no longer in memory then. */
async function look(parts: VaultParts, record: SegmentRecord, tools: RepairTools): Promise<Look> {
  const { pace, buffers } = tools;
  const blames = new Map<number, Blame>();
  const reader = createShardReader({
    seal: parts.seal,
    store: (name) => storeNamed(parts.stores, name),
    onBlame: (_segment, index, blame) => blames.set(index, blame),
    pool: parts.pool,
  });
  const none: Leaves = Array.from<undefined>({ length: leafCount(record.shardSize) });
  /** Whole, as their stores say that need not carry them here for that. */
  const unread = new Set<number>();
  const shards: Leaves[] = await Promise.all(
    record.stores.map(async (name, index) => {
      // A store that hangs would cost its deadline once for each segment.
      if (storeNamed(parts.stores, name)?.isSuspect() ?? true) return none;
      if (!(await reader.holdsAfar(record, index))) return reader.fetchLeaves(record, wholeRun(record, index), buffers);
      unread.add(index);
      return none;
    }),
  );
  await pace();
  const badOnes = (): number[] =>
    [...shards.keys()].filter((index) => !unread.has(index) && shards[index]!.includes(undefined));
  const leavingOnes = leavingOf(parts.stores, record);
  if (badOnes().length + leavingOnes.length > 0) {
    for (const index of unread) shards[index] = await reader.fetchLeaves(record, wholeRun(record, index), buffers);
    unread.clear();
  }
  const bad = badOnes();
  const leaving = leavingOnes.filter((index) => !bad.includes(index));
  const fresh = await remake(parts, { record, shards, bad: [...bad, ...leaving], reader }, tools);
  for (const leaves of shards) giveBack(buffers, leaves);
  return { blames, bad, leaving, fresh };
}

interface Repair {
  readonly record: SegmentRecord;
  readonly shards: readonly Leaves[];
  readonly bad: readonly number[];
  readonly reader: ShardReader;
}

/** The bad shards, made again; undefined when too little is left. */
async function remake(parts: VaultParts, repair: Repair, tools: RepairTools): Promise<readonly Bytes[] | undefined> {
  const { record, shards, bad } = repair;
  if (bad.length === 0) return [];
  const whole = shards.map((leaves) => wholeData(record, leaves));
  const isEnough = whole.filter((data) => data !== undefined).length >= record.dataShards;
  if (isEnough) return await remakeWhole(parts, { shape: record, whole, wanted: bad }, tools.pace);
  return (await remakeLeaves(parts, repair, tools.pace)) ?? (await remakeSalvaged(parts, repair, whole, tools));
}

/** The shards from k others of which every leaf holds. */
async function remakeWhole({ seal, pool }: VaultParts, order: RemakeOrder, pace: Pace): Promise<readonly Bytes[]> {
  if (pool === undefined || order.shape.shardSize < WORKER_SIZE) return remakeShards(seal, order, pace);
  const whole = order.whole.map((shard) => shard && shared(shard));
  return pool.run("remake", { keys: seal.keys, order: { ...order, whole } });
}

/** The shards, leaf by leaf from whatever holds, or undefined when too little does. */
async function remakeLeaves(
  parts: VaultParts,
  { record, shards, bad }: Repair,
  pace: Pace,
): Promise<readonly Bytes[] | undefined> {
  const head = headerSize(record.shardSize);
  const fresh = bad.map(() => new Uint8Array(head + record.shardSize));
  for (let leaf = 0; leaf < leafCount(record.shardSize); leaf++) {
    const column = new Map<number, Uint8Array>();
    for (const [index, leaves] of shards.entries()) {
      const bytes = leaves[leaf];
      if (bytes !== undefined) column.set(index, bytes);
    }
    const all = orLost(() => rebuildLeaves(parts.seal, record, column));
    if (all === undefined) return undefined;
    const { offset } = leafRange(record.shardSize, leaf);
    for (const [at, shard] of fresh.entries()) shard.set(all[bad[at]!]!, head + offset);
    await pace();
  }
  for (const [at, shard] of fresh.entries()) {
    finishShard(parts.seal, { shape: record, index: bad[at]! }, shard);
    await pace();
  }
  return fresh;
}

/** The shards from whatever the seals of the blocks vouch for, or undefined when that is too little. */
async function remakeSalvaged(
  parts: VaultParts,
  { record, reader, bad }: Repair,
  whole: readonly (Uint8Array | undefined)[],
  { pace, buffers }: RepairTools,
): Promise<readonly Bytes[] | undefined> {
  const bodies = await Promise.all(
    whole.map(async (data, index) => {
      if (data !== undefined || (storeNamed(parts.stores, record.stores[index])?.isSuspect() ?? true)) return data;
      const body = await reader.fetchPiece(record, { index, offset: 0, sizeBytes: record.shardSize }, buffers);
      return body?.length === record.shardSize ? body : undefined;
    }),
  );
  const proven = [...whole.keys()].filter((index) => whole[index] !== undefined);
  const data = await salvageData(parts.seal, { shape: record, bodies, proven }, pace);
  for (const [index, body] of bodies.entries())
    if (body !== undefined && whole[index] === undefined) buffers.give(body);
  if (data === undefined) return undefined;
  parts.log.warn({ segment: record.id, proven: proven.length }, "a segment is made again by the seals of its blocks");
  return await remakeWhole(parts, { shape: record, whole: whole.map((_, index) => data[index]), wanted: bad }, pace);
}

/** The data of a shard of which every leaf holds: they lie one behind the other, as they came. */
function wholeData({ shardSize }: SegmentRecord, leaves: Leaves): Uint8Array | undefined {
  const [first] = leaves;
  if (first === undefined || leaves.includes(undefined)) return undefined;
  return new Uint8Array(first.buffer, first.byteOffset, shardSize);
}

/** Puts remade shards on stores. Answers where each of them now stands. */
async function placeAll(
  parts: VaultParts,
  record: SegmentRecord,
  { indexes, fresh }: { readonly indexes: readonly number[]; readonly fresh: readonly Bytes[] },
  buffers: ReadBuffers,
): Promise<ReadonlyMap<number, string>> {
  const placed = new Map<number, string>();
  for (const [at, shard] of fresh.entries()) {
    const index = indexes[at]!;
    const store = await place(parts, record, { index, shard, taken: [...placed.values()] }, buffers);
    if (store !== undefined) placed.set(index, store);
  }
  return placed;
}

/** Puts a remade shard where it belongs, or on a store that has none of its segment, and reads all of it back. */
async function place(
  parts: VaultParts,
  record: SegmentRecord,
  made: { readonly index: number; readonly shard: Bytes; readonly taken: readonly string[] },
  buffers: ReadBuffers,
): Promise<string | undefined> {
  const { index, shard, taken } = made;
  const name = shardName(parts.seal, record.id, index);
  let isQuiet = true;
  for (const store of homesOf(parts.stores, record, index)) {
    if (store.isSuspect() || store.isDraining || taken.includes(store.name)) continue;
    const into = buffers.take(shard.length);
    const failure = await putChecked({ store, name, shard }, [{ offset: 0, sizeBytes: shard.length, into }]);
    if (failure === undefined) {
      buffers.give(into);
      if (isQuiet) free(shard);
      return store.name;
    }
    // It may still read from the shard and into the buffer.
    isQuiet = false;
    parts.log.warn({ store: store.name, code: failure.code }, "a store did not take a repaired shard");
  }
  return undefined;
}

/** The leaves of one shard lie in one buffer. */
function giveBack(buffers: ReadBuffers, leaves: Leaves): void {
  const leaf = leaves.find((bytes) => bytes !== undefined);
  if (leaf !== undefined) buffers.give(leaf);
}

/** Shards whose store is being emptied. */
function leavingOf(stores: readonly GuardedStore[], record: SegmentRecord): number[] {
  return [...record.stores.keys()].filter((index) => storeNamed(stores, record.stores[index])?.isDraining === true);
}

function homesOf(stores: readonly GuardedStore[], record: SegmentRecord, index: number): GuardedStore[] {
  const home = storeNamed(stores, record.stores[index]);
  const domains = new Set(record.stores.map((name) => storeNamed(stores, name)?.domain));
  const spares = stores
    .filter(({ name }) => !record.stores.includes(name))
    .toSorted((left, right) => Number(domains.has(left.domain)) - Number(domains.has(right.domain)));
  return home === undefined ? spares : [home, ...spares];
}

function wholeRun(record: SegmentRecord, index: number): { index: number; first: number; count: number } {
  return { index, first: 0, count: leafCount(record.shardSize) };
}

function orLost<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (thrown) {
    if (thrown instanceof TwinError && thrown.code === "TWIN_OBJECT_LOST") return undefined;
    throw thrown;
  }
}
