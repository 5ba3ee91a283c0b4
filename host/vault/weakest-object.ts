// Which object the next losses would cost first, and which the last ones have cost. Looked up only while shards are missing.

import { base58Encode } from "../identity/base58.ts";
import { marginOf, standingStores } from "./census.ts";
import type { ObjectId, WeakestObject } from "./object.ts";
import type { Pace } from "./pace.ts";
import type { SegmentRecord } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Objects that are tried: the answer is for a person, and must not cost a walk over millions. */
const OBJECTS_TRIED_MAX = 10_000;

/** An object of the weakest segment, when the stores for which `answers` holds are left. */
export function findWeakest(
  { index }: Pick<VaultParts, "index">,
  answers: (store: string) => boolean,
): WeakestObject | undefined {
  let weakest: { readonly record: SegmentRecord; readonly margin: number } | undefined;
  for (const record of index.segments()) {
    const margin = marginOf(standingStores(record).filter(answers), record.dataShards);
    if (weakest === undefined || margin < weakest.margin) weakest = { record, margin };
  }
  if (weakest === undefined) return undefined;
  const blocks = [...index.contentOf(weakest.record.id)];
  let tried = 0;
  for (const { id, record } of index.objects()) {
    if (blocks.some((block) => index.hasPart(id, block))) {
      return { object: base58Encode(id), name: record.name, margin: weakest.margin };
    }
    if (++tried === OBJECTS_TRIED_MAX) return undefined;
  }
  return undefined;
}

/** An object for which `select` holds, and of which something cannot be read from the stores for which `answers` holds. */
export async function findUnreadable(
  { index }: Pick<VaultParts, "index">,
  question: { readonly answers: (store: string) => boolean; readonly select: (id: ObjectId) => boolean },
  pace: Pace,
): Promise<ObjectId | undefined> {
  const { answers, select } = question;
  for (const segment of index.segments()) {
    if (standingStores(segment).filter(answers).length >= segment.dataShards) continue;
    const blocks = [...index.contentOf(segment.id)];
    for (const { id } of index.objects()) {
      const name = base58Encode(id);
      if (select(name) && blocks.some((block) => index.hasPart(id, block))) return name;
      await pace();
    }
  }
  return undefined;
}
