// Shards that stand in another store than the index says, because directories were swapped or renamed:
// they are taken where they are, not made again and their only copies swept.

import { TwinError } from "../base/errors.ts";
import type { OrphanList } from "./orphans.ts";
import { storeNamed, type VaultParts, changeSegment } from "./vault-parts.ts";

/** Lets the index follow shards that moved, where their old place has none. */
export async function followStrays(parts: VaultParts, { orphans }: OrphanList): Promise<void> {
  for (const { segment, index, store, name } of orphans) {
    const home = parts.index.segment(segment)?.stores[index];
    if (home === undefined || (await isThere(parts, home, name))) continue;
    await changeSegment(parts, segment, (current) => ({ ...current, stores: current.stores.with(index, store) }));
    parts.log.info({ segment, shard: index, from: home, to: store }, "a shard moved to another store");
  }
}

async function isThere(parts: VaultParts, store: string, name: string): Promise<boolean> {
  try {
    return (await storeNamed(parts.stores, store)?.stat(name)) !== undefined;
  } catch (thrown) {
    // A store that only does not answer may have it still.
    if (thrown instanceof TwinError) return true;
    throw thrown;
  }
}
