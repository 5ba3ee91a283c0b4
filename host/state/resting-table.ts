// Reads the table of a state file that nobody writes, without SQLite: to open a connection, and to prepare what is
// asked of it, costs ten times more than the few rows that a twin needs to wake.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { LIMITS } from "../base/limits.ts";
import { fileFailure } from "./file-failure.ts";
import { stateBroken } from "./sqlite-failure.ts";
import { namespaceBytes } from "./state-key.ts";
import type { StateKey, StateRange } from "./state-store.ts";
import {
  childOf,
  decodeFileHeader,
  decodePage,
  decodeSchema,
  FILE_HEADER_SIZE,
  type FileHeader,
  PageDamage,
  type TablePage,
  type TablePlace,
  TableRow,
  u32,
} from "./table-page.ts";

/** SQLite's own bound: a page that leads back to where it was reached from is found by it. */
const DEPTH_MAX = 20;
const POINTER_SIZE = 4;
/** What is read of a file when it is opened: all of a small one. */
const HEAD_SIZE_MAX = 64 * 1024;

/** A row whose value is sealed. */
export interface SealedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** One table, as its file says until it is closed. Small files are in memory as a whole, of larger ones the pages that were read last. */
export class RestingTable {
  readonly #path: string;
  /** The file's beginning. */
  readonly #head: Uint8Array;
  readonly #header: FileHeader;
  readonly #root: number;
  readonly #pageCount: number;
  /** The last ones that were read behind the head. */
  readonly #pages = new Map<number, Uint8Array>();
  readonly #keptCount: number;
  /** The one that is looked at. */
  readonly #row = new TableRow();
  /** Open as long as there is more to read. */
  #descriptor: number | undefined;

