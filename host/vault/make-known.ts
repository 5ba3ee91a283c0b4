// How objects enter and leave the index: each change is one commit, so that a crash shows either all of
// an object or nothing of it. Blocks are counted by the objects that use them; the last one takes them along.

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { StateWrite } from "../state/state-store.ts";
import { discardShards } from "./dispersal.ts";
import type { SegmentBlock, SegmentId } from "./segment.ts";
import { type BlockPlace, type ObjectRecord, type SegmentRecord, indexWrites } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** A segment that stands in the stores, and what is in it. */
export interface Dispersed {
  readonly record: SegmentRecord;
  readonly blocks: readonly SegmentBlock[];
}

/** An object that is complete: in `segments`, or in those that the index knows. */
export interface NewObject {
  readonly id: Uint8Array;
  readonly record: ObjectRecord;
  /** Every block of it, its manifest included, by the hexadecimal id. */
  readonly blocks: ReadonlyMap<string, Uint8Array>;
  readonly segments: readonly Dispersed[];
  /** Whether a block needs no further copy: it stays where the index has it. */
  readonly isStanding: (id: Uint8Array) => boolean;
}

type IndexParts = Pick<VaultParts, "index" | "census" | "changes">;

/** What became of objects that were to be made known. */
export interface MadeKnown {
  /** For each object, in order: why it could not be, or undefined. */
  readonly failures: readonly (TwinError | undefined)[];
  /** Segments that nothing needs, or needs any more. */
  readonly spare: readonly SegmentRecord[];
}

/**
 * Makes objects known in one commit, with the segments that hold blocks of them that stand nowhere else.
 * An object fails with `TWIN_STORE_FAILED` when a block that it relies on has left the vault meanwhile.
 */
export function makeKnown(parts: IndexParts, objects: readonly NewObject[]): Promise<MadeKnown> {
  return parts.changes(async () => {
    const { index, census } = parts;
    const change = new IndexChange(parts);
    const added: AddedObjects = new Map();
    const failures = objects.map((object) => addObject(index, change, object, added));
    const dropped = await change.commit();
    for (const { record, isKnown } of added.values()) if (!isKnown) census.addObject(record);
    // Whoever adopts has some of them in the index already, for another object.
    const given = new Map(objects.flatMap(({ segments }) => segments.map(({ record }) => [record.id, record])));
    return {
      failures,
      spare: [...[...given.values()].filter(({ id }) => index.segment(id) === undefined), ...dropped],
    };
  });
}

/** Objects of one change, by the hexadecimal id, and whether the index had them before. */
type AddedObjects = Map<string, { readonly record: ObjectRecord; readonly isKnown: boolean }>;

/** Adds one object to the change, or answers why not. */
function addObject(
  index: VaultParts["index"],
  change: IndexChange,
  object: NewObject,
  added: AddedObjects,
): TwinError | undefined {
  const { id, record } = object;
  if (!change.addSegments(object)) return gone();
  const objectName = hexEncode(id);
  // The very same object may be put twice at once.
  if (added.has(objectName)) return undefined;
  // A known one has its root among the blocks, which were looked for already.
  const isKnown = change.knew(objectName) && index.object(id) !== undefined;
  added.set(objectName, { record, isKnown });
  // Of one that is known, all parts are: it is the same object.
  if (isKnown) return undefined;
  for (const [name, block] of object.blocks) change.use(name, block);
  change.writes.push(...indexWrites.newObject(id, record, [...object.blocks.values()]));
  if (index.forgotten(id) !== undefined) change.writes.push(indexWrites.forgotten(id, undefined));
  return undefined;
}

/**
 * Forgets the object, and deletes the segments that nothing needs any more. Answers whether it was known.
 * Its shards cannot bring it back: that it was forgotten is remembered.
 */
export async function forgetObject(
  parts: IndexParts & Pick<VaultParts, "dispersal" | "clock">,
  id: Uint8Array,
): Promise<boolean> {
  const dropped = await parts.changes(async () => {
    const record = parts.index.object(id);
    if (record === undefined) return undefined;
    const change = new IndexChange(parts);
    for (const block of parts.index.partsOf(id)) change.unuse(id, block);
    change.writes.push(indexWrites.noObject(id), indexWrites.forgotten(id, parts.clock.nowMs()));
    const segments = await change.commit();
    parts.census.removeObject(record);
    return segments;
  });
  // A crash before this leaves orphans, which the scrub sweeps.
  for (const record of dropped ?? []) await discardShards(parts.dispersal, record);
  return dropped !== undefined;
}

/**
 * Moves the blocks of `segments` that still stand in one of `from` into these, in one commit. Answers the old
 * segments that held nothing more, and the new ones that are not needed.
 */
export function moveBlocks(
  parts: IndexParts,
  segments: readonly Dispersed[],
  from: ReadonlySet<SegmentId>,
): Promise<{ readonly dropped: SegmentRecord[]; readonly spare: SegmentRecord[] }> {
  return parts.changes(async () => {
    const change = new IndexChange(parts);
    const spare: SegmentRecord[] = [];
    for (const { record, blocks } of segments) {
      // What was forgotten meanwhile is not brought back.
      const moved = blocks.filter(({ id }) => {
        const place = parts.index.block(id);
        return place !== undefined && from.has(place.segment);
      });
      if (moved.length === 0) spare.push(record);
      else change.addBlocks(record, moved);
    }
    for (const id of from) change.dropIfEmpty(id);
    return { dropped: await change.commit(), spare };
  });
}

