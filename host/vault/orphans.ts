// Shards that nothing refers to: what a crash or a refused put left. They are deleted when they have been
// seen for the grace time, and only after an attempt to make sense of them: an index that lost its newest
// rows must not cost the shards that would bring them back.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { throwIfAborted } from "./abortable.ts";
import { type FoundShards, adoptSegments } from "./adopt-segments.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { SegmentId } from "./segment.ts";
import { parseShardName } from "./shard.ts";
import { indexWrites } from "./vault-index.ts";
import { type VaultParts, storeNamed } from "./vault-parts.ts";

/** A shard of this vault that its index does not name. */
interface Orphan {
  readonly store: string;
  readonly name: string;
  readonly segment: SegmentId;
  readonly index: number;
}

/** Notes new orphans, forgets those that are gone, adopts or deletes those past their grace. */
export async function sweepOrphans(parts: VaultParts, signal: AbortSignal): Promise<void> {
  const nowMs = parts.clock.nowMs();
  const orphans: Orphan[] = [];
  const listed = new Set<string>();
  for (const store of parts.stores) {
    throwIfAborted(signal);
    const found = await orphansIn(parts, store);
    if (found === undefined) continue;
    listed.add(store.name);
    orphans.push(...found);
  }
  const names = new Set(orphans.map(({ store, name }) => `${store}\0${name}`));
  const gone = [...parts.index.orphans()].filter(
    ({ store, name }) => listed.has(store) && !names.has(`${store}\0${name}`),
  );
  const sinceOf = ({ store, name }: Orphan): number => Math.min(nowMs, parts.index.orphan(store, name) ?? nowMs);
  const expired = orphans.filter((orphan) => nowMs - sinceOf(orphan) >= LIMITS.vault.orphanGraceMs);
  await parts.index.commit([
    ...gone.map(({ store, name }) => indexWrites.orphan(store, name, undefined)),
    ...orphans.map((orphan) => indexWrites.orphan(orphan.store, orphan.name, sinceOf(orphan))),
  ]);
  if (expired.length === 0) return;
  await adoptSegments(parts, unknownSegments(parts, orphans, expired));
  for (const { store, name, segment, index } of expired) {
    if (isReferenced(parts, store, { segment, index })) continue;
    await storeNamed(parts.stores, store)
      ?.delete(name)
      .catch(() => {});
  }
  parts.log.info({ shards: expired.length }, "deleted shards that nothing refers to");
}

/** Undefined when the store cannot be listed now. */
async function orphansIn(parts: VaultParts, store: GuardedStore): Promise<Orphan[] | undefined> {
  const orphans: Orphan[] = [];
  try {
    for await (const { name } of store.list()) {
      const place = parseShardName(parts.seal, name);
      if (place === undefined || isReferenced(parts, store.name, place)) continue;
      orphans.push({ store: store.name, name, ...place });
    }
    return orphans;
  } catch (thrown) {
    if (!(thrown instanceof TwinError)) throw thrown;
    parts.log.warn({ store: store.name, code: thrown.code }, "a store could not be listed");
    return undefined;
  }
}

/** One synchronous look: a put leaves `active` only after its segments are in the index. */
function isReferenced(
  { active, index }: Pick<VaultParts, "active" | "index">,
  store: string,
  place: { readonly segment: SegmentId; readonly index: number },
): boolean {
  return active.has(place.segment) || index.segment(place.segment)?.stores[place.index] === store;
}

function unknownSegments(
  { index }: Pick<VaultParts, "index">,
  orphans: readonly Orphan[],
  expired: readonly Orphan[],
): FoundShards {
  const segments = new Set(expired.map(({ segment }) => segment).filter((id) => index.segment(id) === undefined));
  const found: FoundShards = new Map();
  for (const orphan of orphans) {
    if (!segments.has(orphan.segment)) continue;
    found.getOrInsertComputed(orphan.segment, () => new Map()).getOrInsert(orphan.index, orphan.store);
  }
  return found;
}