  /** Opens the file, whose table was made by the statement `sql`. Throws `TWIN_STATE_BROKEN` when it is something else, `TWIN_HOST_FOLDER` when it cannot be read. */
  constructor(path: string, sql: Uint8Array) {
    this.#path = path;
    try {
      const descriptor = openSync(path, "r");
      this.#descriptor = descriptor;
      const { size } = fstatSync(descriptor);
      this.#head = new Uint8Array(Math.min(size, HEAD_SIZE_MAX));
      this.#fill(this.#head, 0);
      if (size === this.#head.length) this.close();
      this.#header = decodeFileHeader(this.#head.subarray(0, FILE_HEADER_SIZE));
      this.#pageCount = size / this.#header.pageSize;
      const { cacheSizeBytes, readerCount } = LIMITS.state;
      this.#keptCount = cacheSizeBytes / readerCount / this.#header.pageSize;
      if (!Number.isInteger(this.#pageCount)) throw new PageDamage("it ends within a page");
      this.#root = decodeSchema(this.#page(1), sql);
    } catch (thrown) {
      this.close();
      throw this.#inWords(thrown);
    }
  }

  /** The row's value, not a copy; undefined when there is none. */
  get(at: StateKey): Uint8Array | undefined {
    return this.#guard(() => (this.#find(at) ? this.#value() : undefined));
  }

  /** The value's size; undefined when there is none. */
  sizeBytes(at: StateKey): number | undefined {
    return this.#guard(() => (this.#find(at) ? this.#row.valueSizeBytes : undefined));
  }

  /** Rows of the range in its order; values are no copies. */
  scan({ namespace: name, start, end, reverse, limit }: StateRange): SealedEntry[] {
    const namespace = namespaceBytes(name);
    const [first, last] = [
      { namespace, key: start },
      { namespace, key: end },
    ];
    const sign = reverse === true ? -1 : 1;
    return this.#guard(() => {
      const entries: SealedEntry[] = [];
      const rows = reverse === true ? this.#descend(this.#root, last) : this.#ascend(this.#root, first);
      for (const row of rows) {
        if (entries.length >= limit) break;
        const before = { namespace, key: entries.at(-1)?.key };
        if (reverse === true ? row.compare(first) < 0 : row.compare(last) >= 0) break;
        if (before.key !== undefined && row.compare(before) * sign <= 0) throw outOfOrder();
        entries.push({ key: row.key.slice(), value: this.#value() });
      }
      return entries;
    });
  }

  /** The first namespace with rows behind `name`. */
  nextNamespace(name: string): string | undefined {
    return this.#guard(() => {
      const place = { namespace: namespaceBytes(name), key: undefined };
      const [row] = this.#ascend(this.#root, place);
      if (row !== undefined && row.compare(place) <= 0) throw outOfOrder();
      return row?.namespace;
    });
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Moves to the row of that key, and says whether there is one. */
  #find({ namespace, key }: StateKey): boolean {
    const place = { namespace: namespaceBytes(namespace), key };
    for (let [number, depth] = [this.#root, 0]; ; depth++) {
      const page = this.#tablePage(number, depth);
      const index = this.#indexOf(page, place);
      if (index < page.cellCount && this.#moveTo(page, index).compare(place) === 0) return true;
      if (page.isLeaf) return false;
      number = childOf(page, index);
    }
  }

  /** Rows below that page from `place` on; all of them without it. */
  *#ascend(number: number, place: TablePlace | undefined, depth = 0): Generator<TableRow, void> {
    const page = this.#tablePage(number, depth);
    let index = place === undefined ? 0 : this.#indexOf(page, place);
    if (!page.isLeaf) yield* this.#ascend(childOf(page, index), place, depth + 1);
    for (; index < page.cellCount; index++) {
      yield this.#moveTo(page, index);
      if (!page.isLeaf) yield* this.#ascend(childOf(page, index + 1), undefined, depth + 1);
    }
  }

  /** Rows below that page before `place`, the last one first; all of them without it. */
  *#descend(number: number, place: TablePlace | undefined, depth = 0): Generator<TableRow, void> {
    const page = this.#tablePage(number, depth);
    let index = place === undefined ? page.cellCount : this.#indexOf(page, place);
    if (!page.isLeaf) yield* this.#descend(childOf(page, index), place, depth + 1);
    while (index-- > 0) {
      yield this.#moveTo(page, index);
      if (!page.isLeaf) yield* this.#descend(childOf(page, index), undefined, depth + 1);
    }
  }

  /** Of the page's first row that is not before `place`. */
  #indexOf(page: TablePage, place: TablePlace): number {
    let [low, high] = [0, page.cellCount];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#moveTo(page, middle).compare(place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** To a row with all of its key. */
  #moveTo(page: TablePage, index: number): TableRow {
    this.#row.moveTo(page, index, this.#header);
    if (!this.#row.hasKey) this.#gather();
    return this.#row;
  }

  #value(): Uint8Array {
    if (!this.#row.isWhole) this.#gather();
    return this.#row.value;
  }

  /** Has the row with all that stands in other pages. */
  #gather(): void {
    const { local, sizeBytes, overflow } = this.#row;
    if (sizeBytes > this.#pageCount * this.#header.pageSize) throw new PageDamage("a row is larger than the file");
    const whole = new Uint8Array(sizeBytes);
    whole.set(local);
    let at = local.length;
    for (let number = overflow; at < sizeBytes;) {
      const page = this.#page(number);
      const part = page.subarray(POINTER_SIZE, POINTER_SIZE + sizeBytes - at);
      whole.set(part, at);
      at += part.length;
      number = u32(page, 0);
    }
    this.#row.moveInto(whole);
  }

  #tablePage(number: number, depth: number): TablePage {
    // The first page is of the schema.
    if (number === 1 || depth > DEPTH_MAX) throw new PageDamage("its pages lead nowhere");
    return decodePage(this.#page(number));
  }

  #page(number: number): Uint8Array {
    const { pageSize, usableSize } = this.#header;
    const from = (number - 1) * pageSize;
    if (!(number >= 1 && number <= this.#pageCount)) throw new PageDamage(`it has no page ${number}`);
    if (from + pageSize <= this.#head.length) return this.#head.subarray(from, from + usableSize);
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    if (this.#pages.size >= this.#keptCount) this.#pages.delete(this.#pages.keys().next().value!);
    const page = new Uint8Array(usableSize);
    this.#fill(page, from);
    this.#pages.set(number, page);
    return page;
  }

  #fill(bytes: Uint8Array, position: number): void {
    for (let offset = 0; offset < bytes.length;) {
      const count = readSync(this.#descriptor!, bytes, offset, bytes.length - offset, position + offset);
      if (count === 0) throw new PageDamage("it ends before its last page");
      offset += count;
    }
  }

  #guard<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (thrown) {
      throw this.#inWords(thrown);
    }
  }

  #inWords(thrown: unknown): unknown {
    if (thrown instanceof PageDamage)
      return stateBroken(this.#path, `it is damaged or no state file: ${thrown.message}`);
    return fileFailure(thrown, this.#path);
  }
}

/** Pages that are reached twice would have no end. */
function outOfOrder(): PageDamage {
  return new PageDamage("its rows are out of order");
}
