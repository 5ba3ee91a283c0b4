// Port: a twin's ordered, sealed, transactional tables. One writer (the twin's engine worker).

/** Addresses a value: the namespace (a capability's name, or a host table beginning with `$`) and its key. */
export interface StateKey {
  /** 1 to `LIMITS.state.namespaceLength` characters. */
  readonly namespace: string;
  /** 1 to `LIMITS.state.keySizeBytes` bytes, ordered as unsigned bytes. Keys are visible at rest; values are sealed. */
  readonly key: Uint8Array;
}

/** One change: `value` undefined deletes. */
export interface StateWrite extends StateKey {
  readonly value: Uint8Array | undefined;
}

/** A key range of one namespace: from `start` (inclusive) to `end` (exclusive; absent: to the namespace's end). */
export interface StateRange {
  readonly namespace: string;
  readonly start: Uint8Array;
  readonly end?: Uint8Array | undefined;
  readonly limit: number;
  readonly reverse?: boolean | undefined;
}

/** What a scan yields. The bytes are the caller's. */
export interface StateEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Ordered sealed tables of one twin. Reads see every commit that was made, also one that is not durable
 * yet: who lets such a read out of the process waits for that commit first. When a commit fails, the ones
 * that share its group fail with it, and reads see what was before.
 */
export interface StateStore extends AsyncDisposable {
  /** The value, or undefined when absent. The bytes are the caller's. Throws `TWIN_STATE_BROKEN` when its seal does not hold. */
  get(key: StateKey): Uint8Array | undefined;
  /** Entries in key order (or reverse), at most `limit`. */
  scan(range: StateRange): StateEntry[];
  /** Bytes of keys and values that the namespace holds. */
  sizeBytes(namespace: string): number;
  /**
   * Applies all writes or none, in order, durable when the promise resolves. Does not keep the writes. Rejects
   * with `TWIN_STATE_FULL` when the disk is full; throws at once `RangeError` for a key or namespace out of bounds, and
   * what a disk says that cannot keep up.
   */
  commit(writes: readonly StateWrite[]): Promise<void>;
}

/** The reads of a store. */
export type StateReads = Pick<StateStore, "get" | "scan" | "sizeBytes">;

/** A store that can also be read as it is on disk, while newer commits are on their way there. */
export interface SnapshotStateStore extends StateStore {
  /** Reads of the last durable state: nobody need wait for anything before showing them. What `get` gives is the store's own, to read and not to change. */
  readonly durable: Pick<StateStore, "get" | "scan">;
  /** Namespaces that have rows, or had some, ascending. */
  namespaces(): string[];
  /** What `writes` gives becomes durable with whatever commits next: it is asked once for all commits that share a sync. One at a time. */
  accompany(writes: () => readonly StateWrite[]): void;
}
