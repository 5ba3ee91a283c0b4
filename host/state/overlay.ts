// Rows that are newer than the tables on disk: each with its versions, newest first, in key order.

import { SortedRows } from "./sorted-rows.ts";
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
export interface OverlayRow {
  /** The key as text of one character per byte, which sorts as the bytes do. */
  readonly order: string;
  newest: Version;
  /** Bytes of key and value in the tables; 0 when absent there. */
  tableSizeBytes: number;
  /** The version that the tables have. */
  appliedSequence: number;
}

const FIRST_KEY = new Uint8Array();

/** The bytes in order of `order`. */
export function orderOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

/** The key whose {@link orderOf} it is, fresh. */
export function keyOf(order: string): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(order.length);
  for (let index = 0; index < key.length; index++) key[index] = order.charCodeAt(index);
  return key;
}

/** Bytes of a key of that many and its value; 0 for a deletion. */
export function sizeOf(keySizeBytes: number, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : keySizeBytes + value.length;
}

/** The newest version up to `sequence`; undefined when the tables say what was before. */
export function versionAt(row: OverlayRow, sequence: number): Version | undefined {
  let version: Version | undefined = row.newest;
  while (version !== undefined && version.sequence > sequence) version = version.older;
  return version;
}

/** What the tables on disk say. */
export interface TableLook {
  /** Bytes of the row's key and value there; 0 when it is absent. */
  rowSizeBytes(at: StateKey): number;
  scanSealed(range: StateRange): readonly { readonly key: Uint8Array }[];
}

/** The overlay of one twin. */
export class Overlay {
  readonly #tables = new Map<string, SortedRows<OverlayRow>>();
  /** Behind this order the tables have no row of the namespace: most rows come with growing numbers, and need no look. */
  readonly #ends = new Map<string, string>();

  find({ namespace, key }: StateKey): OverlayRow | undefined {
    return this.#tables.get(namespace)?.find(orderOf(key));
  }

  /** Namespaces that have rows here, in any order. */
  namespaces(): string[] {
    return [...this.#tables.keys()];
  }

  /**
   * Puts a version on top, of which it keeps the value; `durable` is the last sequence that reads may still
   * ask for. `tables` are asked when the key is new here. Returns how many bytes the row had.
   */
  put(
    { namespace, key, value }: StateWrite,
    at: { readonly sequence: number; readonly durable: number },
    tables: TableLook,
  ): number {
    const version: Version = { sequence: at.sequence, value, older: undefined };
    const rows = this.#tables.getOrInsertComputed(namespace, () => new SortedRows());
    const order = orderOf(key);
    const known = rows.find(order);
    if (known === undefined) {
      const tableSizeBytes = this.#tableSize({ namespace, key }, order, tables);
      rows.add({ order, newest: version, tableSizeBytes, appliedSequence: 0 });
      return tableSizeBytes;
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
    return sizeOf(order.length, newest.value);
  }

  /** Takes out every version after `sequence`; `onChange` hears of the namespace of each row, the bytes it had and those it has. */
  dropAfter(sequence: number, onChange: (namespace: string, sizeBefore: number, sizeNow: number) => void): void {
    for (const [namespace, rows] of this.#tables) {
      rows.filter((row) => {
        if (row.newest.sequence <= sequence) return true;
        const version = versionAt(row, sequence);
        const { length } = row.order;
        const now = version === undefined ? row.tableSizeBytes : sizeOf(length, version.value);
        onChange(namespace, sizeOf(length, row.newest.value), now);
        if (version === undefined) return false;
        row.newest = version;
        return true;
      });
      if (rows.isEmpty) this.#tables.delete(namespace);
    }
  }

  /** Takes out the rows that the tables have as they are here. */
  dropApplied(namespaces: Iterable<string>): void {
    for (const namespace of namespaces) {
      const rows = this.#tables.get(namespace);
      rows?.filter((row) => row.newest.sequence > row.appliedSequence);
      if (rows?.isEmpty === true) this.#tables.delete(namespace);
    }
  }

  /** The rows of a range in its direction; the overlay must not change while they are walked. */
  rowsIn({ namespace, start, end, reverse }: Omit<StateRange, "limit">): Iterable<OverlayRow> {
    const rows = this.#tables.get(namespace);
    if (rows === undefined) return [];
    const bounds = [orderOf(start), end === undefined ? undefined : orderOf(end)] as const;
    return reverse === true ? rows.backward(...bounds) : rows.forward(...bounds);
  }

  /** The rows of a namespace whose order is `order` or comes behind it; the overlay must not change while they are walked. */
  rowsFrom(namespace: string, order: string): Iterable<OverlayRow> {
    return this.#tables.get(namespace)?.forward(order) ?? [];
  }

  /** Of a row that comes to be here, and some time there. */
  #tableSize(at: StateKey, order: string, tables: TableLook): number {
    const end = this.#ends.getOrInsertComputed(at.namespace, (namespace) => endOf(namespace, tables));
    if (order <= end) return tables.rowSizeBytes(at);
    this.#ends.set(at.namespace, order);
    return 0;
  }
}

function endOf(namespace: string, tables: TableLook): string {
  const [last] = tables.scanSealed({ namespace, start: FIRST_KEY, limit: 1, reverse: true });
  return last === undefined ? "" : orderOf(last.key);
}
