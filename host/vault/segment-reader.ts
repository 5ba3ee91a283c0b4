// Reads a segment's payload: straight from its data shards when these are healthy, else leaf by verified
// leaf, rebuilt from any k shards.

import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { type Alarms, createAlarms } from "./alarms.ts";
import { type Pace, createPace } from "./pace.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { reconstructPaced } from "./reconstruct-paced.ts";
import type { RebuiltSegments } from "./rebuilt-segments.ts";
import { type SegmentShape, shardCountOf } from "./segment.ts";
import type { ShardSeal } from "./shard.ts";
import type { LeafRun, ShardPiece, ShardReader } from "./shard-reader.ts";
import type { SegmentRecord } from "./vault-index.ts";

const LEAF_SIZE = LIMITS.vault.leafSizeBytes;
/** Symbols of the erasure code stand in stripes of so many bytes (docs/formats/erasure-code.md): shards fit together stripe by stripe. */
export const CODE_STRIPE_SIZE = 128;
/** No index of a shard: none is left out. */
const NO_SHARD = -1;
/** Leaves of one shard that are fetched and rebuilt together: 1 MiB. */
const RUN_LENGTH = 16;

/** Reads of any segment. */
export interface SegmentReader {
  /**
   * The payload bytes [offset, offset + size), unverified: the seal of what stands there is the judge.
   * What a shard that is known to be bad should hold is computed from k others, unverified too.
   * Undefined when a store does not give what it should. The bytes are the caller's to change.
   */
  readFast(
    segment: SegmentRecord,
    range: { readonly offset: number; readonly size: number },
    how: FastRead,
  ): Promise<Uint8Array | undefined>;
  /** The same bytes, each leaf verified or rebuilt. Throws `TWIN_OBJECT_LOST` when fewer than k shards have a leaf. */
  readVerified(segment: SegmentRecord, offset: number, size: number, pace: Pace): Promise<Uint8Array>;
}

/** A read that relies on the seal. */
interface FastRead {
  /** A segment that wants computing is computed here, as a whole. */
  readonly rebuilt?: RebuiltSegments | undefined;
  /** Lends what is read into, the answer's buffer too; absent: the answer is the caller's for good. */
  readonly buffers?: ReadBuffers | undefined;
}

/** The verified leaves of one offset, by shard. */
type Column = Map<number, Uint8Array>;

/** A reader over `shards`; `clock` says when a store is late. */
export function createSegmentReader(seal: ShardSeal, shards: ShardReader, clock: Clock): SegmentReader {
  const lateness = createAlarms(clock);
  return {
    async readFast(segment, { offset, size }, { rebuilt, buffers }) {
      const parts = { seal, shards, clock, lateness, buffers };
      const pieces = piecesOf(segment, offset, size);
      if (pieces.every(({ index }) => shards.isTrusted(segment, index))) {
        const found = await Promise.all(pieces.map((piece) => fetchHedged(parts, segment, piece)));
        if (found.every((bytes, at) => bytes?.length === pieces[at]!.sizeBytes)) {
          return joined(found as Uint8Array[], buffers);
        }
        giveAll(buffers, found);
      }
      if (rebuilt !== undefined) {
        const rebuild = (own: ReadBuffers): Promise<Uint8Array[] | undefined> =>
          rebuildData({ ...parts, buffers: own }, segment);
        return rebuilt.use(segment.id, rebuild, (whole) => cutPieces(whole, pieces));
      }
      const made = await Promise.all(pieces.map((piece) => fetchOrRebuild(parts, segment, piece)));
      if (!made.includes(undefined)) return joined(made as Uint8Array[], buffers);
      giveAll(buffers, made);
      return undefined;
    },
    async readVerified(segment, offset, size, pace) {
      const found: Uint8Array[] = [];
      for (const piece of piecesOf(segment, offset, size)) {
        const end = Math.ceil((piece.offset + piece.sizeBytes) / LEAF_SIZE);
        for (let first = Math.floor(piece.offset / LEAF_SIZE); first < end; first += RUN_LENGTH) {
          const run = { index: piece.index, first, count: Math.min(RUN_LENGTH, end - first) };
          const leaves = await readRun({ seal, shards, pace }, segment, run);
          const start = Math.max(0, piece.offset - first * LEAF_SIZE);
          found.push(leaves.subarray(start, piece.offset + piece.sizeBytes - first * LEAF_SIZE));
        }
      }
      return concatBytes(...found);
    },
  };
}

interface ReaderParts {
  readonly seal: ShardSeal;
  readonly shards: ShardReader;
  readonly clock: Clock;
  /** Ring when a store is late. */
  readonly lateness: Alarms;
  /** Lends what is read and made. */
  readonly buffers?: ReadBuffers | undefined;
}

