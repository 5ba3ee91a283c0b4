// Another twin as a place for shards. It is not trusted: what it gives is checked by the vault, that it has
// what it took by samples, and that it does not keep us waiting by deadlines.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { checkShardName } from "../vault/shard-name.ts";
import type { ShardStore } from "../vault/shard-store.ts";
import type { ShardLink } from "./shard-link.ts";
import {
  decodeHashes,
  decodeRoom,
  decodeSize,
  decodeStats,
  type Room,
  type ShardAnswer,
  type ShardRequest,
} from "./shard-wire.ts";

/** A store over a twin, which can also say how much room it lends. */
export interface TwinShardStore extends ShardStore {
  room(): Promise<Room>;
  /** Ends the link; the next operation makes another. */
  close(): void;
}

/** The store `name` over the twin that `connect` reaches. Nobody is asked before the first operation. */
export function createTwinShardStore(
  place: { readonly name: string; readonly domain: string; readonly clock: Clock },
  connect: () => Promise<ShardLink>,
): TwinShardStore {
  const { name, domain, clock } = place;
  const links = createLinkKeeper(clock, connect);
  const failure = (why: string, cause?: unknown): TwinError =>
    new TwinError("TWIN_STORE_FAILED", `Store ${name} of another twin failed: ${why}.`, { store: name }, cause);

  async function ask(request: ShardRequest): Promise<ShardAnswer> {
    const answer = await links
      .open()
      .then((link) => link.ask(request))
      .catch((cause: unknown) => {
        throw cause instanceof TwinError && cause.code === "TWIN_STORE_FAILED" ? cause : failure("it is away", cause);
      });
    switch (answer.status) {
      case "done":
      case "absent":
        return answer;
      case "full":
        throw new TwinError("TWIN_STORE_FULL", `Store ${name} is full: ask its twin to lend more.`, { store: name });
      case "not-lent":
        throw failure("it lends this twin no room");
    }
    throw failure("its own disk failed");
  }

  async function bodyOf(request: ShardRequest): Promise<Uint8Array | undefined> {
    const { status, body } = await ask(request);
    return status === "absent" ? undefined : body;
  }

  return {
    name,
    domain,
    async put(shard, data) {
      await ask({ kind: "put", name: checkShardName(shard), data });
    },
    async get(shard, { offset = 0, sizeBytes } = {}) {
      const body = await bodyOf({ kind: "get", name: checkShardName(shard), offset, sizeBytes });
      if (sizeBytes !== undefined && body !== undefined && body.length > sizeBytes) throw failure("it gave too much");
      return body?.slice();
    },
    async stat(shard) {
      const body = await bodyOf({ kind: "stat", name: checkShardName(shard) });
      return body && { name: shard, sizeBytes: decodeSize(body) };
    },
    async delete(shard) {
      await ask({ kind: "delete", name: checkShardName(shard) });
    },
    async *list() {
      for (let after = ""; ;) {
        const stats = decodeStats((await ask({ kind: "list", after })).body, after);
        yield* stats;
        const last = stats.at(-1);
        if (last === undefined) return;
        after = last.name;
      }
    },
    async leafHashes(shard, offset) {
      const body = await bodyOf({ kind: "verify", name: checkShardName(shard), offset });
      return body && decodeHashes(body);
    },
    room: async () => decodeRoom((await ask({ kind: "room" })).body),
    close: () => links.close(),
  };
}

/** One link at a time. After a connection that failed it is not tried again for a while: every put looks at every store. */
function createLinkKeeper(
  clock: Clock,
  connect: () => Promise<ShardLink>,
): { open(): Promise<ShardLink>; close(): void } {
  let link: Promise<ShardLink> | undefined;
  let awayUntilMs = Number.NEGATIVE_INFINITY;

  function begin(): Promise<ShardLink> {
    if (clock.elapsedMs() < awayUntilMs) {
      throw new TwinError("TWIN_STORE_FAILED", "The twin of this store could not be reached a moment ago.");
    }
    const begun = connect();
    begun.catch(() => {
      if (link === begun) link = undefined;
      awayUntilMs = clock.elapsedMs() + LIMITS.vault.storeSuspectMs;
    });
    return begun;
  }

  return {
    async open() {
      for (;;) {
        const current = (link ??= begin());
        const opened = await current;
        if (opened.isOpen) return opened;
        // Only the first who sees that it has ended makes room for another.
        if (link === current) link = undefined;
      }
    },
    close() {
      link?.then((opened) => opened.close()).catch(() => {});
      link = undefined;
    },
  };
}
