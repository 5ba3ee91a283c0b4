// Port: a place for shards. Every adapter runs test/conformance/shard-store.suite.ts.

/** What a store holds under a name. */
export interface ShardStat {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Range of bytes of a shard; from the start and to the end when absent. */
export interface ShardRange {
  readonly offset?: number | undefined;
  readonly sizeBytes?: number | undefined;
  /** Room that a store may read into, if there is enough: its answer is a view of it then. The store's until it has answered, for good when it fails. */
  readonly into?: Uint8Array | undefined;
}

/** A place for shards: a directory, another twin's host, an S3 bucket. Names are `[a-z0-9.-]{1,128}`. Operating failures throw `TWIN_STORE_FAILED`, a full place `TWIN_STORE_FULL`. */
export interface ShardStore {
  /** Unique among the twin's stores. */
  readonly name: string;
  /** What fails together with it: a disk, a host, a region. */
  readonly domain: string;
  /** So many bytes it takes, if its owner has said so. */
  readonly capacityBytes?: number | undefined;
  /** Idempotent. Durable when it resolves: the bytes and the name survive a power loss. `data` may be reused afterwards. */
  put(name: string, data: Uint8Array): Promise<void>;
  /** The bytes in range, the caller's to change, in `into` or elsewhere; undefined when the shard is absent. Shorter than asked when the shard is. */
  get(name: string, range?: ShardRange): Promise<Uint8Array | undefined>;
  stat(name: string): Promise<ShardStat | undefined>;
  /** Absent is fine. */
  delete(name: string): Promise<void>;
  /**
   * BLAKE3 of each 64 KiB of the shard from `offset` on, computed where it is, or undefined when it is absent. Only
   * stores that would have to carry the bytes far have it. It finds rot, not lies: a store may answer from memory.
   */
  leafHashes?(name: string, offset: number): Promise<Uint8Array | undefined>;
  /**
   * Takes a place into use that has nothing of the store yet, and changes one that has nothing. Only a store has it
   * that fails while it has nothing, as its disk may be away; who calls it knows that nothing is missed there.
   */
  claim?(): Promise<void>;
  /** All names with their sizes, in no order. */
  list(): AsyncIterable<ShardStat>;
}