/** Rows of one commit: block counts are changed here first, and written once. */
class IndexChange {
  readonly writes: StateWrite[] = [];
  readonly #parts: IndexParts;
  readonly #blocks = new Map<string, { readonly block: SegmentBlock; segment: SegmentId; uses: number }>();
  readonly #added = new Map<SegmentId, SegmentRecord>();
  /** What the index said, once for each block: nobody else changes it meanwhile. */
  readonly #places = new Map<string, BlockPlace | undefined>();
  /** Blocks that come to stand in a segment, by segment. */
  readonly #arriving = new Map<SegmentId, Uint8Array[]>();
  /** Blocks that leave a segment, by segment. */
  readonly #leaving = new Map<SegmentId, Set<string>>();

  constructor(parts: IndexParts) {
    this.#parts = parts;
  }

  addBlocks(record: SegmentRecord, blocks: readonly SegmentBlock[]): void {
    if (!this.#added.has(record.id) && this.#parts.index.segment(record.id) === undefined) {
      this.#added.set(record.id, record);
    }
    for (const block of blocks) {
      const name = hexEncode(block.id);
      const known = this.#place(name, block.id);
      if (known !== undefined) this.#leave(known.segment, name);
      this.#arriving.getOrInsertComputed(record.id, () => []).push(block.id);
      this.#blocks.set(name, { block, segment: record.id, uses: known?.uses ?? 0 });
    }
  }

  /** Adds the segments that hold blocks of the object that stand nowhere else. False, and nothing is added, when some block is nowhere. */
  addSegments({ segments, blocks, isStanding }: NewObject): boolean {
    const isNeeded = (name: string, id: Uint8Array): boolean =>
      blocks.has(name) && !this.#blocks.has(name) && (this.#place(name, id) === undefined || !isStanding(id));
    const needed = segments.map((segment) => ({
      record: segment.record,
      blocks: segment.blocks.filter(({ id }) => isNeeded(hexEncode(id), id)),
    }));
    const own = new Set(needed.flatMap((segment) => segment.blocks.map(({ id }) => hexEncode(id))));
    for (const [name, id] of blocks) if (!own.has(name) && this.#entry(name, id) === undefined) return false;
    for (const segment of needed) if (segment.blocks.length > 0) this.addBlocks(segment.record, segment.blocks);
    return true;
  }

  /** Whether the index has had a block that this change has looked for. */
  knew(name: string): boolean {
    return this.#places.get(name) !== undefined;
  }

  /** Counts one more user of the block, which is known. */
  use(name: string, id: Uint8Array): void {
    this.#entry(name, id)!.uses++;
  }

  unuse(object: Uint8Array, id: Uint8Array): void {
    const name = hexEncode(id);
    this.writes.push(indexWrites.part(object, id, false));
    const entry = this.#entry(name, id);
    if (entry === undefined) return;
    entry.uses--;
    if (entry.uses <= 0) this.#leave(entry.segment, name);
  }

  /** Drops the segment with this commit if no block is left in it, also when none leaves it now. */
  dropIfEmpty(segment: SegmentId): void {
    this.#leaving.getOrInsertComputed(segment, () => new Set());
  }

  /** Commits everything; answers the segments that held nothing any more, and are gone from the index. */
  async commit(): Promise<SegmentRecord[]> {
    const { index, census } = this.#parts;
    for (const { block, segment, uses } of this.#blocks.values()) {
      this.writes.push(uses > 0 ? indexWrites.block(segment, block, uses) : indexWrites.noBlock(block.id));
    }
    for (const [segment, blocks] of this.#arriving) this.writes.push(...indexWrites.content(segment, blocks));
    const dropped: SegmentRecord[] = [];
    for (const [segment, names] of this.#leaving) {
      const record = index.segment(segment);
      if (record === undefined || !this.#isEmptyWithout(segment, names)) continue;
      dropped.push(record);
      this.writes.push(indexWrites.noSegment(segment), ...index.withoutContent(segment));
    }
    for (const record of this.#added.values()) this.writes.push(indexWrites.segment(record));
    await index.commit(this.writes);
    for (const record of dropped) census.remove(record);
    for (const record of this.#added.values()) census.add(record);
    return dropped;
  }

  #isEmptyWithout(segment: SegmentId, names: ReadonlySet<string>): boolean {
    for (const id of this.#parts.index.contentOf(segment)) if (!names.has(hexEncode(id))) return false;
    return true;
  }

  #entry(name: string, id: Uint8Array) {
    const changed = this.#blocks.get(name);
    if (changed !== undefined) return changed;
    const place = this.#place(name, id);
    if (place === undefined) return undefined;
    const { segment, uses, ...block } = place;
    const entry = { block: { id, ...block }, segment, uses };
    this.#blocks.set(name, entry);
    return entry;
  }

  #place(name: string, id: Uint8Array): BlockPlace | undefined {
    if (!this.#places.has(name)) this.#places.set(name, this.#parts.index.block(id));
    return this.#places.get(name);
  }

  #leave(segment: SegmentId, name: string): void {
    this.#leaving.getOrInsertComputed(segment, () => new Set()).add(name);
  }
}

function gone(): TwinError {
  return new TwinError("TWIN_STORE_FAILED", "A part of this object was forgotten while it was stored: put it again.");
}
