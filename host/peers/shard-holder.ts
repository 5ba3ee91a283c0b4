// Room for the shards of other twins: the owner lends it per twin; each twin reaches its own shards and
// nothing else, within its quota and a budget of traffic. Shards are sealed before they come here.

import { join } from "node:path";

import { hexEncode, jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Engine } from "../engine/engine.ts";
import { isTwinId, publicKeyOf, type TwinId } from "../identity/twin-id.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { LentRoom } from "../rpc/api.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";
import { type BoundedStore, boundStore } from "../vault/bounded-store.ts";
import { openDirectoryShardStore } from "../vault/directory-shard-store.ts";
import type { ShardStat, ShardStore } from "../vault/shard-store.ts";
import {
  decodeRequest,
  encodeAnswer,
  encodeRoom,
  encodeSize,
  encodeStats,
  type Room,
  type ShardAnswer,
  type ShardRequest,
} from "./shard-wire.ts";
import { createTrafficBudget, type TrafficBudget } from "./traffic-budget.ts";

const NAMESPACE = "$lent";
const FIRST = Uint8Array.of(0);
const NOTHING = new Uint8Array(0);
const LEAF_SIZE = LIMITS.vault.leafSizeBytes;
/** A request that brings and takes nothing still costs the disk a look. */
const REQUEST_COST = 4 * 1024;

/** What holding needs. */
export interface ShardHolderParts {
  /** The folder for other twins' shards; need not exist. */
  readonly folder: string;
  readonly engine: Pick<Engine, "readTable" | "writeTable">;
  readonly kernels: Pick<Kernels, "hash">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Holds shards of other twins. */
export interface ShardHolder {
  /** Lends a twin so many bytes; 0: it may read and delete what it has, and put nothing. Durable when it resolves. */
  lend(twin: TwinId, quotaBytes: number): Promise<void>;
  /** All room that is or was lent, in the order of ids. */
  lent(): Promise<LentRoom[]>;
  /** Whether anything was ever lent to the twin. */
  knows(twin: TwinId): Promise<boolean>;
  /** Answers a proven twin's requests, one after the other, until the link ends. Never rejects. */
  serve(link: FrameLink, twin: TwinId): Promise<void>;
}

/** A holder over `parts.folder`. */
export function createShardHolder(parts: ShardHolderParts): ShardHolder {
  const { engine, folder, kernels, clock, log } = parts;
  const rooms = new Map<TwinId, Promise<HeldRoom>>();

  async function open(twin: TwinId, quotaBytes: number): Promise<HeldRoom> {
    // Hexadecimal, for file systems that do not tell cases apart.
    const path = join(folder, hexEncode(publicKeyOf(twin)));
    const store = await openDirectoryShardStore({ name: "held", domain: "this disk", path });
    return new HeldRoom({ store, kernels, quotaBytes, budget: createBudget(clock) });
  }

  async function roomOf(twin: TwinId): Promise<HeldRoom | undefined> {
    const known = rooms.get(twin);
    if (known !== undefined) return await known;
    const [row] = await engine.readTable({
      namespace: NAMESPACE,
      start: utf8Encode(twin),
      end: utf8Encode(`${twin}\0`),
      limit: 1,
    });
    if (row === undefined) return undefined;
    const room = rooms.getOrInsertComputed(twin, () => open(twin, quotaOf(row.value)));
    // One that could not be opened is tried again by the next request.
    room.catch(() => rooms.delete(twin));
    return await room;
  }

  return {
    async lend(twin, quotaBytes) {
      await engine.writeTable([{ namespace: NAMESPACE, key: utf8Encode(twin), value: jsonEncode({ quotaBytes }) }]);
      (await roomOf(twin))!.quotaBytes = quotaBytes;
    },
    async lent() {
      const rows = await engine.readTable({ namespace: NAMESPACE, start: FIRST, limit: LIMITS.peers.lentTwinCount });
      const twins = rows.map(({ key }) => utf8Decode(key)).filter(isTwinId);
      return await Promise.all(twins.map(async (twin) => ({ twin, ...(await (await roomOf(twin))!.room()) })));
    },
    knows: async (twin) => (await roomOf(twin)) !== undefined,
    async serve(link, twin) {
      try {
        for (const listing: Listing = { names: [] }; ;) {
          const frame = await link.receive();
          const room = await roomOf(twin);
          if (room === undefined) {
            await link.send(encodeAnswer({ status: "not-lent", body: NOTHING }));
            // The next link will have the limits of a twin that room is lent to.
            return link.close(new TwinError("TWIN_CALL_DENIED", "No room is lent to this twin."));
          }
          await room.budget.spend(REQUEST_COST + frame.length);
          const answer = encodeAnswer(await room.answer(decodeRequest(frame), listing));
          await room.budget.spend(answer.length);
          await link.send(answer);
        }
      } catch (thrown) {
        const error = toTwinError(thrown);
        if (error.code !== "TWIN_PEER_OFFLINE") log.warn({ peer: twin, code: error.code }, error.message);
        link.close(error);
      }
    },
  };
}

function createBudget(clock: Clock): TrafficBudget {
  const { shardTrafficBytesPerSecond, shardTrafficBurstBytes } = LIMITS.peers;
  return createTrafficBudget(clock, { burst: shardTrafficBurstBytes, perSecond: shardTrafficBytesPerSecond });
}

/** Names of a listing that goes on over several requests, ascending. */
interface Listing {
  names: readonly string[];
}

/** One twin's shards. */
class HeldRoom {
  quotaBytes: number;
  readonly budget: TrafficBudget;
  readonly #store: BoundedStore;
  readonly #kernels: Pick<Kernels, "hash">;

