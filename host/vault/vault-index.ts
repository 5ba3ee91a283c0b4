// What the vault knows of its blocks, segments and objects, over a StateStore. Everything here can be
// rebuilt from the shards by who holds the key (adopt-segments.ts). Rows: docs/formats/vault.md.

import { concatBytes, equalBytes, hexEncode, jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { ScrubReport } from "./object.ts";
import { type BalanceRows, isBalanced } from "./index-balance.ts";
import type { Pace } from "./pace.ts";
import { createRecordCache } from "./record-cache.ts";
import {
  areCompressedSizes,
  BLOCK_KINDS,
  type BlockKind,
  type BlockSizes,
  COMPRESSED,
  isCompressed,
  KIND_NAMES,
  SEGMENT_ID_SIZE,
  type SegmentBlock,
  type SegmentId,
  type SegmentShape,
} from "./segment.ts";

/** What the rows mean, which hosts of version 1 would misread: they would take a segment for empty that is not. */
export const INDEX_VERSION = 2;

const TABLES = {
  block: "$vault.block",
  segment: "$vault.segment",
  object: "$vault.object",
  part: "$vault.part",
  content: "$vault.content",
  forgotten: "$vault.forgotten",
  orphan: "$vault.orphan",
  report: "$vault.report",
} as const;
/** Tables of which no row says anything of a row of another one. */
const ALONE = [TABLES.forgotten, TABLES.orphan, TABLES.report] as const;
const BLOCK_ROW_SIZE = SEGMENT_ID_SIZE + 13;
/** Behind the row of a compressed block: its stored size. */
const STORED_SIZE = 4;
const KIND_AT = SEGMENT_ID_SIZE + 8;
const USES_AT = SEGMENT_ID_SIZE + 9;
const BLOCK_ID_SIZE = 32;
/** A row whose key says everything. */
const PRESENT = Uint8Array.of(1);
/** Begins a row of content with further ids behind the one of its key. */
const FURTHER = 2;
/** Blocks of one row of content. What SQLite cannot lay into a quarter of a page is read in full by each search that passes it. */
const CONTENT_COUNT = 24;
/** Parts that stand in the object's own row: most objects have one chunk, which saves two rows of seven. */
const OWN_PARTS_MAX = 4;
const REPORT_KEY = utf8Encode("scrub");
const FIRST_KEY = Uint8Array.of(0);

/** Where a block stands. */
export interface BlockPlace extends BlockSizes {
  readonly segment: SegmentId;
  readonly offset: number;
  readonly kind: BlockKind;
  /** Objects that it is a part of. */
  readonly uses: number;
}

/** A segment and where its shards are. */
export interface SegmentRecord extends SegmentShape {
  /** Name of the store of each shard, by index. */
  readonly stores: readonly string[];
  /** Indexes of the shards that were missing or corrupt when last looked at, ascending. */
  readonly absent: readonly number[];
  /** Made sense of from the stores' lists: nothing is stored by reference to it before a scrub has read all of it. */
  readonly adopted?: true | undefined;
}

/** What was said of an object when it was put. */
export interface ObjectRecord {
  readonly sizeBytes: number;
  readonly type: string;
  readonly name: string;
}

/** The row of an object. */
interface ObjectRow extends ObjectRecord {
  /** The ids of all its parts in hexadecimal, if they are few; else they have rows of their own. */
  readonly parts?: string | undefined;
}

/** The vault's tables. Reads are synchronous; writes are built here and committed together. */
export interface VaultIndex {
  block(id: Uint8Array): BlockPlace | undefined;
  segment(id: SegmentId): SegmentRecord | undefined;
  object(id: Uint8Array): ObjectRecord | undefined;
  segments(): Iterable<SegmentRecord>;
  /** Blocks that the object uses, its manifest included. */
  partsOf(object: Uint8Array): Iterable<Uint8Array>;
  hasPart(object: Uint8Array, block: Uint8Array): boolean;
  /** Blocks that stand in this segment and not, as a newer copy, in another. Each costs a look. */
  contentOf(segment: SegmentId): Iterable<Uint8Array>;
  /** The writes that take everything that names blocks of the segment out of the index. */
  withoutContent(segment: SegmentId): Iterable<StateWrite>;
  /** When the object was forgotten, in ms since 1970. */
  forgotten(object: Uint8Array): number | undefined;
  forgottens(): Iterable<{ readonly id: Uint8Array; readonly atMs: number }>;
  objects(): Iterable<{ readonly id: Uint8Array; readonly record: ObjectRecord }>;
  /** When the shard was first seen without a segment. */
  orphan(store: string, name: string): number | undefined;
  orphans(): Iterable<{ readonly store: string; readonly name: string }>;
  report(): ScrubReport | undefined;
  /** Reads every row. Throws `TWIN_STATE_BROKEN` when one is damaged, or when they do not fit together, as also happens when they change meanwhile. */
  check(pace: Pace): Promise<void>;
  commit(writes: readonly StateWrite[]): Promise<void>;
}

/** The rows as writes: one for each kind of change. */
export const indexWrites = {
  block: (segment: SegmentId, block: SegmentBlock, uses: number): StateWrite => {
    const isSmaller = isCompressed(block);
    const value = new Uint8Array(isSmaller ? BLOCK_ROW_SIZE + STORED_SIZE : BLOCK_ROW_SIZE);
    value.set(Uint8Array.fromHex(segment));
    const view = new DataView(value.buffer);
    view.setUint32(SEGMENT_ID_SIZE, block.offset, true);
    view.setUint32(SEGMENT_ID_SIZE + 4, block.sizeBytes, true);
    value[KIND_AT] = BLOCK_KINDS[block.kind] | (isSmaller ? COMPRESSED : 0);
    view.setUint32(USES_AT, uses, true);
    if (isSmaller) view.setUint32(BLOCK_ROW_SIZE, block.storedBytes, true);
    return { namespace: TABLES.block, key: block.id, value };
  },
  noBlock: (id: Uint8Array): StateWrite => ({ namespace: TABLES.block, key: id, value: undefined }),
  segment: (record: SegmentRecord): StateWrite => row(TABLES.segment, Uint8Array.fromHex(record.id), record),
  noSegment: (id: SegmentId): StateWrite => row(TABLES.segment, Uint8Array.fromHex(id), undefined),
  /** A new object and all its parts. */
  *newObject(id: Uint8Array, { sizeBytes, type, name }: ObjectRecord, parts: readonly Uint8Array[]) {
    const isOwn = parts.length <= OWN_PARTS_MAX;
    const own = isOwn ? { parts: parts.map(hexEncode).join("") } : {};
    yield row(TABLES.object, id, { sizeBytes, type, name, ...own } satisfies ObjectRow);
    if (!isOwn) for (const block of parts) yield indexWrites.part(id, block, true);
  },
  noObject: (id: Uint8Array): StateWrite => row(TABLES.object, id, undefined),
  part: (object: Uint8Array, block: Uint8Array, present: boolean): StateWrite => ({
    namespace: TABLES.part,
    key: concatBytes(object, block),
    value: present ? PRESENT : undefined,
  }),
  /** Blocks that came to stand in the segment. That they do no more, their own rows say. */
  *content(segment: SegmentId, blocks: readonly Uint8Array[]) {
    for (let at = 0; at < blocks.length; at += CONTENT_COUNT) {
      const [first, ...further] = blocks.slice(at, at + CONTENT_COUNT);
      const key = concatBytes(Uint8Array.fromHex(segment), first!);
      const value = further.length === 0 ? PRESENT : concatBytes(Uint8Array.of(FURTHER), ...further);
      yield { namespace: TABLES.content, key, value };
    }
  },
  forgotten: (object: Uint8Array, atMs: number | undefined): StateWrite => row(TABLES.forgotten, object, atMs),
  orphan: (store: string, name: string, sinceMs: number | undefined): StateWrite =>
    row(TABLES.orphan, orphanKey(store, name), sinceMs),
  report: (report: ScrubReport): StateWrite => row(TABLES.report, REPORT_KEY, report),
} as const;

/** The index in `state`, which stays the caller's. */
export function createVaultIndex(state: StateStore): VaultIndex {
  const json = (namespace: string, key: Uint8Array): unknown => {
    const value = state.get({ namespace, key });
    return value === undefined ? undefined : jsonDecode(value);
  };
  const segments = createRecordCache((id) => json(TABLES.segment, Uint8Array.fromHex(id)) as SegmentRecord | undefined);
  const objects = createRecordCache((id) => {
    const value = state.get({ namespace: TABLES.object, key: Uint8Array.fromHex(id) });
    return value === undefined ? undefined : decodeObjectRow(value);
  });
  const blockOf = (id: Uint8Array): BlockPlace | undefined => {
    const value = state.get({ namespace: TABLES.block, key: id });
    return value === undefined ? undefined : decodeBlockRow(value);
  };
  return {
    block: blockOf,
    segment: (id) => segments.get(id),
    object: (id) => objects.get(hexEncode(id))?.record,
    *segments() {
      for (const { value } of rows(state, TABLES.segment)) yield jsonDecode(value) as SegmentRecord;
    },
    *partsOf(object) {
      const own = objects.get(hexEncode(object))?.parts;
      if (own !== undefined) yield* own;
      else for (const { key } of rows(state, TABLES.part, object)) yield key.subarray(BLOCK_ID_SIZE);
    },
    hasPart(object, block) {
      const own = objects.get(hexEncode(object))?.parts;
      if (own !== undefined) return own.some((part) => equalBytes(part, block));
      return state.get({ namespace: TABLES.part, key: concatBytes(object, block) }) !== undefined;
    },
    *contentOf(segment) {
      for (const { blocks } of contents(state, blockOf, Uint8Array.fromHex(segment))) yield* blocks;
    },
    *withoutContent(segment) {
      for (const { key } of rows(state, TABLES.content, Uint8Array.fromHex(segment))) {
        yield { namespace: TABLES.content, key, value: undefined };
      }
    },
    forgotten: (object) => json(TABLES.forgotten, object) as number | undefined,
    *forgottens() {
      for (const { key, value } of rows(state, TABLES.forgotten)) yield { id: key, atMs: jsonDecode(value) as number };
    },
    *objects() {
      for (const { key, value } of rows(state, TABLES.object)) yield { id: key, record: decodeObjectRow(value).record };
    },
    orphan: (store, name) => json(TABLES.orphan, orphanKey(store, name)) as number | undefined,
    *orphans() {
      for (const { key } of rows(state, TABLES.orphan)) {
        const [store = "", name = ""] = utf8Decode(key).split("\0");
        yield { store, name };
      }
    },
    async check(pace) {
      // The rows of all other tables are read to see whether they fit together.
      for (const namespace of ALONE) for (const _ of rows(state, namespace)) await pace();
      if (!(await isBalanced(balanceRows(state, blockOf), pace))) throw unbalanced();
    },
    report: () => json(TABLES.report, REPORT_KEY) as ScrubReport | undefined,
    commit: (writes) => segments.during(() => objects.during(() => state.commit(writes))),
  };
}

function decodeObjectRow(value: Uint8Array): {
  readonly record: ObjectRecord;
  /** Absent: they have rows of their own. */
  readonly parts: readonly Uint8Array[] | undefined;
} {
  const { parts, ...record } = jsonDecode(value) as ObjectRow;
  return { record, parts: parts === undefined ? undefined : idsIn(Uint8Array.fromHex(parts)) };
}

/** The ids that stand one behind the other in `bytes`. */
function idsIn(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / BLOCK_ID_SIZE }, (_, at) =>
    bytes.subarray(at * BLOCK_ID_SIZE, (at + 1) * BLOCK_ID_SIZE),
  );
}

