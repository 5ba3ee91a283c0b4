// A segment: sealed blocks in order, then the sealed table that names them. Its payload is cut into
// contiguous data shards, so that a range of it lies in one or two of them (docs/formats/vault.md).

import { concatBytes, hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { TAG_SIZE, sealedSize } from "./sealed-block.ts";
import { type VaultKeys, tableKey } from "./vault-keys.ts";

/** 32 lower-case hexadecimal digits: 16 random bytes, never used twice. */
export type SegmentId = string;

/** Bytes of a segment's id. */
export const SEGMENT_ID_SIZE = 16;
const BLOCK_ID_SIZE = 32;
const TABLE_ENTRY_SIZE = BLOCK_ID_SIZE + 5;
/** Shards are padded to whole disk blocks, so that their sizes tell less. */
const SHARD_ALIGNMENT = 4_096;
const TABLE_NONCE = new Uint8Array(24);

/** Kind of a block -> its byte in tables: content, inner node of a manifest, root of a manifest. */
export const BLOCK_KINDS = { data: 0, node: 1, root: 2 } as const;
/** One of the kinds. */
export type BlockKind = keyof typeof BLOCK_KINDS;
/** The kind of each such byte. */
export const KIND_NAMES: readonly BlockKind[] = ["data", "node", "root"];

/** A block as its segment's table names it. */
export interface SegmentBlock {
  readonly id: Uint8Array;
  readonly kind: BlockKind;
  /** Of its plaintext. */
  readonly sizeBytes: number;
  /** Of its sealed form in the segment's payload. */
  readonly offset: number;
}

/** How a segment is cut: enough to find every byte of it. */
export interface SegmentShape {
  readonly id: SegmentId;
  readonly dataShards: number;
  readonly parityShards: number;
  /** Blocks and table, without padding. */
  readonly payloadSize: number;
  readonly tableSize: number;
  /** Data bytes of each shard: without its header, with padding. */
  readonly shardSize: number;
}

/** A segment that is being filled. */
export interface SegmentDraft {
  readonly id: SegmentId;
  readonly idBytes: Uint8Array;
  readonly blocks: readonly SegmentBlock[];
  /** Whether a block of `plainSize` bytes still fits. The first always does. */
  fits(plainSize: number): boolean;
  /** Appends a sealed block, which is the draft's from now on. */
  append(block: Omit<SegmentBlock, "offset">, sealed: Uint8Array): void;
  /** Ends it: what was appended is the caller's from now on. */
  close(): ClosedSegment;
}

/** A segment that is full. */
export interface ClosedSegment {
  readonly shape: SegmentShape;
  /** The payload in order: sealed blocks, then the table, each in a buffer of its own. */
  readonly parts: readonly Uint8Array[];
}

/** What closing a segment needs to know. */
export interface SegmentCode {
  readonly dataShards: number;
  readonly parityShards: number;
}

/** An empty segment under the fresh random id `idBytes`. */
export function createSegmentDraft(
  idBytes: Uint8Array,
  code: SegmentCode,
  keys: VaultKeys,
  kernels: Kernels,
): SegmentDraft {
  const id = hexEncode(idBytes);
  const blocks: SegmentBlock[] = [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  return {
    id,
    idBytes,
    blocks,
    fits: (plainSize) =>
      blocks.length === 0 ||
      offset + sealedSize(plainSize) + sealedTableSize(blocks.length + 1) <= LIMITS.vault.segmentSizeBytes,
    append(block, sealed) {
      blocks.push({ ...block, offset });
      parts.push(sealed);
      offset += sealed.length;
    },
    close() {
      const table = kernels.seal(tableKey(keys, kernels, idBytes), TABLE_NONCE, encodeTable(blocks));
      const payloadSize = offset + table.length;
      const shape = {
        id,
        ...code,
        payloadSize,
        tableSize: table.length,
        shardSize: shardSize(payloadSize, code.dataShards),
      };
      return { shape, parts: [...parts, table] };
    },
  };
}

/** The blocks of a sealed table. Throws `TWIN_SEAL_BROKEN` when it is not the table of this segment. */
export function openTable(sealed: Uint8Array, id: SegmentId, keys: VaultKeys, kernels: Kernels): SegmentBlock[] {
  const table = kernels.open(tableKey(keys, kernels, Uint8Array.fromHex(id)), TABLE_NONCE, sealed);
  if (table.length % TABLE_ENTRY_SIZE !== 0)
    throw new TwinError("TWIN_SEAL_BROKEN", "A segment's table has a torn entry.");
  const view = new DataView(table.buffer);
  const blocks: SegmentBlock[] = [];
  let offset = 0;
  for (let at = 0; at < table.length; at += TABLE_ENTRY_SIZE) {
    const kind = KIND_NAMES[table[at + BLOCK_ID_SIZE]!];
    if (kind === undefined)
      throw new TwinError("TWIN_SEAL_BROKEN", "A segment's table names an unknown kind of block.");
    const sizeBytes = view.getUint32(at + BLOCK_ID_SIZE + 1, true);
    blocks.push({ id: table.slice(at, at + BLOCK_ID_SIZE), kind, sizeBytes, offset });
    offset += sealedSize(sizeBytes);
  }
  return blocks;
}

/** Shards of a segment, data and parity. */
export function shardCountOf(shape: SegmentCode): number {
  return shape.dataShards + shape.parityShards;
}

function encodeTable(blocks: readonly SegmentBlock[]): Uint8Array {
  return concatBytes(
    ...blocks.map((block) => {
      const entry = new Uint8Array(TABLE_ENTRY_SIZE);
      entry.set(block.id);
      entry[BLOCK_ID_SIZE] = BLOCK_KINDS[block.kind];
      new DataView(entry.buffer).setUint32(BLOCK_ID_SIZE + 1, block.sizeBytes, true);
      return entry;
    }),
  );
}

function sealedTableSize(blockCount: number): number {
  return blockCount * TABLE_ENTRY_SIZE + TAG_SIZE;
}

function shardSize(payloadSize: number, dataShards: number): number {
  return Math.ceil(payloadSize / dataShards / SHARD_ALIGNMENT) * SHARD_ALIGNMENT;
}
