// Small ends of many puts go together: while one segment of them is on its way, those that come wait and
// make up the next one, and all of its objects become known in one commit. Nobody waits for company.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { type BufferShelf, createBufferShelf } from "./buffer-shelf.ts";
import { discardShards } from "./dispersal.ts";
import { type Dispersed, type NewObject, makeKnown } from "./make-known.ts";
import { createPutWork } from "./put-work.ts";
import { SegmentDraft } from "./segment-draft.ts";
import { SegmentLine } from "./segment-flights.ts";
import type { VaultParts } from "./vault-parts.ts";

/** An object that is complete but for what is in the draft. */
interface TailEntry {
  readonly object: NewObject;
  readonly draft: SegmentDraft;
}

/** The place where small ends meet. */
export interface SharedTail {
  /** Whether the draft is small enough. */
  takes(draft: SegmentDraft): boolean;
  /** Stores the draft and makes the object known. Throws as a put does; then nothing of the draft stays. */
  commit(entry: TailEntry): Promise<void>;
}

interface Waiting extends TailEntry {
  readonly settle: PromiseWithResolvers<void>;
}

/** The tail of the vault of `parts`. */
export function createSharedTail(parts: VaultParts): SharedTail {
  const waiting: Waiting[] = [];
  let isAtWork = false;

  async function work(): Promise<void> {
    if (isAtWork) return;
    isAtWork = true;
    while (waiting.length > 0) await storeTogether(parts, takeFitting(waiting));
    isAtWork = false;
  }

  return {
    takes: ({ sealedBytes }) => sealedBytes <= LIMITS.vault.sharedSizeBytes,
    commit(entry) {
      const settle = Promise.withResolvers<void>();
      waiting.push({ ...entry, settle });
      void work();
      return settle.promise;
    },
  };
}

/** As many as fit into one segment, in their order; at least one. */
function takeFitting(waiting: Waiting[]): Waiting[] {
  const room = LIMITS.vault.segmentSizeBytes - LIMITS.vault.sharedSizeBytes;
  let size = 0;
  const end = waiting.findIndex(({ draft }) => (size += draft.sealedBytes) > room);
  return waiting.splice(0, end === -1 ? waiting.length : Math.max(1, end));
}

/** Settles all entries. Never throws. */
async function storeTogether(parts: VaultParts, entries: readonly Waiting[]): Promise<void> {
  const shelf = createBufferShelf(parts.slabs);
  const line = new SegmentLine(parts, createPutWork(parts), shelf);
  let segment: Dispersed | undefined;
  try {
    segment = await line.fly(
      joinDrafts(
        entries.map(({ draft }) => draft),
        shelf,
      ),
    );
    const { record, blocks } = segment;
    const placed = new Map(blocks.map((block) => [hexEncode(block.id), block]));
    const objects = entries.map(({ object, draft }) => {
      // Its own ones: looking through those of all others for each would take the square of their number.
      const own = { record, blocks: draft.blocks.map(({ id }) => placed.get(hexEncode(id))!) };
      return { ...object, segments: [...object.segments, own] };
    });
    const { failures, spare } = await makeKnown(parts, objects);
    for (const record of spare) await discardShards(parts.dispersal, record);
    for (const [at, { settle }] of entries.entries()) {
      if (failures[at] === undefined) settle.resolve();
      else settle.reject(failures[at]);
    }
  } catch (thrown) {
    if (segment !== undefined) await discardShards(parts.dispersal, segment.record);
    for (const { settle } of entries) settle.reject(thrown);
  } finally {
    line.release();
    shelf.end();
  }
}

/** The blocks of all drafts, each once. */
function joinDrafts(drafts: readonly SegmentDraft[], shelf: BufferShelf): SegmentDraft {
  const [only] = drafts;
  if (only !== undefined && drafts.length === 1) return only;
  const joined = new SegmentDraft(shelf, shelf.take(drafts.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0)));
  const seen = new Set<string>();
  for (const { blocks, plain } of drafts) {
    for (const block of blocks) {
      const name = hexEncode(block.id);
      if (!seen.has(name)) joined.append(block, plain.subarray(block.at, block.at + block.sizeBytes));
      seen.add(name);
    }
  }
  return joined;
}
