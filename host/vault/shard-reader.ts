// Reads one shard of a segment: raw ranges of it, and leaves that are believed only after their hash
// held under a header of ours. Says which shards are not what the index says.

import { equalBytes } from "../base/bytes.ts";
import type { KernelPool } from "../kernels/pool.ts";
import type { GuardedStore } from "./guarded-store.ts";
import { createLeafHasher, type FetchedLeaves, type HashedLeaves } from "./leaf-hasher.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import {
  HASH_SIZE,
  type ShardHeader,
  type ShardSeal,
  decodeHeader,
  headerFits,
  headerSize,
  leafFits,
  leafRange,
  shardName,
} from "./shard.ts";
import type { SegmentRecord } from "./vault-index.ts";
import type { VaultJobs } from "./vault-jobs.ts";

/** Why a shard was not believed. */
export type Blame = "missing" | "corrupt";

/** What reading needs. */
export interface ShardReaderParts {
  readonly seal: ShardSeal;
  readonly store: (name: string) => GuardedStore | undefined;
  /** Told of each shard that turned out not to be what the index says; never of a store that only failed to answer. */
  readonly onBlame: (segment: SegmentRecord, index: number, blame: Blame) => void;
  /** Workers that hash what is large; without them it is done here. */
  readonly pool?: KernelPool<VaultJobs> | undefined;
}

/** Leaves of a shard with the header that says what they should be. */
interface HeadedLeaves extends FetchedLeaves {
  readonly header: ShardHeader;
}

