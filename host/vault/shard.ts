// A shard: a header that verifies itself under the vault's key, then the shard's bytes, each 64 KiB
// leaf of which the header verifies alone. A torn, flipped, swapped or foreign shard never passes.

import { concatBytes, equalSecrets, hexEncode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { SEGMENT_ID_SIZE, type SegmentId, type SegmentShape } from "./segment.ts";
import type { VaultKeys } from "./vault-keys.ts";

const MAGIC = utf8Encode("TWINSHD1");
/** The erasure code of docs/formats/erasure-code.md; another one would have another number. */
const ERASURE_CODE = 1;
const FIXED_SIZE = 40;
/** Bytes of a leaf's hash. */
export const HASH_SIZE = 32;
const LEAF_SIZE = LIMITS.vault.leafSizeBytes;
const NAME_TAG_SIZE = 8;
const MARK_TAG_SIZE = 16;
const NAME_PATTERN = /^([0-9a-f]{32})-([0-9a-f]{2})-([0-9a-f]{16})$/;

/** A header whose check held. */
export interface ShardHeader {
  readonly shape: SegmentShape;
  readonly index: number;
  /** BLAKE3 of each leaf, one behind the other. */
  readonly leafHashes: Uint8Array;
}

/** What sealing and checking of headers and names needs. */
export interface ShardSeal {
  readonly keys: VaultKeys;
  readonly kernels: Kernels;
}

/** Leaves of a shard; the last may be shorter. */
export function leafCount(shardSize: number): number {
  return Math.ceil(shardSize / LEAF_SIZE);
}

/** Bytes of a shard's header, which come before its data. */
export function headerSize(shardSize: number): number {
  return FIXED_SIZE + leafCount(shardSize) * HASH_SIZE + HASH_SIZE;
}

/** The header of shard `index` of `shape` whose leaves hash to `leafHashes`. */
export function encodeHeader({ keys, kernels }: ShardSeal, header: ShardHeader): Uint8Array<ArrayBuffer> {
  const { shape, index, leafHashes } = header;
  const fixed = new Uint8Array(FIXED_SIZE);
  const view = new DataView(fixed.buffer);
  fixed.set(MAGIC);
  fixed.set(Uint8Array.fromHex(shape.id), 8);
  fixed.set([index, shape.dataShards, shape.parityShards, ERASURE_CODE], 24);
  view.setUint32(28, shape.payloadSize, true);
  view.setUint32(32, shape.tableSize, true);
  view.setUint32(36, shape.shardSize, true);
  const checked = concatBytes(fixed, leafHashes);
  return concatBytes(checked, kernels.keyedHash(keys.shardCheck, checked));
}

/** The header at the start of `bytes`, or undefined when it is torn, changed, of another format or of another vault. */
export function decodeHeader({ keys, kernels }: ShardSeal, bytes: Uint8Array): ShardHeader | undefined {
  if (bytes.length < FIXED_SIZE || hexEncode(bytes.subarray(0, 8)) !== hexEncode(MAGIC)) return undefined;
  if (bytes[27] !== ERASURE_CODE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shardSize = view.getUint32(36, true);
  const checkedSize = headerSize(shardSize) - HASH_SIZE;
  if (bytes.length < checkedSize + HASH_SIZE) return undefined;
  const check = kernels.keyedHash(keys.shardCheck, bytes.subarray(0, checkedSize));
  if (!equalSecrets(check, bytes.subarray(checkedSize, checkedSize + HASH_SIZE))) return undefined;
  return {
    index: bytes[24]!,
    leafHashes: bytes.slice(FIXED_SIZE, checkedSize),
    shape: {
      id: hexEncode(bytes.subarray(8, 8 + SEGMENT_ID_SIZE)),
      dataShards: bytes[25]!,
      parityShards: bytes[26]!,
      payloadSize: view.getUint32(28, true),
      tableSize: view.getUint32(32, true),
      shardSize,
    },
  };
}

/** Whether a header is that of shard `index` of `shape`, and not of a neighbour that was put in its place. */
export function headerFits(header: ShardHeader, shape: SegmentShape, index: number): boolean {
  const own = header.shape;
  return (
    header.index === index &&
    own.id === shape.id &&
    own.dataShards === shape.dataShards &&
    own.parityShards === shape.parityShards &&
    own.payloadSize === shape.payloadSize &&
    own.tableSize === shape.tableSize &&
    own.shardSize === shape.shardSize
  );
}

/** Whether `hash` is that of leaf `leafIndex` of the header's shard. */
export function leafFits(header: ShardHeader, leafIndex: number, hash: Uint8Array): boolean {
  return equalSecrets(hash, header.leafHashes.subarray(leafIndex * HASH_SIZE, (leafIndex + 1) * HASH_SIZE));
}

/** BLAKE3 of each leaf of `data`, which begins at a leaf, one behind the other. */
export function hashLeaves(kernels: Pick<Kernels, "hash">, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const hashes = new Uint8Array(leafCount(data.length) * HASH_SIZE);
  for (let leaf = 0; leaf < leafCount(data.length); leaf++) {
    const { offset, sizeBytes } = leafRange(data.length, leaf);
    hashes.set(kernels.hash(data.subarray(offset, offset + sizeBytes)), leaf * HASH_SIZE);
  }
  return hashes;
}

/** Where leaf `leafIndex` ends and begins in a shard's data. */
export function leafRange(
  shardSize: number,
  leafIndex: number,
): { readonly offset: number; readonly sizeBytes: number } {
  const offset = leafIndex * LEAF_SIZE;
  return { offset, sizeBytes: Math.min(LEAF_SIZE, shardSize - offset) };
}

/** The name of a shard in its store. Only who holds the vault's key can tell it from a random one. */
export function shardName({ keys, kernels }: ShardSeal, segment: SegmentId, index: number): string {
  const place = new Uint8Array(SEGMENT_ID_SIZE + 1);
  place.setFromHex(segment);
  place[SEGMENT_ID_SIZE] = index;
  const tag = kernels.keyedHash(keys.shardName, place).subarray(0, NAME_TAG_SIZE);
  return `${segment}-${index.toString(16).padStart(2, "0")}-${hexEncode(tag)}`;
}

/** Segment and index of a shard of this vault; undefined for any other name. */
export function parseShardName(
  seal: ShardSeal,
  name: string,
): { readonly segment: SegmentId; readonly index: number } | undefined {
  const [, segment, index] = NAME_PATTERN.exec(name) ?? [];
  if (segment === undefined || index === undefined) return undefined;
  const place = { segment, index: Number.parseInt(index, 16) };
  return shardName(seal, segment, place.index) === name ? place : undefined;
}

/**
 * The name of a store's mark. `whole` says: what the index counts on is here. `trial` says: nothing
 * was taken away since a scrub began.
 */
export function markName({ keys, kernels }: ShardSeal, store: string, purpose: "whole" | "trial"): string {
  const tag = kernels.keyedHash(keys.storeMark, utf8Encode(`${purpose} ${store}`)).subarray(0, MARK_TAG_SIZE);
  return `mark-${hexEncode(tag)}`;
}
