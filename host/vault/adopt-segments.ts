// Makes sense of shards that the index does not know, by the tables that stand in the segments themselves:
// every object whose blocks are all there becomes known again. With the key, the shards are the index.

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createBlockReader } from "./block-reader.ts";
import { type Dispersed, makeKnown } from "./make-known.ts";
import { decodeManifest } from "./manifest.ts";
import { walkManifest } from "./manifest-tree.ts";
import { type Pace, createPace } from "./pace.ts";
import { type SegmentId, openTable, shardCountOf } from "./segment.ts";
import { type ShardHeader, decodeHeader, headerSize, leafCount, parseShardName, shardName } from "./shard.ts";
import { sizeOf } from "./manifest.ts";
import { createShardReader } from "./shard-reader.ts";
import type { BlockPlace, ObjectRecord, SegmentRecord, VaultIndex } from "./vault-index.ts";
import { type VaultParts, storeNamed } from "./vault-parts.ts";

/** Segment -> shard index -> the stores that list it: a crash while a shard moved leaves two copies, one of them torn. */
export type FoundShards = Map<SegmentId, Map<number, FoundCopy[]>>;

/** A copy of a shard, as its store lists it. */
export interface FoundCopy {
  readonly store: string;
  readonly sizeBytes: number;
}

/** Writes down that a store lists a shard. */
export function noteFound(
  found: FoundShards,
  { segment, index }: { readonly segment: SegmentId; readonly index: number },
  copy: FoundCopy,
): void {
  const shards = found.getOrInsertComputed(segment, () => new Map());
  shards.getOrInsertComputed(index, () => []).push(copy);
}

/** What adopting needs of an open vault. */
export type AdoptParts = Pick<
  VaultParts,
  "seal" | "stores" | "index" | "census" | "segments" | "changes" | "clock" | "log"
>;

/** No header is larger: a segment in a single data shard. */
const HEADER_SIZE_MAX = headerSize(2 * LIMITS.vault.segmentSizeBytes);

/** An object whose blocks were all found. */
interface FoundObject {
  readonly id: Uint8Array;
  readonly record: ObjectRecord;
  readonly blocks: ReadonlyMap<string, Uint8Array>;
  readonly segments: ReadonlySet<SegmentId>;
}

/** Fills an empty index from what the stores hold. Answers how many objects came back. */
export async function rebuildIndex(parts: AdoptParts): Promise<number> {
  const found: FoundShards = new Map();
  for (const store of parts.stores) {
    try {
      for await (const { name, sizeBytes } of store.list()) {
        const place = parseShardName(parts.seal, name);
        if (place === undefined) continue;
        noteFound(found, place, { store: store.name, sizeBytes });
      }
    } catch (thrown) {
      if (!(thrown instanceof TwinError)) throw thrown;
      parts.log.warn({ store: store.name, code: thrown.code }, "a store could not be listed");
    }
  }
  return adoptSegments(parts, found);
}

/** Makes the complete objects in `found` known, with the segments they need. Answers how many. */
export async function adoptSegments(parts: AdoptParts, found: FoundShards): Promise<number> {
  if (found.size === 0) return 0;
  const pace = createPace(parts.clock);
  const segments: Dispersed[] = [];
  for (const [id, shards] of found) {
    const segment = await stage(parts, id, shards, pace);
    if (segment !== undefined) segments.push(segment);
  }
  // A block may stand twice, once in what is left of a forgotten segment: the fuller one comes first.
  segments.sort((left, right) => left.record.absent.length - right.record.absent.length);
  const staged = new Map(segments.map((segment) => [segment.record.id, segment]));
  const overlay = overlayOf(parts.index, staged);
  const objects: FoundObject[] = [];
  for (const { blocks } of staged.values()) {
    for (const { id, kind } of blocks) {
      if (kind !== "root" || parts.index.object(id) !== undefined || parts.index.forgotten(id) !== undefined) continue;
      const object = await findObject(parts, overlay, id, pace);
      if (object !== undefined) objects.push(object);
    }
  }
  const isStanding = (id: Uint8Array): boolean => parts.index.block(id) !== undefined;
  for (const { segments, ...object } of objects) {
    const own = [...segments].map((segment) => staged.get(segment)).filter((segment) => segment !== undefined);
    await makeKnown(parts, { ...object, segments: own, isStanding });
  }
  const needed = new Set(objects.flatMap(({ segments }) => [...segments]));
  parts.log.info({ segments: needed.size, objects: objects.length }, "adopted from the stores");
  return objects.length;
}

