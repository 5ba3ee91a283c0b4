// Stores over other twins. They are listed before the network is there, and also where there is none.

import type { Peers } from "./peers/peers.ts";
import { createAwayStore } from "./vault/away-store.ts";
import type { OpenTwinStore } from "./vault/open-store.ts";
import type { ShardStore } from "./vault/shard-store.ts";

/** Stores that nobody reaches: for what works without a running host. */
export const awayTwinStores: OpenTwinStore = (place) =>
  createAwayStore(place, "other twins are reached only by a running host.");

/** Stores over twins that are reached once {@link TwinStores.connect} was called. */
export class TwinStores {
  readonly #opened = new Map<string, ShardStore>();
  #peers: Pick<Peers, "shardStore"> | undefined;

  /** From now on stores reach their twins through `peers`. */
  connect(peers: Pick<Peers, "shardStore">): void {
    this.#peers = peers;
  }

  /** The same place gives the same store, and with it the same connection. */
  readonly open: OpenTwinStore = (place) =>
    this.#opened.getOrInsertComputed(`${place.name} ${place.twin}`, () => {
      const away = awayTwinStores(place);
      let reached: ShardStore | undefined;
      const store = (): ShardStore => (reached ??= this.#peers?.shardStore(place)) ?? away;
      return {
        name: place.name,
        domain: place.domain,
        put: (name, data) => store().put(name, data),
        get: (name, range) => store().get(name, range),
        stat: (name) => store().stat(name),
        delete: (name) => store().delete(name),
        list: () => store().list(),
        leafHashes: async (name, offset) => await store().leafHashes?.(name, offset),
      };
    });
}
