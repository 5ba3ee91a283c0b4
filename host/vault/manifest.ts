// An object's manifest: a tree of block ids with sizes. A node is itself a block; the root also says
// the object's media type and name, and its id is the object's id (docs/formats/vault.md).

import { concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

const VERSION = 1;
const FIXED_SIZE = 14;
const ENTRY_SIZE = 40;

/** A child: a data block or a node, and how many bytes of the object stand below it. */
export interface ManifestEntry {
  readonly id: Uint8Array;
  readonly sizeBytes: number;
}

/** One node of the tree. */
export interface ManifestNode {
  /** 0: the entries are data blocks. n: they are nodes of level n - 1. */
  readonly level: number;
  readonly entries: readonly ManifestEntry[];
  /** Media type; empty but in the root. */
  readonly type: string;
  /** Empty but in the root. */
  readonly name: string;
}

/** Bytes of the object below the entries. */
export function sizeOf(entries: readonly ManifestEntry[]): number {
  return entries.reduce((size, entry) => size + entry.sizeBytes, 0);
}

/** The node's block. */
export function encodeManifest(node: ManifestNode): Uint8Array {
  const type = utf8Encode(node.type);
  const name = utf8Encode(node.name);
  const head = new Uint8Array(FIXED_SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, node.level);
  view.setBigUint64(2, BigInt(sizeOf(node.entries)), true);
  view.setUint16(10, type.length, true);
  view.setUint16(12, name.length, true);
  return concatBytes(head, type, name, ...node.entries.map(encodeEntry));
}

/** The node in a block. Throws `TWIN_SEAL_BROKEN` for what is not a manifest of this version. */
export function decodeManifest(block: Uint8Array): ManifestNode {
  if (block.length < FIXED_SIZE || block[0] !== VERSION) throw broken();
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const typeEnd = FIXED_SIZE + view.getUint16(10, true);
  const nameEnd = typeEnd + view.getUint16(12, true);
  const level = view.getUint8(1);
  const entries: ManifestEntry[] = [];
  if (nameEnd > block.length || (block.length - nameEnd) % ENTRY_SIZE !== 0) throw broken();
  if (level > LIMITS.vault.manifestDepth) throw broken();
  for (let at = nameEnd; at < block.length; at += ENTRY_SIZE) {
    entries.push({ id: block.slice(at, at + 32), sizeBytes: Number(view.getBigUint64(at + 32, true)) });
  }
  if (BigInt(sizeOf(entries)) !== view.getBigUint64(2, true)) throw broken();
  const type = utf8Decode(block.subarray(FIXED_SIZE, typeEnd));
  return { level, entries, type, name: utf8Decode(block.subarray(typeEnd, nameEnd)) };
}

function encodeEntry(entry: ManifestEntry): Uint8Array {
  const bytes = new Uint8Array(ENTRY_SIZE);
  bytes.set(entry.id);
  new DataView(bytes.buffer).setBigUint64(32, BigInt(entry.sizeBytes), true);
  return bytes;
}

function broken(): TwinError {
  return new TwinError("TWIN_SEAL_BROKEN", "A manifest block is not one of this version: update the host.");
}
