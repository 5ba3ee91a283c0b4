// What the rest of the host knows of stored objects.

import type { NoteBoard } from "./note-board.ts";
import type { ShardStore } from "./shard-store.ts";

/** Names an object: base58btc of the 32-byte id of its manifest block. Unguessable without the vault's key or the content. */
export type ObjectId = string;

/** Media type of the twin's own snapshots. */
export const SNAPSHOT_TYPE = "application/x-twin-snapshot";
/** Media type of what is kept of uploads that are not whole yet. */
export const UPLOAD_TYPE = "application/x-twin-upload";

/** Whether an object of that media type is the host's: none of the owner's, so not counted, not exported, and nobody may put one. */
export function isHostType(type: string): boolean {
  return type === SNAPSHOT_TYPE || type === UPLOAD_TYPE;
}

/** How far an object's bytes are from loss. */
type Durability =
  /** On this machine's disk only, synced. */
  | "local"
  /** Its shards stand, synced, on at least k + h distinct stores. */
  | "dispersed";

/** What is known of an object without reading it. */
export interface ObjectInfo {
  readonly id: ObjectId;
  readonly sizeBytes: number;
  readonly type: string;
  readonly name: string;
  readonly durability: Durability;
}

/** What the caller says of an object it puts. */
export interface ObjectMeta {
  /** Media type, for example `image/png`. Default `application/octet-stream`. */
  readonly type?: string | undefined;
  readonly name?: string | undefined;
}

/** A whole object in memory, of at most `LIMITS.vault.smallObjectSizeBytes` (256 KiB). */
export interface SmallObject {
  /** Copied before the next object is asked for. */
  readonly bytes: Uint8Array;
  readonly meta?: ObjectMeta | undefined;
}

/** One store as the owner sees it. */
export interface StoreStatus {
  readonly name: string;
  readonly domain: string;
  readonly healthy: boolean;
  /** Being emptied: it takes no new shards. */
  readonly draining: boolean;
  readonly shardCount: number;
  readonly usedBytes: number;
  /** What it may hold, if the owner has said so. */
  readonly capacityBytes?: number | undefined;
  /** Why it is not healthy, in words. */
  readonly problem?: string | undefined;
}

/** The vault's answer to "what would you survive?". Counted, not assumed. */
export interface VaultStatus {
  readonly dataShards: number;
  readonly parityShards: number;
  readonly objectCount: number;
  readonly segmentCount: number;
  readonly sizeBytes: number;
  /** How many bytes of objects the vault takes, if the owner has said so. */
  readonly quotaBytes?: number | undefined;
  readonly stores: readonly StoreStatus[];
  /** How many more stores may be lost before the weakest segment is unreadable. Negative: something is lost already. */
  readonly margin: number;
  /** The same for failure domains: 0 when everything stands on one disk. */
  readonly domainMargin: number;
  /** Segments with fewer than all of their shards at the last count. */
  readonly degradedSegments: number;
  /** What the next losses would cost first; absent while every shard stands. */
  readonly weakest?: WeakestObject | undefined;
  /** Puts that are being stored, or wait for their turn. */
  readonly putsAtWork: number;
  /** Long work that is at hand. */
  readonly work?: VaultWork | undefined;
  readonly lastScrub?: ScrubReport | undefined;
  /** Of this run of the host. */
  readonly lastSample?: (SampleReport & { readonly finishedAtMs: number }) | undefined;
}

/** An object, and how many more stores may be lost before it is unreadable; negative when it is. */
export interface WeakestObject {
  readonly object: ObjectId;
  readonly name: string;
  readonly margin: number;
}

/** Work that walks over many segments. */
export interface VaultWork {
  readonly kind: "scrub" | "repair" | "drain" | "compaction";
  readonly done: number;
  readonly total?: number | undefined;
  /** How long it will still take if it goes on as it did. */
  readonly etaMs?: number | undefined;
}

/** What a scrub found, what it repaired, and what a second count by reading says. */
export interface ScrubReport {
  readonly finishedAtMs: number;
  readonly segments: number;
  readonly shardsChecked: number;
  readonly shardsMissing: number;
  readonly shardsCorrupt: number;
  readonly shardsRepaired: number;
  readonly segmentsLost: number;
  /** Counted again after repair. */
  readonly margin: number;
}

/** What a sample of the shards found. */
export interface SampleReport {
  /** Segments that were looked into. */
  readonly segments: number;
  /** Those among them of which too few stores answered to tell anything. */
  readonly unchecked: number;
  readonly shardsMissing: number;
  readonly shardsCorrupt: number;
}

/** What a repair did. */
export interface RepairReport {
  /** Segments that wanted shards. */
  readonly segments: number;
  readonly shardsRepaired: number;
  readonly segmentsLost: number;
}

/** What a compaction did. */
export interface CompactReport {
  /** Segments that are no more. */
  readonly segments: number;
  readonly blocksMoved: number;
  /** In all stores together. */
  readonly freedBytes: number;
}

/** Progress of long work, at least once per segment. */
export type Progress = (done: number, total: number | undefined) => void;

