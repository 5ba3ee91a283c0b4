// Pages of a table WITHOUT ROWID in a SQLite file, and the rows in them: (namespace, key, value), in order of the
// first two. https://www.sqlite.org/fileformat2.html, sections 1.3 (file header), 1.6 (b-tree pages), 2.1 (records).

import { utf8Decode } from "../base/bytes.ts";

/** Bytes of the file header, in front of the first page's own. */
export const FILE_HEADER_SIZE = 100;
const MAGIC = "SQLite format 3\0";
const UTF8 = 1;
const INTERIOR_INDEX = 2;
const LEAF_INDEX = 10;
const LEAF_TABLE = 13;
const LEAF_HEADER_SIZE = 8;
const INTERIOR_HEADER_SIZE = 12;
const POINTER_SIZE = 4;
/** A varint of so many bytes is beyond every size that a file of ours has. */
const VARINT_SIZE_MAX = 6;
const NOTHING = new Uint8Array(0);

/** Thrown for what no SQLite file of ours has, which its message says in half a sentence. Who reads the file knows its name. */
export class PageDamage extends Error {
  override readonly name = "PageDamage";
}

/** A place between rows: before the key, or behind all keys of the namespace. */
export interface TablePlace {
  /** UTF-8. */
  readonly namespace: Uint8Array;
  readonly key: Uint8Array | undefined;
}

/** What the file header says. */
export interface FileHeader {
  readonly pageSize: number;
  /** Of a page, without what is reserved at its end. */
  readonly usableSize: number;
}

/** Reads the first {@link FILE_HEADER_SIZE} bytes. Throws {@link PageDamage}. */
export function decodeFileHeader(bytes: Uint8Array): FileHeader {
  if (bytes.length < FILE_HEADER_SIZE) throw new PageDamage("the file has no header");
  for (let index = 0; index < MAGIC.length; index++) {
    if (bytes[index] !== MAGIC.charCodeAt(index)) throw new PageDamage("it is no SQLite file");
  }
  // 65,536 does not fit, and is written as 1.
  const pageSize = u16(bytes, 16) === 1 ? 65_536 : u16(bytes, 16);
  const usableSize = pageSize - bytes[20]!;
  if (pageSize < 512 || usableSize < 480 || u32(bytes, 56) !== UTF8) throw new PageDamage("its header is damaged");
  return { pageSize, usableSize };
}

/** A page of an index b-tree, which a table WITHOUT ROWID is. */
export interface TablePage {
  readonly bytes: Uint8Array;
  readonly cellCount: number;
  readonly isLeaf: boolean;
  /** Where its cells' pointers begin. */
  readonly pointersAt: number;
}

/** The page of these bytes. Throws {@link PageDamage}. */
export function decodePage(bytes: Uint8Array): TablePage {
  const kind = bytes[0]!;
  if (kind !== LEAF_INDEX && kind !== INTERIOR_INDEX) throw new PageDamage(`a page is of kind ${kind}`);
  const isLeaf = kind === LEAF_INDEX;
  const cellCount = u16(bytes, 3);
  const pointersAt = isLeaf ? LEAF_HEADER_SIZE : INTERIOR_HEADER_SIZE;
  if (pointersAt + 2 * cellCount > bytes.length) throw new PageDamage("a page has more cells than room");
  return { bytes, cellCount, isLeaf, pointersAt };
}

/** Number of the page with what comes before the cell of that index; of the one behind all cells: what comes after them. */
export function childOf({ bytes, cellCount, pointersAt }: TablePage, index: number): number {
  return u32(bytes, index === cellCount ? LEAF_HEADER_SIZE : u16(bytes, pointersAt + 2 * index));
}

/** Where a row stands: it is moved from row to row, as a look for one visits many. */
export class TableRow {
  /** Of its page; or all of its own, when it was gathered from several. */
  bytes: Uint8Array = NOTHING;
  sizeBytes = 0;
  /** Number of the page where it goes on, if it is not whole. */
  overflow = 0;
  #start = 0;
  #localEnd = 0;
  #namespaceAt = 0;
  #keyAt = 0;
  #valueAt = 0;

  /** Moves to the cell of that index. Throws {@link PageDamage}. */
  moveTo({ bytes, isLeaf, pointersAt }: TablePage, index: number, { usableSize }: FileHeader): void {
    const cell = u16(bytes, pointersAt + 2 * index) + (isLeaf ? 0 : POINTER_SIZE);
    const sizeBytes = varint(bytes, cell);
    const start = cell + varintSize(bytes, cell);
    // Section 1.6, "Cell payload": as much of a long row stays here as lets the rest fill whole pages.
    const most = Math.floor(((usableSize - 12) * 64) / 255) - 23;
    const least = Math.floor(((usableSize - 12) * 32) / 255) - 23;
    const rest = least + ((sizeBytes - least) % (usableSize - POINTER_SIZE));
    const localSize = sizeBytes <= most ? sizeBytes : rest <= most ? rest : least;
    const localEnd = start + localSize;
    if (localEnd > bytes.length) throw new PageDamage("a row ends behind its page");
    this.overflow = localSize < sizeBytes ? u32(bytes, localEnd) : 0;
    this.#decode(bytes, start, localEnd, sizeBytes);
  }

  /** Moves to a row that is whole in `bytes`, and all that is in them. Throws {@link PageDamage}. */
  moveInto(bytes: Uint8Array): void {
    this.overflow = 0;
    this.#decode(bytes, 0, bytes.length, bytes.length);
  }

