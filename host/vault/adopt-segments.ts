// Makes sense of shards that the index does not know, by the tables that stand in the segments themselves:
// every object whose blocks are all there becomes known again. With the key, the shards are the index.

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createBlockReader } from "./block-reader.ts";
import { decodeManifest } from "./manifest.ts";
import { walkManifest } from "./manifest-tree.ts";
import { type Pace, createPace } from "./pace.ts";
import { type SegmentBlock, type SegmentId, openTable, shardCountOf } from "./segment.ts";
import { type ShardHeader, decodeHeader, headerSize, parseShardName, shardName } from "./shard.ts";
import { sizeOf } from "./manifest.ts";
import { type BlockPlace, type ObjectRecord, type SegmentRecord, type VaultIndex, indexWrites } from "./vault-index.ts";
import { type VaultParts, storeNamed } from "./vault-parts.ts";

/** Segment -> shard index -> name of a store that lists it. */
export type FoundShards = Map<SegmentId, Map<number, string>>;

/** What adopting needs of an open vault. */
export type AdoptParts = Pick<
  VaultParts,
  "seal" | "stores" | "index" | "census" | "segments" | "changes" | "clock" | "log"
>;

/** No header is larger: a segment in a single data shard. */
const HEADER_SIZE_MAX = headerSize(2 * LIMITS.vault.segmentSizeBytes);

/** A segment as its shards tell, not yet in the index. */
interface Staged {
  readonly record: SegmentRecord;
  readonly blocks: readonly SegmentBlock[];
}

/** An object whose blocks were all found. */
interface FoundObject {
  readonly id: Uint8Array;
  readonly record: ObjectRecord;
  readonly segments: ReadonlySet<SegmentId>;
}

/** Fills an empty index from what the stores hold. Answers how many objects came back. */
export async function rebuildIndex(parts: AdoptParts): Promise<number> {
  const found: FoundShards = new Map();
  for (const store of parts.stores) {
    try {
      for await (const { name } of store.list()) {
        const place = parseShardName(parts.seal, name);
        if (place === undefined) continue;
        found.getOrInsertComputed(place.segment, () => new Map()).getOrInsert(place.index, store.name);
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
  const staged = new Map<SegmentId, Staged>();
  for (const [id, shards] of found) {
    const segment = await stage(parts, id, shards, pace);
    if (segment !== undefined) staged.set(id, segment);
  }
  const overlay = overlayOf(parts.index, staged);
  const objects: FoundObject[] = [];
  for (const { blocks } of staged.values()) {
    for (const { id, kind } of blocks) {
      if (kind !== "root" || parts.index.object(id) !== undefined) continue;
      const object = await findObject(parts, overlay, id, pace);
      if (object !== undefined) objects.push(object);
    }
  }
  const needed = new Set(objects.flatMap(({ segments }) => [...segments]));
  for (const { record, blocks } of staged.values()) {
    if (needed.has(record.id)) await adopt(parts, record, blocks);
  }
  await parts.index.commit(objects.map(({ id, record }) => indexWrites.object(id, record)));
  for (const { record } of objects) parts.census.addObject(record.sizeBytes);
  parts.log.info({ segments: needed.size, objects: objects.length }, "adopted from the stores");
  return objects.length;
}

/** The segment that `shards` are of, or undefined when its table cannot be read. */
async function stage(
  parts: AdoptParts,
  id: SegmentId,
  shards: ReadonlyMap<number, string>,
  pace: Pace,
): Promise<Staged | undefined> {
  const header = await findHeader(parts, id, shards);
  if (header === undefined) return undefined;
  const { shape } = header;
  const indexes = [...Array(shardCountOf(shape)).keys()];
  const record = {
    ...shape,
    stores: indexes.map((index) => shards.get(index) ?? ""),
    absent: indexes.filter((index) => !shards.has(index)),
  };
  const tableOffset = shape.payloadSize - shape.tableSize;
  const table = await orUndefined(parts.segments.readVerified(record, tableOffset, shape.tableSize, pace));
  return table && { record, blocks: openTable(table, id, parts.seal.keys, parts.seal.kernels) };
}

async function findHeader(
  { seal, stores }: AdoptParts,
  id: SegmentId,
  shards: ReadonlyMap<number, string>,
): Promise<ShardHeader | undefined> {
  for (const [index, name] of shards) {
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
  const blocks = createBlockReader(parts.seal, overlay, parts.segments);
  const load = (block: Uint8Array): Promise<Uint8Array> => {
    const place = overlay.block(block);
    if (place !== undefined) segments.add(place.segment);
    return blocks.readWhole(block, pace);
  };
  return orUndefined(
    (async () => {
      const root = decodeManifest(await load(id));
      const sizeBytes = sizeOf(root.entries);
      for await (const part of walkManifest(root, { offset: 0, end: sizeBytes }, load)) {
        const place = overlay.block(part.id);
        if (place === undefined) return undefined;
        segments.add(place.segment);
      }
      return { id, record: { sizeBytes, type: root.type, name: root.name }, segments };
    })(),
  );
}

function adopt(parts: AdoptParts, record: SegmentRecord, blocks: readonly SegmentBlock[]): Promise<void> {
  return parts.changes(async () => {
    if (parts.index.segment(record.id) !== undefined) return;
    const fresh = blocks.filter(({ id }) => parts.index.block(id) === undefined);
    await parts.index.commit([
      indexWrites.segment(record),
      ...fresh.map((block) => indexWrites.block(record.id, block)),
    ]);
    parts.census.add(record);
  });
}

/** The index as it would be with the staged segments in it. */
function overlayOf(index: VaultIndex, staged: ReadonlyMap<SegmentId, Staged>): Pick<VaultIndex, "block" | "segment"> {
  const places = new Map<string, BlockPlace>();
  for (const { record, blocks } of staged.values()) {
    for (const { id, offset, sizeBytes } of blocks) {
      places.getOrInsert(hexEncode(id), { segment: record.id, offset, sizeBytes });
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
