import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { openSqliteStateStore } from "../../../host/state/sqlite-state-store.ts";
import type { StateStore } from "../../../host/state/state-store.ts";
import { testStateStore } from "../../conformance/state-store.suite.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { textWrite } from "../../support/state-rows.ts";

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "twin-state-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const key = new Uint8Array(32).fill(7);

function freshPath(): string {
  return join(folder, `${count++}.sqlite`);
}

function open(path: string, over: Partial<Parameters<typeof openSqliteStateStore>[0]> = {}): Promise<StateStore> {
  return openSqliteStateStore({
    path,
    key,
    twin: "did:key:z6MkA",
    kernels: referenceKernels,
    random: systemRandom,
    ...over,
  });
}

function read(store: StateStore, key: string): string | undefined {
  const value = store.get({ namespace: "a", key: utf8Encode(key) });
  return value === undefined ? undefined : utf8Decode(value);
}

/** Changes one row of a closed file behind the store's back. */
function tamper(path: string, sql: string, ...values: (string | Uint8Array)[]): void {
  const database = new DatabaseSync(path);
  expect(database.prepare(sql).run(...values).changes).toBeGreaterThan(0);
  database.close();
}

testStateStore("SQLite", () => open(freshPath()));
testStateStore("SQLite that sums sizes up", () => open(freshPath(), { sizes: "summed" }));
testStateStore("memory", async () => createMemoryStateStore());

describe("the state file", () => {
  test("keeps what was committed, and the sizes, when it is opened again", async () => {
    const path = freshPath();
    {
      await using store = await open(path);
      await store.commit([textWrite("a", "k", "v"), textWrite("a", "k2", "vv")]);
      await store.commit([textWrite("a", "k")]);
    }
    await using store = await open(path);
    expect(read(store, "k2")).toBe("vv");
    expect(read(store, "k")).toBeUndefined();
    expect(store.sizeBytes("a")).toBe(4);
  });

  test("is readable by its user alone, and shows no value", async () => {
    const path = freshPath();
    {
      await using store = await open(path);
      await store.commit([textWrite("a", "k", "a very secret sentence")]);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path).includes("secret")).toBe(false);
  });

  test("makes the commits of one turn durable together, each all or nothing", async () => {
    await using store = await open(freshPath());
    const good = store.commit([textWrite("a", "1", "x")]);
    // A value that is no bytes fails in the middle of its own commit.
    const bad = store.commit([textWrite("a", "2", "x"), { ...textWrite("a", "3"), value: {} as Uint8Array }]);
    const later = store.commit([textWrite("a", "4", "x")]);
    await expect(bad).rejects.toThrow(/Uint8Array/);
    await Promise.all([good, later]);
    expect(["1", "2", "3", "4"].map((key) => read(store, key))).toEqual(["x", undefined, undefined, "x"]);
    expect(store.sizeBytes("a")).toBe(4);
  });

  test("commits what is on its way when it is closed", async () => {
    const path = freshPath();
    const store = await open(path);
    const durable = store.commit([textWrite("a", "k", "v")]);
    await store[Symbol.asyncDispose]();
    await durable;
    await using again = await open(path);
    expect(read(again, "k")).toBe("v");
  });

  test("is refused while it is open elsewhere", async () => {
    const path = freshPath();
    await using store = await open(path);
    await expect(open(path)).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    await store.commit([textWrite("a", "k", "v")]);
  });

  test("is refused in a folder that does not exist", async () => {
    await expect(open(join(folder, "absent", "x.sqlite"))).rejects.toMatchObject({ code: "TWIN_HOST_FOLDER" });
  });
});