  /** Whether all of it is here. */
  get isWhole(): boolean {
    return this.#localEnd === this.#start + this.sizeBytes;
  }

  /** Whether all of its key is here. */
  get hasKey(): boolean {
    return this.#valueAt <= this.#localEnd;
  }

  /** The part of it that is here. */
  get local(): Uint8Array {
    return this.bytes.subarray(this.#start, this.#localEnd);
  }

  /** How it stands to the place: negative before it, 0 when it has the very key. It must have its key. */
  compare({ namespace, key }: TablePlace): number {
    const order = compareWithin(this.bytes, this.#namespaceAt, this.#keyAt, namespace);
    if (order !== 0) return order;
    return key === undefined ? -1 : compareWithin(this.bytes, this.#keyAt, this.#valueAt, key);
  }

  /** Throws {@link PageDamage} when it is no text. */
  get namespace(): string {
    try {
      return utf8Decode(this.bytes.subarray(this.#namespaceAt, this.#keyAt));
    } catch {
      throw new PageDamage("a namespace is no text");
    }
  }

  get key(): Uint8Array {
    return this.bytes.subarray(this.#keyAt, this.#valueAt);
  }

  get valueSizeBytes(): number {
    return this.#start + this.sizeBytes - this.#valueAt;
  }

  /** It must be whole. */
  get value(): Uint8Array {
    return this.bytes.subarray(this.#valueAt, this.#start + this.sizeBytes);
  }

  /** Finds the columns. */
  #decode(bytes: Uint8Array, start: number, localEnd: number, sizeBytes: number): void {
    const headerSize = varint(bytes, start);
    let at = start + varintSize(bytes, start);
    const namespaceType = varint(bytes, at);
    const keyType = varint(bytes, (at += varintSize(bytes, at)));
    const valueType = varint(bytes, (at += varintSize(bytes, at)));
    at += varintSize(bytes, at);
    const isOurs = isText(namespaceType) && isBlob(keyType) && isBlob(valueType) && at === start + headerSize;
    const keyAt = at + sizeOf(namespaceType);
    const valueAt = keyAt + sizeOf(keyType);
    if (!isOurs || at > localEnd || valueAt + sizeOf(valueType) !== start + sizeBytes) {
      throw new PageDamage("a row is not as ours are");
    }
    this.bytes = bytes;
    this.sizeBytes = sizeBytes;
    [this.#start, this.#localEnd, this.#namespaceAt, this.#keyAt, this.#valueAt] = [
      start,
      localEnd,
      at,
      keyAt,
      valueAt,
    ];
  }
}

/** Number of the page where the only table of the file begins, which was made by the statement `sql`, as the file's first page says. Throws {@link PageDamage} when it is another one. */
export function decodeSchema(first: Uint8Array, sql: Uint8Array): number {
  const header = first.subarray(FILE_HEADER_SIZE);
  if (header[0] !== LEAF_TABLE || u16(header, 3) !== 1) throw notOurs();
  let at = u16(header, LEAF_HEADER_SIZE);
  // The sizes of the row and of its number.
  for (let count = 0; count < 2; count++) at += varintSize(first, at);
  const columnsAt = at + varint(first, at);
  at += varintSize(first, at);
  // Section 2.6: type, name, tbl_name, rootpage, sql.
  let rootAt = columnsAt;
  for (let count = 0; count < 3; count++) {
    rootAt += sizeOf(varint(first, at));
    at += varintSize(first, at);
  }
  const rootSize = varint(first, at);
  const sqlType = varint(first, (at += varintSize(first, at)));
  const isWhole = at + varintSize(first, at) === columnsAt && rootSize >= 1 && rootSize <= 4 && isText(sqlType);
  const sqlAt = rootAt + rootSize;
  if (!isWhole || compareWithin(first, sqlAt, sqlAt + sizeOf(sqlType), sql) !== 0) throw notOurs();
  let root = 0;
  for (let index = 0; index < rootSize; index++) root = root * 256 + first[rootAt + index]!;
  return root;
}

function notOurs(): PageDamage {
  return new PageDamage("it has another table than ours");
}

// Types of columns (section 2.1): odd ones from 13 are texts, even ones from 12 are blobs.

function isText(type: number): boolean {
  return type >= 13 && type % 2 === 1;
}

function isBlob(type: number): boolean {
  return type >= 12 && type % 2 === 0;
}

function sizeOf(type: number): number {
  return (type - (type % 2 === 1 ? 13 : 12)) / 2;
}

/** Section 1.6: seven bits of each byte, the highest first; the eighth says that more follow. */
function varint(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return first;
  let value = first & 0x7f;
  for (let index = 1; index < VARINT_SIZE_MAX; index++) {
    const byte = bytes[at + index]!;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  throw new PageDamage("a size is beyond all bounds");
}

function varintSize(bytes: Uint8Array, at: number): number {
  let size = 1;
  while (bytes[at + size - 1]! >= 0x80) size += 1;
  return size;
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

/** Number of the page where a row goes on, behind its bytes here or at the start of a page of it. */
export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 65_536 + u16(bytes, at + 2);
}

/** As `compareBytes`, of bytes within others. */
function compareWithin(bytes: Uint8Array, start: number, end: number, other: Uint8Array): number {
  const length = Math.min(end - start, other.length);
  for (let index = 0; index < length; index++) {
    const difference = bytes[start + index]! - other[index]!;
    if (difference !== 0) return difference;
  }
  return end - start - other.length;
}
