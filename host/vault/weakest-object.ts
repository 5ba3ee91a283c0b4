// Which object the next losses would cost first. Looked up only while shards are missing.

import { base58Encode } from "../identity/base58.ts";
import { marginOf, standingStores } from "./census.ts";
import type { WeakestObject } from "./object.ts";
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
