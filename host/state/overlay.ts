// Rows that are newer than the tables on disk: each with its versions, newest first, in key order.

import type { StateKey, StateRange, StateWrite } from "./state-store.ts";

/** A value as of one record of the journal. */
interface Version {
  readonly sequence: number;
  /** Undefined: deleted. */
  readonly value: Uint8Array | undefined;
  /** The one before, while it may still be read. */
  older: Version | undefined;
}

/** One key that was written and is not known to be in the tables as it is here. */
export interface OverlayRow extends StateKey {
  /** The key as text of one character per byte, which sorts as the bytes do. */
  readonly order: string;
  newest: Version;
  /** Bytes of key and value in the tables; 0 when absent there. */
  tableSizeBytes: number;
  /** The version that the tables have, or will have when their open transaction commits. */
  appliedSequence: number;
}

/** The bytes in order of `order`. */
export function orderOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

/** Bytes of key and value; 0 for a deletion. */
export function sizeOf(key: Uint8Array, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length;
}

/** The newest version up to `sequence`; undefined when the tables say what was before. */
export function versionAt(row: OverlayRow, sequence: number): Version | undefined {
  let version: Version | undefined = row.newest;
  while (version !== undefined && version.sequence > sequence) version = version.older;
  return version;
}

/** The overlay of one twin. */
export class Overlay {
  readonly #tables = new Map<string, OverlayRow[]>();

  find({ namespace, key }: StateKey): OverlayRow | undefined {
    const rows = this.#tables.get(namespace);
    if (rows === undefined) return undefined;
    const order = orderOf(key);
    const row = rows[lowerBound(rows, order)];
    return row?.order === order ? row : undefined;
  }

  /**
   * Puts a version on top; `durable` is the last sequence that reads may still ask for. Copies key
   * and value. `tableSize` is asked when the key is new here.
   */
  put(
    write: StateWrite,
    at: { readonly sequence: number; readonly durable: number },
    tableSize: () => number,
  ): OverlayRow {
    const { namespace, key } = write;
    const version: Version = { sequence: at.sequence, value: write.value?.slice(), older: undefined };
    const rows = this.#tables.getOrInsertComputed(namespace, () => []);
    const order = orderOf(key);
    const index = lowerBound(rows, order);
    const known = rows[index];
    if (known?.order !== order) {
      const row = {
        namespace,
        key: key.slice(),
        order,
        newest: version,
        tableSizeBytes: tableSize(),
        appliedSequence: 0,
      };
      rows.splice(index, 0, row);
      return row;
    }
    const { newest } = known;
    if (newest.sequence === at.sequence) version.older = newest.older;
    else {
      version.older = newest;
      // Behind the newest durable version nobody looks.
      const durable = versionAt(known, at.durable);
      if (durable !== undefined) durable.older = undefined;
    }
    known.newest = version;
    return known;
  }

  /** Takes out every version after `sequence`; `onChange` hears of each row and the bytes it had. */
  dropAfter(sequence: number, onChange: (row: OverlayRow, sizeBefore: number, sizeNow: number) => void): void {
    for (const [namespace, rows] of this.#tables) {
      const left = rows.filter((row) => {
        if (row.newest.sequence <= sequence) return true;
        const version = versionAt(row, sequence);
        const now = version === undefined ? row.tableSizeBytes : sizeOf(row.key, version.value);
        onChange(row, sizeOf(row.key, row.newest.value), now);
        if (version === undefined) return false;
        row.newest = version;
        return true;
      });
      this.#tables.set(namespace, left);
    }
  }

  /** Takes out the rows that the tables have as they are here. */
  dropApplied(namespaces: Iterable<string>): void {
    for (const namespace of namespaces) {
      const rows = this.#tables.get(namespace) ?? [];
      const left = rows.filter((row) => row.newest.sequence > row.appliedSequence);
      if (left.length === 0) this.#tables.delete(namespace);
      else this.#tables.set(namespace, left);
    }
  }

  /** The rows of a range in its direction; the overlay must not change while they are walked. */
  *rowsIn({ namespace, start, end, reverse }: StateRange): Generator<OverlayRow, void> {
    const rows = this.#tables.get(namespace) ?? [];
    const from = lowerBound(rows, orderOf(start));
    const to = end === undefined ? rows.length : lowerBound(rows, orderOf(end));
    if (reverse === true) for (let index = to - 1; index >= from; index--) yield rows[index]!;
    else for (let index = from; index < to; index++) yield rows[index]!;
  }
}

/** Index of the first row that is not before `order`. */
function lowerBound(rows: readonly OverlayRow[], order: string): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
