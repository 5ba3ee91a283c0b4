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
/** Behind the entry of a compressed block: its stored size. */
const STORED_SIZE = 4;
/** Shards are padded to whole disk blocks, so that their sizes tell less. */
const SHARD_ALIGNMENT = 4_096;
const TABLE_NONCE = new Uint8Array(24);

/** Kind of a block -> its byte in tables: content, inner node of a manifest, root of a manifest. */
export const BLOCK_KINDS = { data: 0, node: 1, root: 2 } as const;
/** One of the kinds. */
export type BlockKind = keyof typeof BLOCK_KINDS;
/** The kind of each such byte. */
export const KIND_NAMES: readonly BlockKind[] = ["data", "node", "root"];

/** Added to a kind's byte: what is sealed is a zstd frame of the plaintext, and its size is said too. */
export const COMPRESSED = 0x80;

/** How large a block is, and how large what is sealed of it. */
export interface BlockSizes {
  /** Of its plaintext. */
  readonly sizeBytes: number;
  /** Of what is sealed. Less than `sizeBytes`: a zstd frame of the plaintext; else the plaintext itself. */
  readonly storedBytes: number;
}

/** A block as its segment's table names it. */
export interface SegmentBlock extends BlockSizes {
  readonly id: Uint8Array;
  readonly kind: BlockKind;
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

/** Into how many shards a segment is cut. */
export interface SegmentCode {
  readonly dataShards: number;
  readonly parityShards: number;
}

/** Whether what is sealed of the block is a zstd frame. */
export function isCompressed({ sizeBytes, storedBytes }: BlockSizes): boolean {
  return storedBytes < sizeBytes;
}

/** Whether these sizes can be those of a compressed block: only content is compressed, and only when it becomes smaller. */
export function areCompressedSizes({ sizeBytes, storedBytes }: BlockSizes): boolean {
  return storedBytes > 0 && storedBytes < sizeBytes && sizeBytes <= LIMITS.vault.chunkSizeBytesMax;
}

/** Whether a segment can hold `blockCount` blocks whose sealed forms, uncompressed, have `sealedBytes` together. One block always fits. */
export function fitsSegment(blockCount: number, sealedBytes: number): boolean {
  return blockCount <= 1 || sealedBytes + sealedTableSize(blockCount) <= LIMITS.vault.segmentSizeBytes;
}

/** How a segment of `blocks`, one behind the other and then its table, is cut. */
export function planSegment(
  idBytes: Uint8Array,
  { dataShards, parityShards }: SegmentCode,
  blocks: readonly Omit<SegmentBlock, "offset">[],
): { readonly shape: SegmentShape; readonly blocks: SegmentBlock[] } {
  let offset = 0;
  const placed = blocks.map(({ id, kind, sizeBytes, storedBytes }) => {
    const block = { id, kind, sizeBytes, storedBytes, offset };
    offset += sealedSize(storedBytes);
    return block;
  });
  const tableSize = sealedTableSize(blocks.length) + blocks.filter(isCompressed).length * STORED_SIZE;
  const payloadSize = offset + tableSize;
  const id = hexEncode(idBytes);
  const cut = { payloadSize, tableSize, shardSize: shardSize(payloadSize, dataShards) };
  return { shape: { id, dataShards, parityShards, ...cut }, blocks: placed };
}

/** The sealed table of the segment. */
export function sealTable(
  blocks: readonly Omit<SegmentBlock, "offset">[],
  id: SegmentId,
  keys: VaultKeys,
  kernels: Kernels,
): Uint8Array {
  return kernels.seal(tableKey(keys, kernels, Uint8Array.fromHex(id)), TABLE_NONCE, encodeTable(blocks));
}

/** The blocks of a sealed table. Throws `TWIN_SEAL_BROKEN` when it is not the table of this segment. */
export function openTable(sealed: Uint8Array, id: SegmentId, keys: VaultKeys, kernels: Kernels): SegmentBlock[] {
  const table = kernels.open(tableKey(keys, kernels, Uint8Array.fromHex(id)), TABLE_NONCE, sealed);
  const blocks: SegmentBlock[] = [];
  let offset = 0;
  for (let at = 0; at < table.length;) {
    const { size, block } = decodeEntry(table.subarray(at));
    blocks.push({ ...block, offset });
    offset += sealedSize(block.storedBytes);
    at += size;
  }
  return blocks;
}

/** The entry at the start of `bytes`, and its size. */
function decodeEntry(bytes: Uint8Array): { readonly size: number; readonly block: Omit<SegmentBlock, "offset"> } {
  const kindByte = bytes[BLOCK_ID_SIZE] ?? 0;
  const isSmaller = (kindByte & COMPRESSED) !== 0;
  const size = isSmaller ? TABLE_ENTRY_SIZE + STORED_SIZE : TABLE_ENTRY_SIZE;
  if (bytes.length < size) throw new TwinError("TWIN_SEAL_BROKEN", "A segment's table has a torn entry.");
  const kind = KIND_NAMES[kindByte & ~COMPRESSED];
  if (kind === undefined) throw new TwinError("TWIN_SEAL_BROKEN", "A segment's table names an unknown kind of block.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const sizeBytes = view.getUint32(BLOCK_ID_SIZE + 1, true);
  const storedBytes = isSmaller ? view.getUint32(TABLE_ENTRY_SIZE, true) : sizeBytes;
  if (isSmaller && !areCompressedSizes({ sizeBytes, storedBytes }))
    throw new TwinError("TWIN_SEAL_BROKEN", "A segment's table names a compressed block of an impossible size.");
  return { size, block: { id: bytes.slice(0, BLOCK_ID_SIZE), kind, sizeBytes, storedBytes } };
}

/** Shards of a segment, data and parity. */
export function shardCountOf(shape: SegmentCode): number {
  return shape.dataShards + shape.parityShards;
}

function encodeTable(blocks: readonly Omit<SegmentBlock, "offset">[]): Uint8Array {
  return concatBytes(
    ...blocks.map((block) => {
      const isSmaller = isCompressed(block);
      const entry = new Uint8Array(isSmaller ? TABLE_ENTRY_SIZE + STORED_SIZE : TABLE_ENTRY_SIZE);
      const view = new DataView(entry.buffer);
      entry.set(block.id);
      entry[BLOCK_ID_SIZE] = BLOCK_KINDS[block.kind] | (isSmaller ? COMPRESSED : 0);
      view.setUint32(BLOCK_ID_SIZE + 1, block.sizeBytes, true);
      if (isSmaller) view.setUint32(TABLE_ENTRY_SIZE, block.storedBytes, true);
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