/** Each row of content (of a segment whose id is `prefix`), with those of its blocks that still stand there: each of them once. */
function* contents(
  state: StateStore,
  blockOf: (id: Uint8Array) => BlockPlace | undefined,
  prefix?: Uint8Array,
): Iterable<{ readonly segment: Uint8Array; readonly blocks: readonly Uint8Array[] }> {
  let last: SegmentId | undefined;
  /** A block may have left the segment and come back. */
  const seen = new Set<string>();
  for (const { key, value } of rows(state, TABLES.content, prefix)) {
    const segment = key.subarray(0, SEGMENT_ID_SIZE);
    const name = hexEncode(segment);
    if (name !== last) seen.clear();
    last = name;
    const further = value[0] === FURTHER ? idsIn(value.subarray(1)) : [];
    const blocks = [key.subarray(SEGMENT_ID_SIZE), ...further].filter((id) => {
      const block = hexEncode(id);
      if (seen.has(block) || blockOf(id)?.segment !== name) return false;
      seen.add(block);
      return true;
    });
    yield { segment, blocks };
  }
}

function balanceRows(state: StateStore, blockOf: (id: Uint8Array) => BlockPlace | undefined): BalanceRows {
  const has = (namespace: string, key: Uint8Array): boolean => state.get({ namespace, key }) !== undefined;
  return {
    *objects() {
      for (const { key, value } of rows(state, TABLES.object)) {
        yield { id: key, parts: decodeObjectRow(value).parts };
      }
    },
    *parts() {
      for (const { key } of rows(state, TABLES.part)) {
        yield { object: key.subarray(0, BLOCK_ID_SIZE), block: key.subarray(BLOCK_ID_SIZE) };
      }
    },
    *blocks() {
      for (const { key, value } of rows(state, TABLES.block)) yield { id: key, place: decodeBlockRow(value) };
    },
    segments: () => rows(state, TABLES.segment),
    contents: () => contents(state, blockOf),
    hasObject: (id) => has(TABLES.object, id),
    hasSegment: (id) => has(TABLES.segment, id),
    hasPart: (object, block) => has(TABLES.part, concatBytes(object, block)),
  };
}

