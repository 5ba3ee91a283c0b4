// Stores whose tables were judged before: they are read by few readers, and opened for writing late.

import { copyFileSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { SnapshotStateStore } from "../../../host/state/state-store.ts";
import { TableReaders } from "../../../host/state/table-readers.ts";
import { testStateStore } from "../../conformance/state-store.suite.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { type JournalStoreOptions, openTestStore } from "../../support/journal-store.ts";
import { createEagerClock } from "../../support/manual-clock.ts";
import { textWrite } from "../../support/state-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "twin-readers-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;

/** Of tables that are at rest, with one row. */
async function restingPath(over: JournalStoreOptions = {}): Promise<string> {
  const path = join(folder, `${count++}.sqlite`);
  await using store = await openTestStore(path, { folder: createFaultyJournalFolder(), ...over });
  await store.commit([textWrite("a", "k", path)]);
  return path;
}

function read(store: SnapshotStateStore, key: string): string | undefined {
  const value = store.get({ namespace: "a", key: utf8Encode(key) });
  return value && utf8Decode(value);
}

const isWriting = (path: string): boolean => existsSync(`${path}-wal`);

testStateStore("tables that are opened again", async () => {
  const path = join(folder, `${count++}.sqlite`);
  await (await openTestStore(path, { folder: createFaultyJournalFolder() }))[Symbol.asyncDispose]();
  const readers = new TableReaders();
  return await openTestStore(path, { folder: createFaultyJournalFolder(), clock: createEagerClock(), readers });
});

test("tables are opened for writing when something is to be written, and not before", async () => {
  const disk = createFaultyJournalFolder();
  const path = await restingPath({ folder: disk });
  {
    await using store = await openTestStore(path, { folder: disk, readers: new TableReaders() });
    expect([read(store, "k"), store.sizeBytes("a"), store.namespaces()]).toEqual([path, path.length + 1, ["a"]]);
    await store.commit([textWrite("a", "k", "new"), textWrite("a", "more", "x")]);
    expect([read(store, "k"), isWriting(path)]).toEqual(["new", false]);
  }
  expect(isWriting(path)).toBe(false);
  await using store = await openTestStore(path, { folder: disk, readers: new TableReaders() });
  expect([read(store, "k"), read(store, "more"), isWriting(path)]).toEqual(["new", "x", false]);
});

test("what only the journal has is seen at once, and reaches the tables later", async () => {
  const disk = createFaultyJournalFolder();
  const path = await restingPath({ folder: disk });
  await using store = await openTestStore(path, { folder: disk, readers: new TableReaders() });
  await store.commit([textWrite("a", "k", "one"), textWrite("a", "gone", "x")]);
  await store.commit([textWrite("a", "k", "two"), textWrite("a", "gone")]);
  // As a process leaves it that is killed here.
  const [left, copy] = [new Map(disk.disk), `${path}.copy`];
  copyFileSync(path, copy);
  const readers = new TableReaders();
  {
    await using found = await openTestStore(copy, { folder: createFaultyJournalFolder(left), readers });
    expect([read(found, "k"), read(found, "gone"), isWriting(copy)]).toEqual(["two", undefined, false]);
    expect([found.durable.get({ namespace: "a", key: utf8Encode("k") }), found.sizeBytes("a")]).toEqual([
      utf8Encode("two"),
      4,
    ]);
    await found.commit([textWrite("a", "after", "x")]);
  }
  await using found = await openTestStore(copy, { folder: createFaultyJournalFolder(left), readers });
  expect([read(found, "k"), read(found, "after"), found.sizeBytes("a")]).toEqual(["two", "x", 10]);
});

test("a log that a killed process has left is read", async () => {
  const disk = createFaultyJournalFolder();
  const path = await restingPath({ folder: disk });
  const clock = createEagerClock();
  await using store = await openTestStore(path, { folder: disk, clock, readers: new TableReaders() });
  await store.commit([textWrite("a", "k", "in the log")]);
  // Without what the journal says: its tables alone must have it, once they have taken it.
  const readCopy = async (): Promise<string | undefined> => {
    const copy = join(folder, `${count++}.sqlite`);
    for (const suffix of ["", "-wal"]) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
    const over = { folder: createFaultyJournalFolder(), readers: new TableReaders() };
    await using found = await openTestStore(copy, over);
    return read(found, "k");
  };
  await expect.poll(readCopy, { timeout: 10_000 }).toBe("in the log");
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
});

test("what was put in the place of a file that nobody has open is read, and nothing that was read before", async () => {
  const readers = new TableReaders();
  const [path, other] = [await restingPath(), await restingPath()];
  {
    await using store = await openTestStore(path, { folder: createFaultyJournalFolder(), readers });
    expect(read(store, "k")).toBe(path);
  }
  copyFileSync(other, path);
  await using store = await openTestStore(path, { folder: createFaultyJournalFolder(), readers });
  expect(read(store, "k")).toBe(other);
});

test("few readers read many files in turn", async () => {
  const readers = new TableReaders();
  const paths = await Promise.all(Array.from({ length: LIMITS.state.readerCount + 8 }, () => restingPath()));
  await using stack = new AsyncDisposableStack();
  const stores = await Promise.all(
    paths.map(async (path) => stack.use(await openTestStore(path, { folder: createFaultyJournalFolder(), readers }))),
  );
  for (const round of [1, 2]) {
    expect([round, ...stores.map((store) => store.scan({ namespace: "a", start: utf8Encode("k"), limit: 2 }))]).toEqual(
      [round, ...paths.map((path) => [{ key: utf8Encode("k"), value: utf8Encode(path) }])],
    );
  }
  expect(openFiles(paths)).toBeLessThanOrEqual(LIMITS.state.readerCount);
});

/** How many of the files this process has open; none where the system does not tell. */
function openFiles(paths: readonly string[]): number {
  const descriptors = process.platform === "linux" ? readdirSync("/proc/self/fd") : [];
  const links = descriptors.map((descriptor) => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor));
    } catch {
      // Of the listing itself.
      return "";
    }
  });
  const open = new Set(links);
  return paths.filter((path) => open.has(path)).length;
}

test("tables of another twin or key are refused, and so are none", async () => {
  const path = await restingPath();
  const over = { folder: createFaultyJournalFolder(), readers: new TableReaders() };
  const broken = expect.objectContaining({ code: "TWIN_STATE_BROKEN" });
  await expect(openTestStore(path, { ...over, key: new Uint8Array(32).fill(8) })).rejects.toEqual(broken);
  await expect(openTestStore(path, { ...over, twin: "did:key:z6MkB" })).rejects.toEqual(broken);
  await using store = await openTestStore(path, over);
  expect(read(store, "k")).toBe(path);
});
