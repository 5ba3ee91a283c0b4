// Builds and walks manifest trees of any size with one node per level in memory.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { encodeManifest, idAt, type ManifestEntry, type ManifestNode, sizeBelow, sizeOf } from "./manifest.ts";

const ENTRY_COUNT = LIMITS.vault.manifestEntryCount;

/** Stores a node's block and answers its id. */
export type StoreNode = (kind: "node" | "root", block: Uint8Array) => Promise<Uint8Array>;

/** A tree that grows from the left. */
export interface ManifestBuilder {
  /** Appends the next data block of the object. */
  add(entry: ManifestEntry): Promise<void>;
  /** Stores the root and what is left below it. Answers the root's id and the object's size. */
  finish(meta: { readonly type: string; readonly name: string }): Promise<ManifestEntry>;
}

/** An empty tree whose nodes go to `store` as they fill. The same entries give the same tree. */
export function createManifestBuilder(store: StoreNode): ManifestBuilder {
  const levels: ManifestEntry[][] = [[]];

  async function flush(level: number): Promise<void> {
    const entries = levels[level]!;
    const id = await store("node", encodeManifest({ level, entries, type: "", name: "" }));
    levels[level] = [];
    await append(level + 1, { id, sizeBytes: sizeOf(entries) });
  }

  async function append(level: number, entry: ManifestEntry): Promise<void> {
    levels[level] ??= [];
    if (levels[level].length === ENTRY_COUNT) await flush(level);
    levels[level].push(entry);
  }

  return {
    add: (entry) => append(0, entry),
    async finish(meta) {
      for (let level = 0; level < levels.length - 1; level++) await flush(level);
      const level = levels.length - 1;
      if (level > LIMITS.vault.manifestDepth) {
        throw new TwinError("TWIN_LIMIT_EXCEEDED", "The object is larger than a manifest can describe.");
      }
      const entries = levels[level]!;
      return { id: await store("root", encodeManifest({ level, entries, ...meta })), sizeBytes: sizeOf(entries) };
    },
  };
}

/** A part of one data block. */
export interface BlockPart {
  readonly id: Uint8Array;
  /** In the block's plaintext. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The parts of data blocks that make [offset, end) of the object below `node`, in order. `load` answers a node by its id. */
export async function* walkManifest(
  node: ManifestNode,
  range: { readonly offset: number; readonly end: number },
  load: (id: Uint8Array) => Promise<ManifestNode>,
): AsyncGenerator<BlockPart, void, undefined> {
  const { ends } = node;
  for (let at = firstBehind(ends, range.offset); at < ends.length; at++) {
    const start = ends[at - 1] ?? 0;
    if (start >= range.end) return;
    const sizeBytes = ends[at]! - start;
    const offset = Math.max(0, range.offset - start);
    const end = Math.min(sizeBytes, range.end - start);
    if (offset >= end) continue;
    const id = idAt(node, at);
    if (node.level === 0) {
      yield { id, offset, sizeBytes: end - offset };
      continue;
    }
    const child = await load(id);
    if (child.level !== node.level - 1 || sizeBelow(child) !== sizeBytes) {
      throw new TwinError("TWIN_SEAL_BROKEN", "A manifest's child is not what its parent says.");
    }
    yield* walkManifest(child, { offset, end }, load);
  }
}

/** The index of the first end that is larger; a large object has thousands, and a range wants one or two. */
function firstBehind(ends: Float64Array, offset: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
