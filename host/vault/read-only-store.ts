// A store that is only read: for what looks at the stores of a vault that somebody else writes.

import { TwinError } from "../base/errors.ts";
import type { ShardStore } from "./shard-store.ts";

/** The reads of `store`. Everything else throws `TWIN_STORE_FAILED`, and changes nothing. */
export function createReadOnlyStore(store: ShardStore): ShardStore {
  const refuse = async (): Promise<never> => {
    throw new TwinError("TWIN_STORE_FAILED", `Store ${store.name} is only read here.`, { store: store.name });
  };
  return { ...store, put: refuse, delete: refuse, claim: refuse };
}
