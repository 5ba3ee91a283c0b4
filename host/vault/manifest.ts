// An object's manifest: a tree of block ids with sizes. A node is itself a block; the root also says
// the object's media type and name, and its id is the object's id (docs/formats/vault.md).

import { concatBytes, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

const VERSION = 1;
const FIXED_SIZE = 14;
const ENTRY_SIZE = 40;
const ID_SIZE = 32;

/** A child: a data block or a node, and how many bytes of the object stand below it. */
export interface ManifestEntry {
  readonly id: Uint8Array;
  readonly sizeBytes: number;
}

/** What every node says. */
interface NodeHead {
  /** 0: the entries are data blocks. n: they are nodes of level n - 1. */
  readonly level: number;
  /** Media type; empty but in the root. */
  readonly type: string;
  /** Empty but in the root. */
  readonly name: string;
}

/** A node of the tree to be written. */
export interface NewManifestNode extends NodeHead {
  readonly entries: readonly ManifestEntry[];
}

/** A node of the tree that was read. Its entries lie as they came: a large node has thousands, of which a range wants one or two. */
export interface ManifestNode extends NodeHead {
  /** How many bytes of the object stand below the entries up to and with each. */
  readonly ends: Float64Array;
  /** The entries as {@link idAt} finds them. */
  readonly rows: Uint8Array;
}

/** The id of the child at `index`: a copy. */
export function idAt({ rows }: ManifestNode, index: number): Uint8Array {
  return rows.slice(index * ENTRY_SIZE, index * ENTRY_SIZE + ID_SIZE);
}

/** Bytes of the object below the node. */
export function sizeBelow({ ends }: ManifestNode): number {
  return ends.at(-1) ?? 0;
}

/** Bytes of the object below the entries. */
export function sizeOf(entries: readonly ManifestEntry[]): number {
  return entries.reduce((size, entry) => size + entry.sizeBytes, 0);
}

/** Bytes of the block of a node with so many entries. */
export function manifestSize(entryCount: number, { type, name }: Pick<ManifestNode, "type" | "name">): number {
  return FIXED_SIZE + utf8Encode(type).length + utf8Encode(name).length + entryCount * ENTRY_SIZE;
}

/** The node's block. */
export function encodeManifest(node: NewManifestNode): Uint8Array {
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
  if (nameEnd > block.length || (block.length - nameEnd) % ENTRY_SIZE !== 0) throw broken();
  if (level > LIMITS.vault.manifestDepth) throw broken();
  const ends = new Float64Array((block.length - nameEnd) / ENTRY_SIZE);
  let end = 0;
  for (let index = 0; index < ends.length; index++) {
    end += Number(view.getBigUint64(nameEnd + index * ENTRY_SIZE + ID_SIZE, true));
    ends[index] = end;
  }
  if (BigInt(end) !== view.getBigUint64(2, true)) throw broken();
  const type = utf8Decode(block.subarray(FIXED_SIZE, typeEnd));
  return { level, ends, rows: block.subarray(nameEnd), type, name: utf8Decode(block.subarray(typeEnd, nameEnd)) };
}

function encodeEntry(entry: ManifestEntry): Uint8Array {
  const bytes = new Uint8Array(ENTRY_SIZE);
  bytes.set(entry.id);
  new DataView(bytes.buffer).setBigUint64(ID_SIZE, BigInt(entry.sizeBytes), true);
  return bytes;
}

function broken(): TwinError {
  return new TwinError("TWIN_SEAL_BROKEN", "A manifest block is not one of this version: update the host.");
}
