// A store that is on the list and cannot be reached from here: everything fails at once, nothing is lost.

import { TwinError } from "../base/errors.ts";
import type { ShardStore } from "./shard-store.ts";

/** A store of which every operation throws `TWIN_STORE_FAILED` with `why`. */
export function createAwayStore(place: { readonly name: string; readonly domain: string }, why: string): ShardStore {
  const { name, domain } = place;
  const fail = async (): Promise<never> => {
    throw new TwinError("TWIN_STORE_FAILED", `Store ${name} is away: ${why}`, { store: name });
  };
  return {
    name,
    domain,
    put: fail,
    get: fail,
    stat: fail,
    delete: fail,
    // oxlint-disable-next-line require-yield -- it never gets to a name
    async *list() {
      await fail();
    },
  };
}
