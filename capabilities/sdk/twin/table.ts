// A table of `@json` objects on `kv`: ordered by key, found by index. Rows of the table `line`:
//   line/<key>                     the object
//   line.<index>/<value>\0<key>    empty; one for each index

import { fail } from "./context";
import { Entry, kv } from "./kv";

/** A number as text of 16 hex digits that sorts as the number does, also below zero. */
export function ordered(value: i64): string {
  return ((<u64>value) ^ 0x8000_0000_0000_0000).toString(16).padStart(16, "0");
}

class Index<T> {
  constructor(
    public prefix: string,
    public valueOf: (row: T) => string,
  ) {}
}

const NOTHING = new ArrayBuffer(0);

/** Needs the permission `state`. Make it once, at the top of a file; two tables must not have one name. */
export class Table<T> {
  private prefix: string;
  private indexes: Index<T>[] = [];

  /** `keyOf` gives the key of a row: text without NUL, one for each row. Numbers go through {@link ordered}. */
  constructor(
    private name: string,
    private keyOf: (row: T) => string,
  ) {
    this.prefix = name + "/";
  }

  /** Adds an index: rows can be found by what `valueOf` gives, and come in its order. An index that is added later does not know older rows until they are {@link put} again. */
  index(name: string, valueOf: (row: T) => string): Table<T> {
    this.indexes.push(new Index<T>(this.name + "." + name + "/", valueOf));
    return this;
  }

  /** The row of that key, or null. */
  get(key: string): T | null {
    return kv.read<T>(this.prefix + key);
  }

  /** Writes a row in place of the one with its key. Only in a command. */
  put(row: T): void {
    const key = checked(this.keyOf(row));
    if (this.indexes.length > 0) this.unlink(key);
    kv.write<T>(this.prefix + key, row);
    for (let index = 0; index < this.indexes.length; index++) {
      kv.putBytes(this.placeOf(this.indexes[index], row, key), NOTHING);
    }
  }

  /** Whether there was a row of that key. Only in a command. */
  remove(key: string): bool {
    if (this.indexes.length > 0) this.unlink(key);
    return kv.remove(this.prefix + key);
  }

  /** The first rows by key whose keys begin with `prefix`; in reverse the last ones, the last first. */
  list(limit: i32, prefix: string = "", reverse: bool = false): T[] {
    return rowsOf<T>(kv.scan(this.prefix + prefix, limit, reverse));
  }

  /** The rows behind the key `key`, which need not exist. */
  after(key: string, limit: i32): T[] {
    return rowsOf<T>(kv.scanAfter(this.prefix, this.prefix + key, limit));
  }

  /** The rows before the key `key`, the nearest first. */
  before(key: string, limit: i32): T[] {
    return rowsOf<T>(kv.scanBefore(this.prefix, this.prefix + key, limit));
  }

  /** The rows whose index has exactly this value, by key. */
  where(index: string, value: string, limit: i32, reverse: bool = false): T[] {
    return this.found(index, checked(value) + "\0", limit, reverse);
  }

  /** The rows in the order of an index; `prefix` is the beginning of its values. */
  by(index: string, limit: i32, prefix: string = "", reverse: bool = false): T[] {
    return this.found(index, checked(prefix), limit, reverse);
  }

  private found(name: string, prefix: string, limit: i32, reverse: bool): T[] {
    const whole = this.prefixOf(name);
    const places = kv.scan(whole + prefix, limit, reverse);
    const rows: T[] = [];
    for (let index = 0; index < places.length; index++) {
      const place = places[index].key;
      const row = this.get(place.substring(place.indexOf("\0", whole.length) + 1));
      if (row !== null) rows.push(row);
    }
    return rows;
  }

  private prefixOf(name: string): string {
    const prefix = this.name + "." + name + "/";
    for (let index = 0; index < this.indexes.length; index++) {
      if (this.indexes[index].prefix == prefix) return prefix;
    }
    fail("index-unknown", "The table " + this.name + " has no index " + name + ".");
    return prefix;
  }

  private unlink(key: string): void {
    const kept = this.get(key);
    if (kept === null) return;
    for (let index = 0; index < this.indexes.length; index++) kv.remove(this.placeOf(this.indexes[index], kept, key));
  }

  private placeOf(index: Index<T>, row: T, key: string): string {
    return index.prefix + checked(index.valueOf(row)) + "\0" + key;
  }
}

/** A NUL would let one value end inside another. */
function checked(text: string): string {
  if (text.includes("\0")) fail("key-invalid", "A key or the value of an index cannot hold a NUL.");
  return text;
}

function rowsOf<T>(entries: Entry[]): T[] {
  const rows: T[] = [];
  for (let index = 0; index < entries.length; index++) rows.push(entries[index].read<T>());
  return rows;
}