/** A piece from its own store, or, when that is late, from the others if they are sooner. Unverified. */
function fetchHedged(parts: ReaderParts, segment: SegmentRecord, piece: ShardPiece): Promise<Uint8Array | undefined> {
  const { shards, lateness, buffers } = parts;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
  let isSettled = false;
  /** Whether these come first. */
  const settle = (bytes: Uint8Array | undefined): boolean => {
    const isFirst = !isSettled;
    isSettled = true;
    if (isFirst) resolve(bytes);
    else giveAll(buffers, [bytes]);
    return isFirst;
  };
  const askOthers = async (): Promise<void> => {
    const bytes = await rebuildPiece(parts, segment, piece).catch(() => undefined);
    if (bytes !== undefined && settle(bytes)) shards.noteSlow(segment, piece.index);
  };
  const inTime = lateness.set(LIMITS.vault.hedgeDelayMs, () => void askOthers());
  shards.fetchPiece(segment, piece, buffers).then(settle, reject).finally(inTime);
  return promise;
}

/** A piece from k other trusted shards, unverified; undefined when they do not give it. */
async function rebuildPiece(
  parts: ReaderParts,
  segment: SegmentRecord,
  piece: ShardPiece,
): Promise<Uint8Array | undefined> {
  // The code works on whole stripes; a shard's size is a multiple of them.
  const offset = Math.floor(piece.offset / CODE_STRIPE_SIZE) * CODE_STRIPE_SIZE;
  const end = Math.ceil((piece.offset + piece.sizeBytes) / CODE_STRIPE_SIZE) * CODE_STRIPE_SIZE;
  const column = await gatherColumn(parts, segment, { ...piece, offset, sizeBytes: end - offset });
  if (column === undefined) return undefined;
  const { whole, lost } = withRoom(column, end - offset, parts.buffers);
  parts.seal.kernels.createErasureCode(segment.dataShards, segment.parityShards).reconstructInto(whole, lost);
  giveAll(parts.buffers, whole.toSpliced(piece.index, 1));
  return whole[piece.index]!.subarray(piece.offset - offset, piece.offset - offset + piece.sizeBytes);
}

/** All data shards of a segment, those that are not trusted from others, unverified; undefined when too few answer. */
async function rebuildData(parts: ReaderParts, segment: SegmentRecord): Promise<Uint8Array[] | undefined> {
  const pace = createPace(parts.clock);
  const { dataShards, shardSize } = segment;
  const column = await gatherColumn(parts, segment, { index: NO_SHARD, offset: 0, sizeBytes: shardSize });
  if (column === undefined) return undefined;
  const { whole, lost } = withRoom(column, shardSize, parts.buffers);
  if (lost.some((index) => index < dataShards)) {
    await reconstructPaced(parts.seal.kernels, { shape: segment, areas: whole, lost }, pace);
  }
  giveAll(parts.buffers, whole.slice(dataShards));
  return whole.slice(0, dataShards);
}

/** The column with room for what is lost in it. */
function withRoom(
  column: readonly (Uint8Array | undefined)[],
  sizeBytes: number,
  buffers: ReadBuffers | undefined,
): { readonly whole: Uint8Array[]; readonly lost: number[] } {
  const room = (): Uint8Array => buffers?.take(sizeBytes) ?? new Uint8Array(sizeBytes);
  return {
    whole: column.map((shard) => shard ?? room()),
    lost: [...column.keys()].filter((index) => column[index] === undefined),
  };
}

/** A piece from its own store if that is trusted and gives it, else from the others. Unverified. */
async function fetchOrRebuild(
  parts: ReaderParts,
  segment: SegmentRecord,
  piece: ShardPiece,
): Promise<Uint8Array | undefined> {
  const isTrusted = parts.shards.isTrusted(segment, piece.index);
  const own = isTrusted ? await fetchHedged(parts, segment, piece) : undefined;
  return own?.length === piece.sizeBytes ? own : rebuildPiece(parts, segment, piece);
}

function joined(pieces: readonly Uint8Array[], buffers: ReadBuffers | undefined): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = concatBytes(...pieces);
  giveAll(buffers, pieces);
  return whole;
}

/** Nobody looks at these any more. */
function giveAll(buffers: ReadBuffers | undefined, pieces: readonly (Uint8Array | undefined)[]): void {
  for (const piece of pieces) if (piece !== undefined) buffers?.give(piece);
}

/** The pieces, one behind the other, in a fresh buffer. */
function cutPieces(shards: readonly Uint8Array[], pieces: readonly ShardPiece[]): Uint8Array {
  return concatBytes(
    ...pieces.map(({ index, offset, sizeBytes }) => shards[index]!.subarray(offset, offset + sizeBytes)),
  );
}