describe("the version of a state file's rows", () => {
  test("is raised by who writes newer ones, and keeps who would misread them out", async () => {
    const path = freshPath();
    {
      await using store = await open(path);
      await store.commit([textWrite("a", "k", "older")]);
    }
    {
      await using store = await open(path, { version: 2 });
      expect(read(store, "k")).toBe("older");
    }
    const before = readFileSync(path);
    await expect(open(path)).rejects.toMatchObject({
      code: "TWIN_STATE_BROKEN",
      message: expect.stringContaining("version 2, and this host reads version 1") as string,
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    await using store = await open(path, { version: 2 });
    expect(read(store, "k")).toBe("older");
  });

  test("is that of a new file from its first byte on", async () => {
    const path = freshPath();
    await (await open(path, { version: 2 }))[Symbol.asyncDispose]();
    await expect(open(path)).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
  });
});

describe("a state file that is not as it was left", () => {
  test("says what its user has said is to be done", async () => {
    const remedy = "Stop the host, then run twin vault reindex";
    const path = await written();
    tamper(path, "UPDATE entry SET value = ? WHERE namespace = 'a'", new Uint8Array(50));
    {
      await using store = await open(path, { remedy });
      expect(() => read(store, "k")).toThrow(`${remedy}; nothing was changed.`);
    }
    writeFileSync(path, "no database any more ".repeat(500));
    await expect(open(path, { remedy })).rejects.toThrow(`${remedy}; nothing was changed.`);
    await expect(open(path)).rejects.toThrow("Restore it from a backup; nothing was changed.");
  });

  test.each([
    ["text", () => Buffer.from("this is not a database, but long enough to be one".repeat(200))],
    ["noise", () => Buffer.from(systemRandom.bytes(9_000))],
    ["a database of something else", otherDatabase],
  ])("is refused untouched when it is %s", async (_what, content) => {
    const path = freshPath();
    const bytes = content();
    writeFileSync(path, bytes);
    await expect(open(path)).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("is refused untouched for another twin and under another key", async () => {
    const path = await written();
    const before = readFileSync(path);
    await expect(open(path, { twin: "did:key:z6MkB" })).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    await expect(open(path, { key: new Uint8Array(32) })).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("is refused when it was cut", async () => {
    const path = await written();
    writeFileSync(path, readFileSync(path).subarray(0, 6_000));
    await expect(open(path)).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
  });

  test("is refused when a trigger was added", async () => {
    const path = await written();
    const database = new DatabaseSync(path);
    database.exec("CREATE TRIGGER t AFTER UPDATE ON entry BEGIN DELETE FROM entry; END");
    database.close();
    await expect(open(path)).rejects.toMatchObject({ code: "TWIN_STATE_BROKEN" });
  });

  test.each([0, 23, 24, 30, 40])("fails the read of a value whose byte %i was flipped", async (index) => {
    const path = await written();
    const flipped = sealedValue(path);
    flipped[index]! ^= 1;
    tamper(path, "UPDATE entry SET value = ? WHERE namespace = 'a' AND key = CAST('k' AS BLOB)", flipped);
    await using store = await open(path);
    expect(() => read(store, "k")).toThrow(expect.objectContaining({ code: "TWIN_STATE_BROKEN" }));
    expect(() => store.scan({ namespace: "a", start: new Uint8Array(), limit: 9 })).toThrow(/changed from outside/);
    expect(read(store, "l")).toBe("w");
  });

  test.each([0, 10, 39])("fails the read of a value that was cut to %i bytes", async (size) => {
    const path = await written();
    tamper(path, "UPDATE entry SET value = ? WHERE namespace = 'a'", sealedValue(path).slice(0, size));
    await using store = await open(path);
    expect(() => read(store, "k")).toThrow(expect.objectContaining({ code: "TWIN_STATE_BROKEN" }));
  });

  test("fails the read of a value that was moved from another key or namespace", async () => {
    const path = await written();
    tamper(path, "UPDATE entry SET value = ? WHERE namespace = 'a' AND key = CAST('l' AS BLOB)", sealedValue(path));
    tamper(path, "UPDATE entry SET value = ? WHERE namespace = 'b'", sealedValue(path));
    await using store = await open(path);
    expect(() => read(store, "l")).toThrow(expect.objectContaining({ code: "TWIN_STATE_BROKEN" }));
    expect(() => store.get({ namespace: "b", key: utf8Encode("k") })).toThrow(/changed from outside/);
  });
});

describe("a process that is killed", () => {
  test("has lost no commit that it acknowledged", async () => {
    const path = freshPath();
    const child = spawn(process.execPath, [join(import.meta.dirname, "commit-loop.ts"), path, `${path}.ledger`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await expect.poll(() => readFileSync(`${path}.ledger`).length).toBeGreaterThan(10);
    child.kill("SIGKILL");
    await once(child, "exit");
    const acknowledged = readFileSync(`${path}.ledger`).length;
    await using store = await open(path);
    for (let index = 0; index < acknowledged; index++) {
      // Both rows of each commit: all or nothing.
      expect(read(store, `left-${index}`)).toBe(String(index));
      expect(read(store, `right-${index}`)).toBe(String(index));
    }
    const rows = store.scan({ namespace: "a", start: new Uint8Array(), limit: 1_000_000 });
    expect(rows.length % 2).toBe(0);
    expect(store.sizeBytes("a")).toBe(rows.reduce((size, row) => size + row.key.length + row.value.length, 0));
  });
});

async function written(): Promise<string> {
  const path = freshPath();
  await using store = await open(path);
  await store.commit([textWrite("a", "k", "v"), textWrite("a", "l", "w"), textWrite("b", "k", "v")]);
  return path;
}

function sealedValue(path: string): Uint8Array {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare("SELECT value FROM entry WHERE namespace = 'a' AND key = CAST('k' AS BLOB)").get();
  database.close();
  return (row!["value"] as Uint8Array).slice();
}

function otherDatabase(): Buffer {
  const path = freshPath();
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE notes (text TEXT)");
  database.close();
  return readFileSync(path);
}
