// Makes the index know what the stores hold and it does not: every object whose blocks are all there
// becomes known again, with the segments it needs.

import {
  findObject,
  type FoundObject,
  type FoundShards,
  listShards,
  mapBlocks,
  readSegments,
  type SearchParts,
} from "./found-segments.ts";
import { makeKnown } from "./make-known.ts";
import { createPace } from "./pace.ts";
import type { VaultParts } from "./vault-parts.ts";

/** What adopting needs of an open vault. */
type AdoptParts = SearchParts & Pick<VaultParts, "index" | "census" | "changes">;

/** Fills an empty index from what the stores hold. Answers how many objects came back. */
export async function rebuildIndex(parts: AdoptParts): Promise<number> {
  return adoptSegments(parts, await listShards(parts));
}

/** Makes the complete objects in `found` known, with the segments they need. Answers how many. */
export async function adoptSegments(parts: AdoptParts, found: FoundShards): Promise<number> {
  if (found.size === 0) return 0;
  const pace = createPace(parts.clock);
  const segments = await readSegments(parts, found, pace);
  const map = mapBlocks(segments, parts.index);
  const objects: FoundObject[] = [];
  for (const { blocks } of segments.values()) {
    for (const { id, kind } of blocks) {
      if (kind !== "root" || parts.index.object(id) !== undefined || parts.index.forgotten(id) !== undefined) continue;
      const object = await findObject(parts, map, id, pace);
      if (object !== undefined) objects.push(object);
    }
  }
  const isStanding = (id: Uint8Array): boolean => parts.index.block(id) !== undefined;
  for (const { segments: needed, ...object } of objects) {
    const own = [...needed].map((segment) => segments.get(segment)).filter((segment) => segment !== undefined);
    const { failures } = await makeKnown(parts, [{ ...object, segments: own, isStanding }]);
    if (failures[0] !== undefined) throw failures[0];
  }
  const needed = new Set(objects.flatMap((object) => [...object.segments]));
  parts.log.info({ segments: needed.size, objects: objects.length }, "adopted from the stores");
  return objects.length;
}
