// Decoded manifest nodes that were read lately: a range of an object is looked up in them each time. A
// node never changes under its id.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { BlockReader } from "./block-reader.ts";
import { type ManifestNode, decodeManifest } from "./manifest.ts";
import type { Pace } from "./pace.ts";

/** Manifest nodes by their block's id. */
export interface ManifestCache {
  /** Throws as {@link BlockReader.readWhole} and `decodeManifest`. */
  read(id: Uint8Array, pace: Pace): Promise<ManifestNode>;
}

/** A cache in front of `blocks`. */
export function createManifestCache(blocks: Pick<BlockReader, "readWhole">): ManifestCache {
  const nodes = new Map<string, ManifestNode>();
  return {
    async read(id, pace) {
      const name = hexEncode(id);
      const node = nodes.get(name) ?? decodeManifest(await blocks.readWhole(id, pace));
      // Last in, last out.
      nodes.delete(name);
      nodes.set(name, node);
      const [oldest] = nodes.keys();
      if (nodes.size > LIMITS.vault.manifestNodesKept && oldest !== undefined) nodes.delete(oldest);
      return node;
    },
  };
}