/** The same bytes of k other trusted shards, by index. When some of them fail or are late, the rest are asked too. */
async function gatherColumn(
  { shards, lateness, buffers }: ReaderParts,
  segment: SegmentRecord,
  piece: ShardPiece,
): Promise<(Uint8Array | undefined)[] | undefined> {
  const sources = [...segment.stores.keys()].filter(
    (index) => index !== piece.index && shards.isTrusted(segment, index),
  );
  const column: (Uint8Array | undefined)[] = Array.from({ length: shardCountOf(segment) });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let missing = segment.dataShards;
  let asked = 0;
  const take = async (index: number): Promise<void> => {
    asked++;
    const bytes = await shards.fetchPiece(segment, { ...piece, index }, buffers);
    asked--;
    if (missing > 0 && bytes?.length === piece.sizeBytes) {
      column[index] = bytes;
      missing--;
    } else {
      giveAll(buffers, [bytes]);
      ask(1);
    }
    if (missing === 0 || asked === 0) resolve(missing === 0);
  };
  const ask = (count: number): void => {
    for (const index of sources.splice(0, count)) void take(index);
  };
  if (sources.length < missing) return undefined;
  ask(missing);
  const inTime = lateness.set(LIMITS.vault.hedgeDelayMs, () => ask(sources.length));
  const found = await promise;
  inTime();
  if (!found) giveAll(buffers, column);
  return found ? column : undefined;
}

interface RunParts extends Pick<ReaderParts, "seal" | "shards"> {
  readonly pace: Pace;
}

/** The leaves of a run, from their own shard or rebuilt from the fewest others that do. */
async function readRun({ seal, shards, pace }: RunParts, segment: SegmentRecord, run: LeafRun): Promise<Uint8Array> {
  const columns = Array.from({ length: run.count }, (): Column => new Map());
  const isOpen = (column: Column): boolean => !column.has(run.index) && column.size < segment.dataShards;
  const add = async (index: number): Promise<void> => {
    const leaves = await shards.fetchLeaves(segment, { ...run, index });
    for (const [at, leaf] of leaves.entries()) if (leaf !== undefined) columns[at]!.set(index, leaf);
  };

  const sources = sourceOrder(segment, run.index, shards);
  // The shard itself if it is trusted, then k others at once, then one by one.
  for (let wave = sources[0] === run.index ? 1 : segment.dataShards; columns.some(isOpen) && sources.length > 0;) {
    const asked = sources.splice(0, wave);
    await Promise.all(asked.map(add));
    await pace();
    wave = asked[0] === run.index ? segment.dataShards : 1;
  }
  const leaves: Uint8Array[] = [];
  for (const column of columns) {
    leaves.push(column.get(run.index) ?? rebuildLeaves(seal, segment, column)[run.index]!);
    await pace();
  }
  return concatBytes(...leaves);
}

/**
 * One leaf of every shard of `shape`, all of one offset, from those that hold. Throws `TWIN_OBJECT_LOST`
 * when fewer than k do.
 */
export function rebuildLeaves(
  { kernels }: Pick<ShardSeal, "kernels">,
  shape: SegmentShape,
  column: ReadonlyMap<number, Uint8Array>,
): Uint8Array[] {
  if (column.size < shape.dataShards) {
    throw new TwinError(
      "TWIN_OBJECT_LOST",
      `Segment ${shape.id} has ${column.size} readable shards, ${shape.dataShards} are needed: bring stores back.`,
      { segment: shape.id, readable: column.size, needed: shape.dataShards },
    );
  }
  const code = kernels.createErasureCode(shape.dataShards, shape.parityShards);
  return code.reconstruct(Array.from({ length: shardCountOf(shape) }, (_, index) => column.get(index)));
}

/** All shards: `wanted` first when it is trusted and last when it is not, the others trusted ones first. */
function sourceOrder(segment: SegmentRecord, wanted: number, shards: ShardReader): number[] {
  const isTrusted = (index: number): boolean => shards.isTrusted(segment, index);
  const rank = (index: number): number => (index === wanted ? (isTrusted(index) ? 0 : 3) : isTrusted(index) ? 1 : 2);
  return [...segment.stores.keys()].toSorted((left, right) => rank(left) - rank(right));
}

/** The bytes [offset, offset + size) of the payload that the data shards of a segment hold, in a fresh buffer. */
export function cutPayload(
  shards: readonly Uint8Array[],
  shape: SegmentShape,
  { offset, size }: { readonly offset: number; readonly size: number },
): Uint8Array {
  return cutPieces(shards, piecesOf(shape, offset, size));
}

/** Which data shards hold [offset, offset + size) of the payload. */
function piecesOf(segment: SegmentShape, offset: number, size: number): ShardPiece[] {
  const pieces: ShardPiece[] = [];
  for (let at = offset; at < offset + size;) {
    const index = Math.floor(at / segment.shardSize);
    const within = at - index * segment.shardSize;
    const sizeBytes = Math.min(offset + size - at, segment.shardSize - within);
    pieces.push({ index, offset: within, sizeBytes });
    at += sizeBytes;
  }
  return pieces;
}
