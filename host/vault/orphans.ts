// Shards of this vault that its index does not name: what a crash or a refused put left, or shards whose
// store was renamed. Nothing is deleted before it was seen for the grace time, and not before an attempt
// to make sense of it: an index that lost its newest rows must not cost the shards that bring them back.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { throwIfAborted } from "./abortable.ts";
import { adoptSegments } from "./adopt-segments.ts";
import { type FoundShards, noteFound } from "./found-segments.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { SegmentId } from "./segment.ts";
import { parseShardName } from "./shard.ts";
import { indexWrites } from "./vault-index.ts";
import { storeNamed, type VaultParts } from "./vault-parts.ts";

/** A shard that stands where the index does not expect it. */
interface Orphan {
  readonly store: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly segment: SegmentId;
  readonly index: number;
}

/** All orphans, and which stores could be listed. */
export interface OrphanList {
  readonly orphans: readonly Orphan[];
  readonly listed: ReadonlySet<string>;
}

/** Lists every store. One that fails is left out. */
export async function listOrphans(parts: VaultParts, signal: AbortSignal): Promise<OrphanList> {
  const orphans: Orphan[] = [];
  const listed = new Set<string>();
  for (const store of parts.stores) {
    throwIfAborted(signal);
    const found = await orphansIn(parts, store);
    if (found === undefined) continue;
    listed.add(store.name);
    orphans.push(...found);
  }
  return { orphans, listed };
}

/** Writes new orphans down, forgets those that are gone, adopts or deletes those past their grace. */
export async function sweepOrphans(parts: VaultParts, { orphans, listed }: OrphanList): Promise<void> {
  const nowMs = parts.clock.nowMs();
  const left = orphans.filter((orphan) => !isReferenced(parts, orphan.store, orphan));
  const names = new Set(left.map(({ store, name }) => `${store}\0${name}`));
  const gone = [...parts.index.orphans()].filter(
    ({ store, name }) => listed.has(store) && !names.has(`${store}\0${name}`),
  );
  // A clock that was set back must not make an orphan wait for ever, one set forward is a day early at worst.
  const sinceOf = ({ store, name }: Orphan): number => Math.min(nowMs, parts.index.orphan(store, name) ?? nowMs);
  const expired = left.filter((orphan) => nowMs - sinceOf(orphan) >= LIMITS.vault.orphanGraceMs);
  await parts.index.commit([
    ...gone.map(({ store, name }) => indexWrites.orphan(store, name, undefined)),
    ...left.map((orphan) => indexWrites.orphan(orphan.store, orphan.name, sinceOf(orphan))),
  ]);
  if (expired.length === 0) return;
  await adoptSegments(parts, unknownSegments(parts, left, expired));
  for (const { store, name, segment, index } of expired) {
    if (isReferenced(parts, store, { segment, index })) continue;
    // One that cannot be deleted now is met again by the next scrub.
    await storeNamed(parts.stores, store)
      ?.delete(name)
      .catch(() => {});
  }
  parts.log.info({ shards: expired.length }, "swept shards that nothing refers to");
}

/** Undefined when the store cannot be listed now. */
async function orphansIn(parts: VaultParts, store: GuardedStore): Promise<Orphan[] | undefined> {
  const orphans: Orphan[] = [];
  try {
    for await (const { name, sizeBytes } of store.list()) {
      const place = parseShardName(parts.seal, name);
      if (place === undefined || isReferenced(parts, store.name, place)) continue;
      orphans.push({ store: store.name, name, sizeBytes, ...place });
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
    noteFound(found, orphan, orphan);
  }
  return found;
}