/** The segment that `shards` are of, or undefined when its table cannot be read. */
async function stage(
  parts: AdoptParts,
  id: SegmentId,
  shards: ReadonlyMap<number, readonly FoundCopy[]>,
  pace: Pace,
): Promise<Dispersed | undefined> {
  const header = await findHeader(parts, id, shards);
  if (header === undefined) return undefined;
  const { shape } = header;
  const indexes = [...Array(shardCountOf(shape)).keys()];
  const sizeBytes = headerSize(shape.shardSize) + shape.shardSize;
  const record: SegmentRecord = { ...shape, stores: indexes.map(() => ""), absent: indexes, adopted: true };
  const homes = [...record.stores];
  for (const [index, copies] of shards) {
    // A torn copy is mostly shorter; the scrub finds the others.
    const whole = copies.filter((copy) => copy.sizeBytes === sizeBytes).map(({ store }) => store);
    const home = whole.length > 1 ? await wholeCopy(parts, record, { index, copies: whole }) : whole[0];
    if (home !== undefined) homes[index] = home;
    await pace();
  }
  const found = { ...record, stores: homes, absent: indexes.filter((index) => homes[index] === "") };
  const tableOffset = shape.payloadSize - shape.tableSize;
  const table = await orUndefined(parts.segments.readVerified(found, tableOffset, shape.tableSize, pace));
  return table && { record: found, blocks: openTable(table, id, parts.seal.keys, parts.seal.kernels) };
}

/** The store whose copy of the shard holds, leaf by leaf; the first when none does. */
async function wholeCopy(
  { seal, stores }: AdoptParts,
  record: SegmentRecord,
  place: { readonly index: number; readonly copies: readonly string[] },
): Promise<string> {
  const { index, copies } = place;
  const reader = createShardReader({ seal, store: (name) => storeNamed(stores, name), onBlame: () => {} });
  const run = { index, first: 0, count: leafCount(record.shardSize) };
  for (const store of copies) {
    const leaves = await reader.fetchLeaves({ ...record, stores: record.stores.with(index, store) }, run);
    if (!leaves.includes(undefined)) return store;
  }
  return copies[0] ?? "";
}

async function findHeader(
  { seal, stores }: AdoptParts,
  id: SegmentId,
  shards: ReadonlyMap<number, readonly FoundCopy[]>,
): Promise<ShardHeader | undefined> {
  const copies = [...shards].flatMap(([index, stores]) => stores.map(({ store }) => ({ index, name: store })));
  for (const { index, name } of copies) {
    const range = { offset: 0, sizeBytes: HEADER_SIZE_MAX };
    const bytes = await orUndefined(storeNamed(stores, name)?.get(shardName(seal, id, index), range));
    const header = bytes && decodeHeader(seal, bytes);
    if (header !== undefined && header.shape.id === id) return header;
  }
  return undefined;
}

/** The object below a root block, or undefined when any block of it is nowhere. */
async function findObject(
  parts: AdoptParts,
  overlay: Pick<VaultIndex, "block" | "segment">,
  id: Uint8Array,
  pace: Pace,
): Promise<FoundObject | undefined> {
  const segments = new Set<SegmentId>();
  const blocks = new Map<string, Uint8Array>();
  const reader = createBlockReader(parts.seal, overlay, parts.segments);
  const note = (block: Uint8Array): boolean => {
    const place = overlay.block(block);
    if (place !== undefined) segments.add(place.segment);
    blocks.set(hexEncode(block), block);
    return place !== undefined;
  };
  const load = (block: Uint8Array): Promise<Uint8Array> => {
    note(block);
    return reader.readWhole(block, pace);
  };
  return orUndefined(
    (async () => {
      const root = decodeManifest(await load(id));
      const sizeBytes = sizeOf(root.entries);
      for await (const part of walkManifest(root, { offset: 0, end: sizeBytes }, load)) {
        if (!note(part.id)) return undefined;
      }
      return { id, record: { sizeBytes, type: root.type, name: root.name }, blocks, segments };
    })(),
  );
}

/** The index as it would be with the staged segments in it. */
function overlayOf(
  index: VaultIndex,
  staged: ReadonlyMap<SegmentId, Dispersed>,
): Pick<VaultIndex, "block" | "segment"> {
  const places = new Map<string, BlockPlace>();
  for (const { record, blocks } of staged.values()) {
    for (const { id, offset, sizeBytes, kind } of blocks) {
      places.getOrInsert(hexEncode(id), { segment: record.id, offset, sizeBytes, kind, uses: 0 });
    }
  }
  return {
    block: (id) => index.block(id) ?? places.get(hexEncode(id)),
    segment: (id) => index.segment(id) ?? staged.get(id)?.record,
  };
}

/** What the promise answers, or undefined when it fails for a reason that the vault expects. */
async function orUndefined<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await promise;
  } catch (thrown) {
    if (thrown instanceof TwinError) return undefined;
    throw thrown;
  }
}
