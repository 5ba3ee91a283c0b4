// An object chunk by chunk: for one that goes on where another one ends.

import { TwinError } from "../base/errors.ts";
import type { ManifestNode } from "./manifest.ts";
import { type BlockPart, walkManifest } from "./manifest-tree.ts";
import type { ObjectId } from "./object.ts";
import { decodeObjectId } from "./object-id.ts";
import { createPace } from "./pace.ts";
import type { VaultParts } from "./vault-parts.ts";

/** The chunks of an object in order, each whole; none are read. Throws `TWIN_OBJECT_UNKNOWN`. */
export async function* chunksOf(
  { index, manifests, clock }: Pick<VaultParts, "index" | "manifests" | "clock">,
  object: ObjectId,
): AsyncGenerator<BlockPart, void, undefined> {
  const id = decodeObjectId(object);
  const record = id && index.object(id);
  if (id === undefined || record === undefined) {
    throw new TwinError("TWIN_OBJECT_UNKNOWN", "There is no object to go on from: begin anew.", { object });
  }
  const load = (node: Uint8Array): Promise<ManifestNode> => manifests.read(node, createPace(clock));
  yield* walkManifest(await load(id), { offset: 0, end: record.sizeBytes }, load);
}

/** The bytes of a chunk. */
export function readChunk(
  { blocks, clock }: Pick<VaultParts, "blocks" | "clock">,
  id: Uint8Array,
): Promise<Uint8Array> {
  return blocks.readWhole(id, createPace(clock));
}

/** The bytes of a chunk, then those of `source`. */
export async function* withChunkBefore(
  parts: Pick<VaultParts, "blocks" | "clock">,
  id: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield await readChunk(parts, id);
  yield* source;
}