/** Leaves [first, first + count) of one shard. */
export interface LeafRun {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

/** Part of one shard, in bytes of the shard's data. */
export interface ShardPiece {
  readonly index: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Reads of any shard. Never throws for what a store does. */
export interface ShardReader {
  /** The bytes as the store gives them, unverified; undefined when it does not. They stand in a buffer of `buffers`. */
  fetchPiece(segment: SegmentRecord, piece: ShardPiece, buffers?: ReadBuffers): Promise<Uint8Array | undefined>;
  /** The leaves of a run, undefined for each that does not hold. They stand in one buffer, one of `buffers`. */
  fetchLeaves(segment: SegmentRecord, run: LeafRun, buffers?: ReadBuffers): Promise<(Uint8Array | undefined)[]>;
  /** Whether the shard's store, which can look for itself, says that every leaf holds. False when it cannot, or says no. */
  holdsAfar(segment: SegmentRecord, index: number): Promise<boolean>;
  /** Whether a shard is worth asking first: it was there, and its store answers. */
  isTrusted(segment: SegmentRecord, index: number): boolean;
  /** The store of that shard was late: for a while it is not trusted. */
  noteSlow(segment: SegmentRecord, index: number): void;
}

/** What shards are fetched with: each answers undefined for what is not there, and has blamed it. */
function createFetches({ seal, store, onBlame }: ShardReaderParts) {
  /** Bytes of the stored shard, header included. */
  async function fetch(
    segment: SegmentRecord,
    { index, offset, sizeBytes }: ShardPiece,
    buffers?: ReadBuffers,
  ): Promise<Uint8Array | undefined> {
    const from = store(segment.stores[index]!);
    if (from === undefined) return undefined;
    const into = buffers?.take(sizeBytes);
    let bytes: Uint8Array | undefined;
    try {
      bytes = await from.get(shardName(seal, segment.id, index), { offset, sizeBytes, into });
    } catch {
      // The guard has noted the failure of the store, which may still read into the buffer; the shard itself may be whole.
      return undefined;
    }
    if (into !== undefined && bytes !== undefined && bytes.buffer !== into.buffer) {
      into.set(bytes);
      bytes = into.subarray(0, bytes.length);
    }
    if (into !== undefined && bytes === undefined) buffers?.give(into);
    if (bytes === undefined) onBlame(segment, index, "missing");
    return bytes;
  }

  async function fetchHeader(segment: SegmentRecord, index: number): Promise<ShardHeader | undefined> {
    const bytes = await fetch(segment, { index, offset: 0, sizeBytes: headerSize(segment.shardSize) });
    return bytes && checkHeader(segment, index, bytes);
  }

  function checkHeader(segment: SegmentRecord, index: number, bytes: Uint8Array): ShardHeader | undefined {
    const header = decodeHeader(seal, bytes);
    if (header !== undefined && headerFits(header, segment, index)) return header;
    onBlame(segment, index, "corrupt");
    return undefined;
  }

  function fetchPiece(
    segment: SegmentRecord,
    piece: ShardPiece,
    buffers?: ReadBuffers,
  ): Promise<Uint8Array | undefined> {
    return fetch(segment, { ...piece, offset: headerSize(segment.shardSize) + piece.offset }, buffers);
  }

  /** A piece and the shard's header: in one go where they touch. */
  async function fetchWithHeader(
    segment: SegmentRecord,
    piece: ShardPiece,
    buffers?: ReadBuffers,
  ): Promise<HeadedLeaves | undefined> {
    const { index, offset, sizeBytes } = piece;
    const headSize = headerSize(segment.shardSize);
    if (offset === 0) {
      const all = await fetch(segment, { index, offset, sizeBytes: headSize + sizeBytes }, buffers);
      if (all === undefined) return undefined;
      const header = checkHeader(segment, index, all);
      return header && { header, all, skip: headSize };
    }
    const header = await fetchHeader(segment, index);
    if (header === undefined) return undefined;
    const all = await fetchPiece(segment, piece, buffers);
    return all && { header, all, skip: 0 };
  }

  return { fetchHeader, fetchPiece, fetchWithHeader };
}

/** A reader over the stores of `parts`. */
export function createShardReader(parts: ShardReaderParts): ShardReader {
  const { seal, store, onBlame, pool } = parts;
  const { fetchHeader, fetchPiece, fetchWithHeader } = createFetches(parts);
  const hash = createLeafHasher(seal.kernels, pool);
  const storeOf = (segment: SegmentRecord, index: number): GuardedStore | undefined => store(segment.stores[index]!);
  return {
    fetchPiece,
    async fetchLeaves(segment, run, buffers) {
      const lost = Array.from<undefined>({ length: run.count });
      const { offset } = leafRange(segment.shardSize, run.first);
      const last = leafRange(segment.shardSize, run.first + run.count - 1);
      const sizeBytes = last.offset + last.sizeBytes - offset;
      const found = await fetchWithHeader(segment, { index: run.index, offset, sizeBytes }, buffers);
      if (found === undefined) return lost;
      const leaves = leavesThatHold(found.header, run, await hash(found));
      if (leaves.includes(undefined)) onBlame(segment, run.index, "corrupt");
      return leaves;
    },
    async holdsAfar(segment, index) {
      const far = storeOf(segment, index);
      if (far?.leafHashes === undefined) return false;
      const header = await fetchHeader(segment, index);
      if (header === undefined) return false;
      const name = shardName(seal, segment.id, index);
      const hashes = await far.leafHashes(name, headerSize(segment.shardSize)).catch(() => undefined);
      return hashes !== undefined && equalBytes(hashes, header.leafHashes);
    },
    noteSlow: (segment, index) => storeOf(segment, index)?.noteSlow(),
    isTrusted(segment, index) {
      return storeOf(segment, index)?.isSuspect() === false && !segment.absent.includes(index);
    },
  };
}

/** The leaves of the run, undefined where one is not what the header says. */
function leavesThatHold(
  header: ShardHeader,
  { first, count }: LeafRun,
  { bytes, hashes }: HashedLeaves,
): (Uint8Array | undefined)[] {
  const { shardSize } = header.shape;
  const start = leafRange(shardSize, first).offset;
  return Array.from({ length: count }, (_, at) => {
    const { offset, sizeBytes } = leafRange(shardSize, first + at);
    const leaf = bytes.subarray(offset - start, offset - start + sizeBytes);
    const hash = hashes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE);
    return leaf.length === sizeBytes && leafFits(header, first + at, hash) ? leaf : undefined;
  });
}