function decodeBlockRow(value: Uint8Array): BlockPlace {
  const isSmaller = ((value[KIND_AT] ?? 0) & COMPRESSED) !== 0;
  if (value.length !== (isSmaller ? BLOCK_ROW_SIZE + STORED_SIZE : BLOCK_ROW_SIZE)) throw broken("block");
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const sizeBytes = view.getUint32(SEGMENT_ID_SIZE + 4, true);
  const storedBytes = isSmaller ? view.getUint32(BLOCK_ROW_SIZE, true) : sizeBytes;
  if (isSmaller && !areCompressedSizes({ sizeBytes, storedBytes })) throw broken("block");
  return {
    segment: hexEncode(value.subarray(0, SEGMENT_ID_SIZE)),
    offset: view.getUint32(SEGMENT_ID_SIZE, true),
    sizeBytes,
    storedBytes,
    kind: KIND_NAMES[value[KIND_AT]! & ~COMPRESSED] ?? "data",
    uses: view.getUint32(USES_AT, true),
  };
}

/** All rows of a table (whose key begins with `prefix`) in key order, page by page: rows that are written meanwhile may or may not be met. */
function* rows(
  state: StateStore,
  namespace: string,
  prefix?: Uint8Array,
): Iterable<{ key: Uint8Array; value: Uint8Array }> {
  let start = prefix ?? FIRST_KEY;
  const end = prefix && behind(prefix);
  for (;;) {
    const page = state.scan({ namespace, start, end, limit: LIMITS.state.scanCount });
    for (const row of page) {
      // Its seal has held; a row is never empty.
      if (row.value.length === 0) throw broken(namespace);
      yield row;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < LIMITS.state.scanCount) return;
    start = concatBytes(last.key, FIRST_KEY);
  }
}

/** The first key behind all that begin with `prefix`, which is random: never all ones. */
function behind(prefix: Uint8Array): Uint8Array | undefined {
  const end = prefix.slice();
  for (let at = end.length - 1; at >= 0; at--) {
    if (end[at] === 0xff) continue;
    end[at]!++;
    return end.subarray(0, at + 1);
  }
  return undefined;
}

function row(namespace: string, key: Uint8Array, value: unknown): StateWrite {
  return { namespace, key, value: value === undefined ? undefined : jsonEncode(value) };
}

function orphanKey(store: string, name: string): Uint8Array {
  return utf8Encode(`${store}\0${name}`);
}

function broken(table: string): TwinError {
  return new TwinError(
    "TWIN_STATE_BROKEN",
    `The vault's index has a ${table} row that is not one: stop the host, then run twin vault reindex.`,
  );
}

function unbalanced(): TwinError {
  return new TwinError(
    "TWIN_STATE_BROKEN",
    "The vault's index has rows that do not fit together: some were taken away or put back. Stop the host, then run twin vault reindex.",
  );
}