  constructor({ store, kernels, quotaBytes, budget }: RoomParts) {
    this.quotaBytes = quotaBytes;
    this.budget = budget;
    this.#store = boundStore(store, () => this.quotaBytes);
    this.#kernels = kernels;
  }

  async room(): Promise<Room> {
    return { quotaBytes: this.quotaBytes, usedBytes: await this.#store.usedBytes() };
  }

  /** Answers one request. What the disk does wrong is an answer too. */
  async answer(request: ShardRequest, listing: Listing): Promise<ShardAnswer> {
    try {
      return await this.#answer(request, listing);
    } catch (thrown) {
      if (!(thrown instanceof TwinError)) throw thrown;
      return { status: thrown.code === "TWIN_STORE_FULL" ? "full" : "failed", body: NOTHING };
    }
  }

  async #answer(request: ShardRequest, listing: Listing): Promise<ShardAnswer> {
    switch (request.kind) {
      case "put":
        await this.#store.put(request.name, request.data);
        return { status: "done", body: NOTHING };
      case "get":
        return bodyOrAbsent(await this.#store.get(request.name, request));
      case "stat": {
        const stat = await this.#store.stat(request.name);
        return bodyOrAbsent(stat && encodeSize(stat.sizeBytes));
      }
      case "delete":
        await this.#store.delete(request.name);
        return { status: "done", body: NOTHING };
      case "list":
        return { status: "done", body: encodeStats(await this.#page(request.after, listing)) };
      case "verify":
        return bodyOrAbsent(this.#hashes(await this.#store.get(request.name, request)));
    }
    return { status: "done", body: encodeRoom(await this.room()) };
  }

  async #page(after: string, listing: Listing): Promise<ShardStat[]> {
    const sizes = await this.#store.sizes();
    if (after === "") listing.names = [...sizes.keys()].toSorted();
    const start = after === "" ? 0 : listing.names.findIndex((name) => name > after);
    const names = start === -1 ? [] : listing.names.slice(start, start + LIMITS.peers.shardListLength);
    return names.map((name) => ({ name, sizeBytes: sizes.get(name) ?? 0 }));
  }

  #hashes(data: Uint8Array | undefined): Uint8Array | undefined {
    if (data === undefined) return undefined;
    const count = Math.ceil(data.length / LEAF_SIZE);
    const hashes = new Uint8Array(count * 32);
    for (let leaf = 0; leaf < count; leaf++) {
      hashes.set(this.#kernels.hash(data.subarray(leaf * LEAF_SIZE, (leaf + 1) * LEAF_SIZE)), leaf * 32);
    }
    return hashes;
  }
}

interface RoomParts {
  readonly store: ShardStore;
  readonly kernels: Pick<Kernels, "hash">;
  readonly quotaBytes: number;
  readonly budget: TrafficBudget;
}

function bodyOrAbsent(body: Uint8Array | undefined): ShardAnswer {
  return body === undefined ? { status: "absent", body: NOTHING } : { status: "done", body };
}

function quotaOf(value: Uint8Array): number {
  const { quotaBytes } = jsonDecode(value) as { quotaBytes: number };
  return quotaBytes;
}