/** What a drain did. */
export interface DrainReport {
  /** Shards that now stand elsewhere. */
  readonly moved: number;
  /** Shards that could not be moved: no store took them. Drain again when one does. */
  readonly left: number;
}

/** How to drain. */
export interface DrainOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
  /** Awaited when the drain was not refused, before the first shard moves. */
  readonly onStart?: (() => Promise<void>) | undefined;
}

/** The stores of a running vault. */
export interface StoreRack {
  /** Takes in a store that takes a mark and gives it back. New segments use it from now on. Throws `TWIN_STORE_FAILED`, `TWIN_CONFIG_INVALID`. */
  add(store: ShardStore): Promise<void>;
  /**
   * Moves every shard of the store to others, each read back before the old one goes. The store takes no
   * new shards from the call on, also when the drain is aborted. Throws `TWIN_STORE_NEEDED` when too few others are left.
   */
  drain(name: string, options?: DrainOptions): Promise<DrainReport>;
  /** Ends a drain's effect: the store takes shards again. One that is away because it has nothing is begun anew: scrub then. */
  keep(name: string): Promise<void>;
  /** Bounds the bytes of all objects together, copies of the twin not counted; undefined: no bound. What is there stays. */
  setQuota(quotaBytes: number | undefined): void;
  /** Forgets an empty store, or with `lost` one that is gone with what it held: scrub then. Throws `TWIN_STORE_NEEDED`. */
  remove(name: string, options?: { readonly lost?: boolean | undefined }): Promise<void>;
}

/** How to put. */
interface PutOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
  /**
   * Whether what becomes smaller is compressed. Default true. Stores see sizes: say false for content in which a
   * stranger's words stand beside a secret, and which is put again and again (docs/security.md).
   */
  readonly compress?: boolean | undefined;
  /**
   * The new object begins with the bytes of this one, which stays: they are neither read nor stored again, and the
   * id is that of all bytes put at once. Unknown, `TWIN_OBJECT_UNKNOWN` is thrown.
   */
  readonly after?: ObjectId | undefined;
}

/** How to put many. */
interface PutManyOptions {
  readonly signal?: AbortSignal | undefined;
  /** As of a put. */
  readonly compress?: boolean | undefined;
  /** Told of objects, in their order, when they have the durability that is said: some hundred at a time. Not much more is stored before it has answered. */
  readonly onStored?: ((objects: readonly ObjectInfo[]) => void | Promise<void>) | undefined;
}

/** Objects kept alive over stores. */
export interface Vault extends AsyncDisposable {
  /**
   * Stores the stream's bytes in flat memory whatever their number. When it resolves the object has the
   * durability that the answer states. An abort or a source that throws leaves no object.
   */
  put(source: AsyncIterable<Uint8Array>, meta?: ObjectMeta, options?: PutOptions): Promise<ObjectInfo>;
  /**
   * Stores small objects, many to a segment and a commit, in flat memory whatever their number: at a fraction of what a
   * put of each costs, and under the ids that it would give. When it resolves all of them stand. An abort, a source
   * that throws or an object that is not small ends it; what `onStored` was told of stays, what was near may be there.
   */
  putMany(objects: AsyncIterable<SmallObject>, options?: PutManyOptions): Promise<void>;
  /** Undefined when no such object was ever put. */
  stat(id: ObjectId): Promise<ObjectInfo | undefined>;
  /** The bytes [offset, offset + size) of the object, every one verified before it is yielded. Throws `TWIN_OBJECT_UNKNOWN`, `TWIN_OBJECT_RANGE`, `TWIN_OBJECT_LOST`. */
  read(
    id: ObjectId,
    range?: { readonly offset?: number | undefined; readonly sizeBytes?: number | undefined },
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<Uint8Array>;
  /** Forgets the object, and deletes what no other one needs. Answers whether there was one. */
  forget(id: ObjectId): Promise<boolean>;
  /** What `select` picks of all objects. */
  find(select: (object: ObjectInfo) => boolean): Promise<ObjectInfo[]>;
  /**
   * One of the objects that `select` picks that cannot be read, as far as is known, from the stores that answer now.
   * Quick while every segment can be; else a walk over all objects.
   */
  findUnreadable(select: (id: ObjectId) => boolean): Promise<ObjectId | undefined>;
  /** Walks every shard, repairs what it can, counts again by reading. */
  scrub(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: Progress | undefined;
  }): Promise<ScrubReport>;
  /** Compares a few bytes of all shards of `count` segments, picked by chance. What does not hold is noted: repair then. */
  sample(count: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<SampleReport>;
  /** Makes the shards again that are known to be missing or corrupt, without looking at the others. */
  repair(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: Progress | undefined;
  }): Promise<RepairReport>;
  /** Makes segments that are mostly unused, and crowds of small ones, into few full ones. */
  compact(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: Progress | undefined;
  }): Promise<CompactReport>;
  status(): Promise<VaultStatus>;
  readonly stores: StoreRack;
  readonly notes: NoteBoard;
}
