// What a call has written and not committed, over the last committed state: reads of the call see
// both, reads of others see neither until the commit.

import { compareBytes, concatBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateEntry, StateKey, StateRange, StateStore, StateWrite } from "../state/state-store.ts";

/** Bookkeeping of a row in memory, counted so that many tiny writes are bounded too. */
const ROW_OVERHEAD = 64;
const PAGE_LENGTH = 64;
const ZERO = Uint8Array.of(0);

interface Row {
  readonly key: Uint8Array;
  /** Undefined: deleted. */
  value: Uint8Array | undefined;
}

interface Table {
  /** In key order. */
  readonly rows: Row[];
  /** By how many bytes the namespace grows: an upper bound until `exact`. */
  growth: number;
  exact: boolean;
}

/** Told of each committed entry that a scan looks at, with its size in bytes, so that it can be charged. */
export type OnExamined = (sizeBytes: number) => void;

/** The buffered writes of one call. Keys and values given to it are its own from then on. */
export class WriteSet {
  readonly #store: Pick<StateStore, "get" | "scan" | "sizeBytes">;
  /** Most calls write nothing. */
  #tables: Map<string, Table> | undefined;
  #sizeBytes = 0;
  #count = 0;

  constructor(store: Pick<StateStore, "get" | "scan" | "sizeBytes">) {
    this.#store = store;
  }

  /** The value as this call sees it. */
  get(at: StateKey): Uint8Array | undefined {
    const rows = this.#tables?.get(at.namespace)?.rows;
    if (rows === undefined) return this.#store.get(at);
    const index = lowerBound(rows, at.key);
    return isAt(rows, index, at.key) ? rows[index]!.value : this.#store.get(at);
  }

  /**
   * Throws `TWIN_STATE_FULL` when the namespace would exceed `LIMITS.state.capabilitySizeBytes`, and
   * `TWIN_LIMIT_EXCEEDED` when the call has written too much.
   */
  put(at: StateKey, value: Uint8Array): void {
    const table = this.#table(at.namespace);
    this.#grow(table, at, value);
    this.#set(table, at.key, value);
  }

  /** Whether there was something to delete. Throws as {@link WriteSet.put}. */
  delete(at: StateKey): boolean {
    const before = this.get(at);
    if (before === undefined) return false;
    const table = this.#table(at.namespace);
    if (table.exact) table.growth -= at.key.length + before.length;
    this.#set(table, at.key, undefined);
    return true;
  }

  /** Entries as this call sees them. Throws `TWIN_LIMIT_EXCEEDED` when they exceed `LIMITS.state.scanSizeBytes`. */
  scan(range: StateRange, onExamined: OnExamined): StateEntry[] {
    const written = this.#rowsIn(range);
    const sign = range.reverse === true ? -1 : 1;
    const entries: StateEntry[] = [];
    let sizeBytes = 0;
    const add = (entry: StateEntry): void => {
      sizeBytes += entry.key.length + entry.value.length;
      if (sizeBytes > LIMITS.state.scanSizeBytes) {
        throw limitExceeded(`A scan brings at most ${LIMITS.state.scanSizeBytes} bytes. Ask for fewer entries.`);
      }
      entries.push(entry);
    };
    let index = 0;
    /** Our rows that come before `key` (all of them without one). */
    const addWritten = (key?: Uint8Array): void => {
      for (; index < written.length && entries.length < range.limit; index++) {
        const row = written[index]!;
        if (key !== undefined && compareBytes(row.key, key) * sign >= 0) break;
        if (row.value !== undefined) add({ key: row.key, value: row.value });
      }
    };
    if (range.limit === 0) return entries;
    for (const entry of this.#committed(range, onExamined)) {
      addWritten(entry.key);
      if (entries.length >= range.limit) return entries;
      if (isAt(written, index, entry.key)) continue;
      add(entry);
      if (entries.length >= range.limit) return entries;
    }
    addWritten();
    return entries;
  }

