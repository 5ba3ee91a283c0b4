// Our own reading of SQLite files, against SQLite's.

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { compareBytes, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { RestingTable } from "../../../host/state/resting-table.ts";
import type { StateRange } from "../../../host/state/state-store.ts";

const SCHEMA =
  "CREATE TABLE entry (namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID";
const SQL = utf8Encode(SCHEMA);

const folder = mkdtempSync(join(tmpdir(), "twin-resting-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;

interface Row {
  readonly namespace: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A file that SQLite has made of the rows, some of which it has deleted again. */
function makeFile({
  rows,
  gone = [],
  pageSize = 4_096,
}: {
  rows: readonly Row[];
  gone?: readonly Row[];
  pageSize?: number;
}): string {
  const path = join(folder, `${count++}.sqlite`);
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA page_size = ${pageSize}; PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; BEGIN; ${SCHEMA}`,
  );
  const put = database.prepare("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)");
  for (const { namespace, key, value } of rows) put.run(namespace, key, value);
  database.exec("COMMIT");
  const remove = database.prepare("DELETE FROM entry WHERE namespace = ? AND key = ?");
  for (const { namespace, key } of gone) remove.run(namespace, key);
  database.close();
  return path;
}

/** The rows that are left, in order; of several with one key the last one. */
function expectedRows(rows: readonly Row[], gone: readonly Row[]): Row[] {
  const nameOf = ({ namespace, key }: Row): string => `${namespace}/${key.toHex()}`;
  const left = new Map(rows.map((row) => [nameOf(row), row]));
  for (const row of gone) left.delete(nameOf(row));
  return [...left.values()].toSorted(
    (one, other) =>
      compareBytes(utf8Encode(one.namespace), utf8Encode(other.namespace)) || compareBytes(one.key, other.key),
  );
}

function expectedScan(
  rows: readonly Row[],
  { namespace, start, end, reverse, limit }: StateRange,
): Omit<Row, "namespace">[] {
  const within = rows.filter(
    (row) =>
      row.namespace === namespace &&
      compareBytes(row.key, start) >= 0 &&
      (end === undefined || compareBytes(row.key, end) < 0),
  );
  return (reverse === true ? within.toReversed() : within).slice(0, limit).map(({ key, value }) => ({ key, value }));
}

const plain = (entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): string[] =>
  entries.map(({ key, value }) => `${key.toHex()}=${value.length}:${Buffer.from(value).toString("latin1")}`);

const namespaces = fc.constantFrom("", "a", "ab", "b", "$täble", "z".repeat(64));
const keys = fc.oneof(
  fc.uint8Array({ maxLength: 2 }),
  // The end of a long key stands in another page.
  fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 3 })).map(([size, end]) => {
    const key = new Uint8Array(505 + size + end.length).fill(9);
    key.set(end, 505 + size);
    return key;
  }),
);
const values = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.tuple(fc.integer({ min: 300, max: 20_000 }), fc.nat(255)).map(([size, byte]) => new Uint8Array(size).fill(byte)),
);
const rowsOf = (maxLength: number): fc.Arbitrary<Row[]> =>
  fc.array(fc.record({ namespace: namespaces, key: keys, value: values }), { maxLength, size: "max" });

test("what SQLite has written is read as SQLite reads it, whatever the sizes of rows and pages", () => {
  const cases = fc.record({
    rows: rowsOf(60),
    goneShare: fc.nat(3),
    pageSize: fc.constantFrom(512, 1_024, 4_096, 65_536),
    range: fc.record({
      namespace: namespaces,
      start: keys,
      end: fc.option(keys, { nil: undefined }),
      reverse: fc.boolean(),
      limit: fc.oneof(fc.nat(4), fc.constant(1_000)),
    }),
    absent: fc.record({ namespace: namespaces, key: keys }),
  });
  fc.assert(
    fc.property(cases, ({ rows, goneShare, pageSize, range, absent }) => {
      const gone = rows.filter((_, index) => index % 4 < goneShare);
      const left = expectedRows(rows, gone);
      const table = new RestingTable(makeFile({ rows, gone, pageSize }), SQL);
      try {
        for (const row of left) {
          expect(table.sizeBytes(row)).toBe(row.value.length);
          expect(compareBytes(table.get(row)!, row.value)).toBe(0);
        }
        const known = left.find((row) => row.namespace === absent.namespace && compareBytes(row.key, absent.key) === 0);
        expect(table.get(absent)?.length).toBe(known?.value.length);
        expect(plain(table.scan(range))).toEqual(plain(expectedScan(left, range)));
        const all = { namespace: range.namespace, start: new Uint8Array(), limit: 1_000, reverse: range.reverse };
        expect(plain(table.scan(all))).toEqual(plain(expectedScan(left, all)));
        const names = [...new Set(left.map(({ namespace }) => namespace))];
        for (const [index, name] of names.entries()) expect(table.nextNamespace(name)).toBe(names[index + 1]);
      } finally {
        table.close();
      }
    }),
    { numRuns: 40 },
  );
});

test("a value of any size is read, wherever in other pages it goes on", () => {
  // Each bound of what stays in a page, and of what fills pages, is passed.
  const rows = Array.from({ length: 1_600 }, (_, size): Row => {
    return { namespace: "a", key: utf8Encode(String(size)), value: new Uint8Array(size).fill(size & 0xff) };
  });
  for (const pageSize of [512, 1_024]) {
    const table = new RestingTable(makeFile({ rows, pageSize }), SQL);
    for (const row of rows) expect(compareBytes(table.get(row) ?? SQL, row.value)).toBe(0);
    table.close();
  }
});

/** Of so many levels that pages lead to pages that lead to pages. */
function deepRows(rowCount: number): Row[] {
  return Array.from({ length: rowCount }, (_, index) => {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, index * 7);
    return { namespace: index % 3 === 0 ? "a" : "b", key, value: new Uint8Array(index % 50).fill(index & 0xff) };
  });
}

test("a large file is read page by page, and more of it than is kept", () => {
  const rows = deepRows(20_000);
  const path = makeFile({ rows, pageSize: 1_024 });
  const left = expectedRows(rows, []);
  const table = new RestingTable(path, SQL);
  expect(openDescriptors(path)).toBe(process.platform === "linux" ? 1 : 0);
  const pageCount = readFileSync(path).length / 1_024;
  expect(pageCount * 1_024).toBeGreaterThan((3 * LIMITS.state.cacheSizeBytes) / LIMITS.state.readerCount);
  for (const reverse of [false, true]) {
    const range = { namespace: "b", start: new Uint8Array(), limit: Infinity, reverse };
    expect(plain(table.scan(range))).toEqual(plain(expectedScan(left, range)));
  }
  for (const row of left.filter((_, index) => index % 97 === 0))
    expect(compareBytes(table.get(row)!, row.value)).toBe(0);
  expect(table.nextNamespace("a")).toBe("b");
  table.close();
  expect(openDescriptors(path)).toBe(0);
});

test("a small file is not kept open", () => {
  const path = makeFile({ rows: deepRows(10) });
  const table = new RestingTable(path, SQL);
  expect(openDescriptors(path)).toBe(0);
  expect(table.nextNamespace("")).toBe("a");
});

/** How often this process has the file open; 0 where the system does not tell. */
function openDescriptors(path: string): number {
  const descriptors = existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd") : [];
  return descriptors.filter((descriptor) => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor)) === path;
    } catch {
      // Of the listing itself.
      return false;
    }
  }).length;
}

/** Everything that can be asked. Throws what the table throws. */
function readAll(path: string): void {
  const table = new RestingTable(path, SQL);
  try {
    for (const reverse of [false, true]) {
      for (const namespace of ["a", "b"]) table.scan({ namespace, start: new Uint8Array(), limit: Infinity, reverse });
    }
    for (const row of deepRows(40)) if (table.get(row) !== undefined) table.sizeBytes(row);
    // Ends, as each is behind the one before.
    for (let name: string | undefined = ""; name !== undefined;) name = table.nextNamespace(name);
  } finally {
    table.close();
  }
}

/** What reading the file throws, when it is not what a damaged file is told by. */
function surprise(path: string): unknown {
  try {
    readAll(path);
    return undefined;
  } catch (thrown) {
    return thrown instanceof TwinError && thrown.code === "TWIN_STATE_BROKEN" ? undefined : thrown;
  }
}

test("damage anywhere in a file is refused or read, and nothing else happens", () => {
  const long = { namespace: "a", key: utf8Encode("long"), value: new Uint8Array(5_000).fill(1) };
  const path = makeFile({ rows: [...deepRows(600), long], pageSize: 512 });
  const whole = readFileSync(path);
  const damages = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  // Of the heads of pages and the pointers behind them, where damage leads astray.
  const heads = fc.array(
    fc
      .tuple(fc.nat(whole.length / 512 - 1), fc.nat(40), fc.nat(255))
      .map(([page, at, byte]) => [page * 512 + at, byte] as const),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.oneof(damages, heads), (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      writeFileSync(path, bytes);
      expect(surprise(path)).toBeUndefined();
    }),
    { numRuns: 150 },
  );
});

test("a file that ends early is refused", () => {
  const path = makeFile({ rows: deepRows(3_000), pageSize: 512 });
  const { length } = readFileSync(path);
  const broken = expect.objectContaining({ code: "TWIN_STATE_BROKEN" });
  for (const size of [length - 512 * 40, length - 1, 600, 512, 99, 0]) {
    truncateSync(path, size);
    expect(() => readAll(path)).toThrow(broken);
  }
});

test("pages that lead in a circle are refused", () => {
  const path = makeFile({ rows: deepRows(3_000), pageSize: 512 });
  const bytes = new Uint8Array(readFileSync(path));
  // The root is the second page: all that it leads to is itself.
  const root = bytes.subarray(512, 1_024);
  const view = new DataView(root.buffer, root.byteOffset, root.length);
  expect(root[0]).toBe(2);
  for (let cell = 0; cell < view.getUint16(3); cell++) view.setUint32(view.getUint16(12 + 2 * cell), 2);
  view.setUint32(8, 2);
  writeFileSync(path, bytes);
  const broken = expect.objectContaining({ code: "TWIN_STATE_BROKEN" });
  const table = new RestingTable(path, SQL);
  expect(() => table.scan({ namespace: "a", start: new Uint8Array(), limit: 10 })).toThrow(broken);
  expect(() => table.get({ namespace: "a", key: utf8Encode("none") })).toThrow(broken);
  table.close();
});

test("pages that are reached twice are refused before their rows fill the memory", () => {
  const path = makeFile({ rows: deepRows(3_000).map((row) => ({ ...row, namespace: "a" })), pageSize: 512 });
  const bytes = new Uint8Array(readFileSync(path));
  const root = new DataView(bytes.buffer, 512, 512);
  // All that the root leads to is what its first cell leads to.
  const child = root.getUint32(root.getUint16(12));
  for (let cell = 0; cell < root.getUint16(3); cell++) root.setUint32(root.getUint16(12 + 2 * cell), child);
  root.setUint32(8, child);
  writeFileSync(path, bytes);
  const table = new RestingTable(path, SQL);
  for (const reverse of [false, true]) {
    expect(() => table.scan({ namespace: "a", start: new Uint8Array(), limit: Infinity, reverse })).toThrow(
      expect.objectContaining({ code: "TWIN_STATE_BROKEN" }),
    );
  }
  table.close();
});

test("a row that says that it is larger than its file is refused before there is room for it", () => {
  const path = makeFile({ rows: [], pageSize: 512 });
  const bytes = new Uint8Array(readFileSync(path));
  const root = bytes.subarray(512, 1_024);
  expect(root[0]).toBe(10);
  // One cell, of 2^40 bytes: a header of nine, no namespace, no key, and the rest is the value.
  root.set([10, 0, 0, 0, 1, 0, 200, 0, 0, 200]);
  const varint = (value: number): number[] =>
    [5, 4, 3, 2, 1, 0].map((group) => (Math.floor(value / 128 ** group) % 128) + (group === 0 ? 0 : 128));
  root.set([...varint(2 ** 40), 9, 13, 12, ...varint(2 * (2 ** 40 - 9) + 12)], 200);
  writeFileSync(path, bytes);
  const table = new RestingTable(path, SQL);
  const place = { namespace: "", key: new Uint8Array() };
  expect(table.sizeBytes(place)).toBe(2 ** 40 - 9);
  expect(() => table.get(place)).toThrow(expect.objectContaining({ code: "TWIN_STATE_BROKEN" }));
});

test("a database of something else is refused, and a file that is not there is said to be missing", () => {
  const broken = expect.objectContaining({ code: "TWIN_STATE_BROKEN" });
  for (const [name, sql] of [
    ["empty", ""],
    ["other", "CREATE TABLE entry (namespace TEXT, key BLOB, value BLOB)"],
    ["index", `${SCHEMA}; CREATE INDEX more ON entry (value)`],
  ] as const) {
    const path = join(folder, `${name}.sqlite`);
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA user_version = 1; ${sql}`);
    database.close();
    expect(() => new RestingTable(path, SQL)).toThrow(broken);
  }
  writeFileSync(join(folder, "text.sqlite"), "Not a database. ".repeat(100));
  expect(() => new RestingTable(join(folder, "text.sqlite"), SQL)).toThrow(broken);
  expect(() => new RestingTable(join(folder, "none.sqlite"), SQL)).toThrow(
    expect.objectContaining({ code: "TWIN_HOST_FOLDER" }),
  );
});
