// Reads one shard of a segment: raw ranges of it, and leaves that are believed only after their hash
// held under a header of ours. Says which shards are not what the index says.

import { equalBytes } from "../base/bytes.ts";
import type { GuardedStore } from "./guarded-store.ts";
import {
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

/** Why a shard was not believed. */
export type Blame = "missing" | "corrupt";

/** What reading needs. */
export interface ShardReaderParts {
  readonly seal: ShardSeal;
  readonly store: (name: string) => GuardedStore | undefined;
  /** Told of each shard that turned out not to be what the index says; never of a store that only failed to answer. */
  readonly onBlame: (segment: SegmentRecord, index: number, blame: Blame) => void;
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
  /** The bytes as the store gives them, unverified; undefined when it does not. */
  fetchPiece(segment: SegmentRecord, piece: ShardPiece): Promise<Uint8Array | undefined>;
  /** The leaves of a run, undefined for each that does not hold. */
  fetchLeaves(segment: SegmentRecord, run: LeafRun): Promise<(Uint8Array | undefined)[]>;
  /** Whether the shard's store, which can look for itself, says that every leaf holds. False when it cannot, or says no. */
  holdsAfar(segment: SegmentRecord, index: number): Promise<boolean>;
  /** Whether a shard is worth asking first: it was there, and its store answers. */
  isTrusted(segment: SegmentRecord, index: number): boolean;
  /** The store of that shard was late: for a while it is not trusted. */
  noteSlow(segment: SegmentRecord, index: number): void;
}

/** A reader over the stores of `parts`. */
export function createShardReader({ seal, store, onBlame }: ShardReaderParts): ShardReader {
  const storeOf = (segment: SegmentRecord, index: number): GuardedStore | undefined => store(segment.stores[index]!);

  /** Bytes of the stored shard, header included. */
  async function fetch(
    segment: SegmentRecord,
    { index, offset, sizeBytes }: ShardPiece,
  ): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array | undefined;
    try {
      const from = storeOf(segment, index);
      if (from === undefined) return undefined;
      bytes = await from.get(shardName(seal, segment.id, index), { offset, sizeBytes });
    } catch {
      // The guard has noted the failure of the store; the shard itself may be whole.
      return undefined;
    }
    if (bytes === undefined) onBlame(segment, index, "missing");
    return bytes;
  }

  async function fetchHeader(segment: SegmentRecord, index: number): Promise<ShardHeader | undefined> {
    const bytes = await fetch(segment, { index, offset: 0, sizeBytes: headerSize(segment.shardSize) });
    if (bytes === undefined) return undefined;
    const header = decodeHeader(seal, bytes);
    if (header !== undefined && headerFits(header, segment, index)) return header;
    onBlame(segment, index, "corrupt");
    return undefined;
  }

  function fetchPiece(segment: SegmentRecord, piece: ShardPiece): Promise<Uint8Array | undefined> {
    return fetch(segment, { ...piece, offset: headerSize(segment.shardSize) + piece.offset });
  }

  return {
    fetchPiece,
    async fetchLeaves(segment, run) {
      const lost = Array.from<undefined>({ length: run.count });
      const header = await fetchHeader(segment, run.index);
      if (header === undefined) return lost;
      const ranges = lost.map((_, at) => leafRange(segment.shardSize, run.first + at));
      const offset = ranges[0]?.offset ?? 0;
      const sizeBytes = ranges.reduce((size, range) => size + range.sizeBytes, 0);
      const bytes = await fetchPiece(segment, { index: run.index, offset, sizeBytes });
      if (bytes === undefined) return lost;
      const leaves = ranges.map((range, at) => {
        const leaf = bytes.subarray(range.offset - offset, range.offset - offset + range.sizeBytes);
        return leafFits(seal.kernels, header, run.first + at, leaf) ? leaf : undefined;
      });
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