  /** All writes, namespace by namespace, in key order. */
  writes(): StateWrite[] {
    return [...(this.#tables ?? [])].flatMap(([namespace, { rows }]) =>
      rows.map(({ key, value }) => ({ namespace, key, value })),
    );
  }

  #table(namespace: string): Table {
    this.#tables ??= new Map();
    return this.#tables.getOrInsertComputed(namespace, () => ({ rows: [], growth: 0, exact: false }));
  }

  #set(table: Table, key: Uint8Array, value: Uint8Array | undefined): void {
    const index = lowerBound(table.rows, key);
    const present = isAt(table.rows, index, key);
    const before = present ? (table.rows[index]!.value?.length ?? 0) : -(key.length + ROW_OVERHEAD);
    this.#sizeBytes += (value?.length ?? 0) - before;
    if (!present) this.#count++;
    if (this.#sizeBytes > LIMITS.state.writeSetSizeBytes || this.#count > LIMITS.state.writeSetCount) {
      throw limitExceeded(
        `One call writes at most ${LIMITS.state.writeSetSizeBytes} bytes in ${LIMITS.state.writeSetCount} keys. Split the work over several calls.`,
      );
    }
    if (present) table.rows[index]!.value = value;
    else table.rows.splice(index, 0, { key, value });
  }

  /** Counts a put against the quota: by an upper bound that costs nothing, exactly once that does not fit. */
  #grow(table: Table, at: StateKey, value: Uint8Array): void {
    const added = at.key.length + value.length;
    const room = LIMITS.state.capabilitySizeBytes - this.#store.sizeBytes(at.namespace);
    if (!table.exact && table.growth + added > room) {
      table.exact = true;
      table.growth = table.rows.reduce((growth, row) => growth + this.#growthOf(at.namespace, row), 0);
    }
    const before = table.exact ? this.get(at) : undefined;
    const growth = added - (before === undefined ? 0 : at.key.length + before.length);
    if (table.growth + growth > room && growth > 0) {
      throw new TwinError(
        "TWIN_STATE_FULL",
        `A capability keeps at most ${LIMITS.state.capabilitySizeBytes} bytes. Delete something first.`,
        { limit: LIMITS.state.capabilitySizeBytes },
      );
    }
    table.growth += growth;
  }

  #growthOf(namespace: string, { key, value }: Row): number {
    const before = this.#store.get({ namespace, key });
    return sizeOf(key, value) - sizeOf(key, before);
  }

  /** Our rows in the range, in its direction. */
  #rowsIn({ namespace, start, end, reverse }: StateRange): readonly Row[] {
    const rows = this.#tables?.get(namespace)?.rows ?? [];
    const found = rows.slice(lowerBound(rows, start), end === undefined ? undefined : lowerBound(rows, end));
    return reverse === true ? found.toReversed() : found;
  }

  /** Committed entries of the range, read in pages: how many are needed is known only while merging. */
  *#committed(range: StateRange, onExamined: OnExamined): Generator<StateEntry, void> {
    let { start, end } = range;
    for (;;) {
      const limit = Math.min(range.limit, PAGE_LENGTH);
      const page = this.#store.scan({ ...range, start, end, limit });
      for (const entry of page) onExamined(entry.key.length + entry.value.length);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < limit) return;
      if (range.reverse === true) end = last.key;
      else start = concatBytes(last.key, ZERO);
    }
  }
}

function sizeOf(key: Uint8Array, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length;
}

function isAt(rows: readonly Row[], index: number, key: Uint8Array): boolean {
  return index < rows.length && compareBytes(rows[index]!.key, key) === 0;
}

/** Index of the first row whose key is not before `key`. */
function lowerBound(rows: readonly Row[], key: Uint8Array): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(rows[middle]!.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function limitExceeded(message: string): TwinError {
  return new TwinError("TWIN_LIMIT_EXCEEDED", message);
}
