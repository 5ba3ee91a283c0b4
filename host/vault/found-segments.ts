// Makes sense of shards by the tables that stand in the segments themselves: with the key, the shards are
// the index. Reads only; what becomes of what was found is the caller's.

import { hexEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { createBlockReader } from "./block-reader.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { Dispersed } from "./make-known.ts";
import { type ManifestNode, sizeBelow } from "./manifest.ts";
import { createManifestCache } from "./manifest-cache.ts";
import { walkManifest } from "./manifest-tree.ts";
import type { Pace } from "./pace.ts";
import { type SegmentBlock, type SegmentId, openTable, shardCountOf } from "./segment.ts";
import type { SegmentReader } from "./segment-reader.ts";
import {
  type ShardHeader,
  type ShardSeal,
  decodeHeader,
  headerSize,
  leafCount,
  parseShardName,
  shardName,
} from "./shard.ts";
import { createShardReader } from "./shard-reader.ts";
import type { BlockPlace, ObjectRecord, SegmentRecord, VaultIndex } from "./vault-index.ts";
import { storeNamed } from "./vault-parts.ts";

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

/** What looking needs. */
export interface SearchParts {
  readonly seal: ShardSeal;
  readonly stores: readonly GuardedStore[];
  readonly segments: SegmentReader;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where blocks and segments are. */
export type BlockMap = Pick<VaultIndex, "block" | "segment">;

/** No header is larger: a segment in a single data shard. */
const HEADER_SIZE_MAX = headerSize(2 * LIMITS.vault.segmentSizeBytes);

/** An object whose blocks were all found. */
export interface FoundObject {
  readonly id: Uint8Array;
  readonly record: ObjectRecord;
  readonly blocks: ReadonlyMap<string, Uint8Array>;
  readonly segments: ReadonlySet<SegmentId>;
}

/** All shards of this vault in the stores that can be listed. */
export async function listShards({ seal, stores, log }: SearchParts): Promise<FoundShards> {
  const found: FoundShards = new Map();
  for (const store of stores) {
    try {
      for await (const { name, sizeBytes } of store.list()) {
        const place = parseShardName(seal, name);
        if (place === undefined) continue;
        noteFound(found, place, { store: store.name, sizeBytes });
      }
    } catch (thrown) {
      if (!(thrown instanceof TwinError)) throw thrown;
      log.warn({ store: store.name, code: thrown.code }, "a store could not be listed");
    }
  }
  return found;
}

/** The segments of `found` whose tables can be read, by id. A block may stand twice, once in what is left of a forgotten segment: the fuller one comes first. */
export async function readSegments(
  parts: SearchParts,
  found: FoundShards,
  pace: Pace,
): Promise<Map<SegmentId, Dispersed>> {
  const segments: Dispersed[] = [];
  for (const [id, shards] of found) {
    const segment = await readSegment(parts, { id, shards }, pace);
    if (segment !== undefined) segments.push(segment);
  }
  segments.sort((left, right) => left.record.absent.length - right.record.absent.length);
  return new Map(segments.map((segment) => [segment.record.id, segment]));
}

/** Where the blocks of `segments` are, and what `known` knows before that. */
export function mapBlocks(segments: ReadonlyMap<SegmentId, Dispersed>, known?: BlockMap): BlockMap {
  const places = new Map<string, BlockPlace>();
  for (const { record, blocks } of segments.values()) {
    for (const { id, ...block } of blocks) {
      places.getOrInsert(hexEncode(id), { ...block, segment: record.id, uses: 0 });
    }
  }
  return {
    block: (id) => known?.block(id) ?? places.get(hexEncode(id)),
    segment: (id) => known?.segment(id) ?? segments.get(id)?.record,
  };
}

/** The segment that `shards` are of, or undefined when its table cannot be read. */
async function readSegment(
  parts: SearchParts,
  { id, shards }: { readonly id: SegmentId; readonly shards: ReadonlyMap<number, readonly FoundCopy[]> },
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
  const blocks = (await orUndefined(readTable(parts, found))) ?? (await orUndefined(readTable(parts, found, pace)));
  return blocks && { record: found, blocks };
}

/** The blocks of a segment: with a pace leaf by verified leaf, else by its seal alone. Throws when it cannot be had. */
async function readTable(
  { segments, seal }: SearchParts,
  segment: SegmentRecord,
  pace?: Pace,
): Promise<SegmentBlock[] | undefined> {
  const range = { offset: segment.payloadSize - segment.tableSize, size: segment.tableSize };
  const table =
    pace === undefined
      ? await segments.readFast(segment, range, {})
      : await segments.readVerified(segment, range.offset, range.size, pace);
  return table && openTable(table, segment.id, seal.keys, seal.kernels);
}

/** The store whose copy of the shard holds, leaf by leaf; the first when none does. */
async function wholeCopy(
  { seal, stores }: SearchParts,
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
  { seal, stores }: SearchParts,
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
export async function findObject(
  parts: Pick<SearchParts, "seal" | "segments">,
  map: BlockMap,
  id: Uint8Array,
  pace: Pace,
): Promise<FoundObject | undefined> {
  const segments = new Set<SegmentId>();
  const blocks = new Map<string, Uint8Array>();
  const { seal, segments: reader } = parts;
  const manifests = createManifestCache(createBlockReader({ seal, index: map, segments: reader }));
  const note = (block: Uint8Array): boolean => {
    const place = map.block(block);
    if (place !== undefined) segments.add(place.segment);
    blocks.set(hexEncode(block), block);
    return place !== undefined;
  };
  const load = (block: Uint8Array): Promise<ManifestNode> => {
    note(block);
    return manifests.read(block, pace);
  };
  return orUndefined(
    (async () => {
      const root = await load(id);
      const sizeBytes = sizeBelow(root);
      for await (const part of walkManifest(root, { offset: 0, end: sizeBytes }, load)) {
        if (!note(part.id)) return undefined;
      }
      return { id, record: { sizeBytes, type: root.type, name: root.name }, blocks, segments };
    })(),
  );
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
