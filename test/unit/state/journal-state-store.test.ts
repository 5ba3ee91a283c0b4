// Runs the suite for host/state/journal-state-store.ts.

import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { createDirectoryJournalFolder } from "../../../host/state/directory-journal-folder.ts";
import type { StateReads, StateStore, StateWrite } from "../../../host/state/state-store.ts";
import { testStateStore } from "../../conformance/state-store.suite.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { openTestStore } from "../../support/journal-store.ts";
import { createEagerClock, createManualClock } from "../../support/manual-clock.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { textWrite } from "../../support/state-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "twin-journal-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function freshPath(): string {
  return join(folder, `${count++}.sqlite`);
}

/** Time in which every wait is over at once: tables follow the journal as fast as they can. */
const eagerClock = createEagerClock();

const broken = expect.objectContaining({ code: "TWIN_STATE_BROKEN" });

function read(store: Pick<StateReads, "get">, key: string): string | undefined {
  const value = store.get({ namespace: "a", key: utf8Encode(key) });
  return value === undefined ? undefined : utf8Decode(value);
}

/** The turn of the event loop in which tables take what waits. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where the files of a process that is killed now would be found by the next one. */
function copyOf(path: string): string {
  const copy = freshPath();
  for (const suffix of ["", "-wal"]) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  return copy;
}

const copyDisk = (disk: Map<number, Uint8Array>): Map<number, Uint8Array> =>
  new Map([...disk].map(([first, bytes]) => [first, bytes.slice()]));

testStateStore("the journal alone", () => openTestStore(freshPath(), { folder: createFaultyJournalFolder() }));
testStateStore("the journal with its tables", () =>
  openTestStore(freshPath(), { folder: createFaultyJournalFolder(), clock: eagerClock }),
);

describe("a journal in a directory", () => {
  test("keeps what was committed over restarts, in segments that go when their tables are safe", async () => {
    const path = freshPath();
    for (let round = 0; round < 3; round++) {
      await using store = await openTestStore(path);
      expect(read(store, "round")).toBe(round === 0 ? undefined : String(round - 1));
      await store.commit([textWrite("a", "round", String(round)), textWrite("a", `key ${round}`, "v")]);
    }
    await using store = await openTestStore(path);
    expect(store.sizeBytes("a")).toBe(24);
    await store.commit([textWrite("a", "round", "last")]);
    expect(readdirSync(`${path}.d`).filter((name) => name.endsWith(".journal")).length).toBeLessThanOrEqual(2);
  });

  test("goes on in further segments when one is full, and has them all when its process was killed", async () => {
    const path = freshPath();
    // Its tables stay behind, and it is not closed before its files are copied.
    const store = await openTestStore(path);
    for (let index = 0; index < 12; index++) {
      await store.commit([textWrite("a", `key ${index}`, String(index).repeat(50_000))]);
    }
    const segments = readdirSync(`${path}.d`).filter((name) => name.endsWith(".journal"));
    expect(segments.length).toBeGreaterThan(1);
    const copy = copyOf(path);
    cpSync(`${path}.d`, `${copy}.d`, { recursive: true });
    await store[Symbol.asyncDispose]();
    await using found = await openTestStore(copy);
    for (let index = 0; index < 12; index++) expect(read(found, `key ${index}`)?.slice(0, 1)).toBe(String(index)[0]);
    expect(readdirSync(`${path}.d`)).toHaveLength(1);
  });

  test("shows neither keys nor values", async () => {
    const path = freshPath();
    await using store = await openTestStore(path);
    await store.commit([textWrite("a", "a very long and open key", "a very secret sentence")]);
    const name = readdirSync(`${path}.d`).find((file) => file.endsWith(".journal"));
    const bytes = readFileSync(join(`${path}.d`, name!));
    expect(bytes.includes("did:key:z6MkA")).toBe(true);
    expect(bytes.includes("secret")).toBe(false);
    expect(bytes.includes("open key")).toBe(false);
  });

  test("says of every error of its file system which folder and what to do", async () => {
    const disk = createDirectoryJournalFolder(join(folder, "x".repeat(300)));
    const refused = { code: "TWIN_HOST_FOLDER", message: expect.stringMatching(/x{300} \(ENAMETOOLONG\)\. Check/u) };
    await expect(disk.create(1)).rejects.toMatchObject(refused);
  });

  test("is not made before something is written", async () => {
    const path = freshPath();
    await using store = await openTestStore(path);
    expect(read(store, "k")).toBeUndefined();
    expect(existsSync(`${path}.d`)).toBe(false);
  });
});

describe("commits", () => {
  test("of one turn are one write, and those made meanwhile the next one", async () => {
    const disk = createFaultyJournalFolder();
    await using store = await openTestStore(freshPath(), { folder: disk });
    const hold = Promise.withResolvers<void>();
    disk.faults.hold = hold.promise;
    const first = [1, 2, 3].map((index) => store.commit([textWrite("a", `${index}`, "x")]));
    await turn();
    const second = [4, 5, 6].map((index) => store.commit([textWrite("a", `${index}`, "x")]));
    hold.resolve();
    await Promise.all([...first, ...second]);
    expect(disk.counts.writes).toBe(2);
  });

  test("are visible at once, and durable when they are acknowledged", async () => {
    const disk = createFaultyJournalFolder();
    await using store = await openTestStore(freshPath(), { folder: disk });
    await store.commit([textWrite("a", "k", "old"), textWrite("a", "gone", "x")]);
    const hold = Promise.withResolvers<void>();
    disk.faults.hold = hold.promise;
    const durable = store.commit([textWrite("a", "k", "new"), textWrite("a", "gone"), textWrite("a", "more", "x")]);
    await turn();
    const later = store.commit([textWrite("a", "k", "newest")]);
    const keys = (reads: Pick<StateReads, "scan">): string[] =>
      reads.scan({ namespace: "a", start: new Uint8Array(), limit: 9 }).map(({ key }) => utf8Decode(key));
    expect([read(store, "k"), read(store.durable, "k")]).toEqual(["newest", "old"]);
    expect([keys(store), keys(store.durable)]).toEqual([
      ["k", "more"],
      ["gone", "k"],
    ]);
    hold.resolve();
    await durable;
    expect(read(store.durable, "k")).toBe("new");
    await later;
    expect([keys(store.durable), read(store.durable, "k")]).toEqual([["k", "more"], "newest"]);
  });

  test("are seen by reads that have seen what was before, in the tables and in memory", async () => {
    const folder = createFaultyJournalFolder();
    await using store = await openTestStore(freshPath(), { folder, clock: eagerClock });
    const at = { namespace: "a", key: utf8Encode("k") };
    for (const round of ["1", "2", "3"]) {
      const before = read(store, "k");
      const durable = store.commit([textWrite("a", "k", round)]);
      expect([read(store, "k"), read(store.durable, "k")]).toEqual([round, before]);
      await durable;
      for (let turns = 0; turns < 10; turns++) {
        expect([read(store, "k"), read(store.durable, "k")]).toEqual([round, round]);
        // What a caller does with its bytes is its own affair.
        store.get(at)!.fill(0);
        await turn();
      }
    }
    folder.faults.failWrites = true;
    await expect(store.commit([textWrite("a", "k", "lost")])).rejects.toThrow("The disk is full.");
    folder.faults.failWrites = false;
    expect(read(store, "k")).toBe("3");
    await store.commit([textWrite("a", "k")]);
    for (let turns = 0; turns < 10; turns++, await turn()) expect(read(store, "k")).toBeUndefined();
  });

  test("that bring nothing wait for what was committed before", async () => {
    const disk = createFaultyJournalFolder();
    await using store = await openTestStore(freshPath(), { folder: disk });
    let done = false;
    const hold = Promise.withResolvers<void>();
    disk.faults.hold = hold.promise;
    void store.commit([textWrite("a", "k", "v")]).then(() => (done = true));
    const nothing = store.commit([]);
    hold.resolve();
    await nothing;
    expect(done).toBe(true);
    await store.commit([]);
    expect(disk.counts.writes).toBe(1);
  });
});

describe("a write that fails", () => {
  test.each([0, 0.3, 0.99, 1])("fails its commits and those built on it, when %d of it is on disk", async (share) => {
    const disk = createFaultyJournalFolder();
    const path = freshPath();
    await using store = await openTestStore(path, { folder: disk });
    await store.commit([textWrite("a", "k", "kept"), textWrite("a", "gone", "x")]);
    const hold = Promise.withResolvers<void>();
    Object.assign(disk.faults, { hold: hold.promise, failWriteAfter: share });
    const failed = store.commit([textWrite("a", "k", "lost"), textWrite("a", "new", "x"), textWrite("a", "gone")]);
    await turn();
    const built = store.commit([textWrite("a", "k", "built on it")]);
    hold.resolve();
    await expect(failed).rejects.toMatchObject({ code: "TWIN_HOST_FOLDER" });
    await expect(built).rejects.toMatchObject({ code: "TWIN_HOST_FOLDER" });
    expect(["k", "new", "gone"].map((key) => read(store, key))).toEqual(["kept", undefined, "x"]);
    expect(store.sizeBytes("a")).toBe(10);
    const found = await openTestStore(copyOf(path), { folder: createFaultyJournalFolder(copyDisk(disk.disk)) });
    expect(["k", "new", "gone"].map((key) => read(found, key))).toEqual(["kept", undefined, "x"]);
    await found[Symbol.asyncDispose]();
    await store.commit([textWrite("a", "k", "after")]);
    const later = await openTestStore(copyOf(path), { folder: createFaultyJournalFolder(copyDisk(disk.disk)) });
    expect([read(later, "k"), later.sizeBytes("a")]).toEqual(["after", 11]);
    await later[Symbol.asyncDispose]();
  });

  test("for want of room fails commits until there is some", async () => {
    const disk = createFaultyJournalFolder();
    await using store = await openTestStore(freshPath(), { folder: disk });
    disk.faults.failCreate = true;
    for (let index = 0; index < 3; index++) {
      await expect(store.commit([textWrite("a", "k", "v")])).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
      expect(read(store, "k")).toBeUndefined();
    }
    disk.faults.failCreate = false;
    await store.commit([textWrite("a", "k", "v")]);
    expect(read(store, "k")).toBe("v");
  });
});

describe("a journal that is not as it was left", () => {
  async function written(): Promise<{ path: string; disk: Map<number, Uint8Array>; ends: number[] }> {
    const folder = createFaultyJournalFolder();
    const path = freshPath();
    // Its tables never follow, and it is never closed: everything is in the journal alone.
    const store = await openTestStore(path, { folder });
    await store.commit([textWrite("a", "1", "x")]);
    await store.commit([textWrite("a", "2", "x".repeat(1_500))]);
    await store.commit([textWrite("a", "3", "x")]);
    const found = { path: copyOf(path), disk: copyDisk(folder.disk), ends: [512, 2_560, 3_072] };
    await store[Symbol.asyncDispose]();
    return found;
  }
  const keysAfter = async (path: string, disk: Map<number, Uint8Array>): Promise<(string | undefined)[]> => {
    await using store = await openTestStore(path, { folder: createFaultyJournalFolder(disk) });
    return ["1", "2", "3"].map((key) => read(store, key)?.slice(0, 1));
  };

  test.each([0, 1, 79, 80, 200, 511])(
    "loses nothing before a last group that was torn after %i bytes",
    async (size) => {
      const { path, disk, ends } = await written();
      disk.get(1)!.fill(0, ends[1]! + size);
      expect(await keysAfter(copyOf(path), disk)).toEqual(["x", "x", size < 200 ? undefined : "x"]);
    },
  );

  test("is refused when a group was damaged that others follow", async () => {
    const { path, disk, ends } = await written();
    for (const at of [0, 5, 20, 60, 100, ends[0]!, ends[0]! + 1_000]) {
      const damaged = copyDisk(disk);
      damaged.get(1)![at]! ^= 1;
      await expect(keysAfter(copyOf(path), damaged)).rejects.toEqual(broken);
    }
    const second = copyDisk(disk);
    second.get(1)![ends[0]!]! ^= 1;
    // Where to look is said.
    await expect(keysAfter(copyOf(path), second)).rejects.toThrow(
      `memory/1.journal cannot be used: the group 2 was changed, at byte ${ends[0]}`,
    );
  });

  test("is refused when its first segment is gone, and for another twin's records", async () => {
    const { path, disk } = await written();
    const later = createFaultyJournalFolder(disk);
    const store = await openTestStore(copyOf(path), { folder: later });
    await store.commit([textWrite("a", "4", "x")]);
    const rest = copyDisk(later.disk);
    await store[Symbol.asyncDispose]();
    rest.delete(1);
    await expect(keysAfter(copyOf(path), rest)).rejects.toEqual(broken);
    await expect(
      openTestStore(copyOf(path), { folder: createFaultyJournalFolder(disk), key: new Uint8Array(32) }),
    ).rejects.toEqual(broken);
  });
});

test.each([
  { rows: "a few rows that are written often", keyMax: 4, minLength: 0, maxLength: 4, numRuns: 60 },
  // More than one slice takes.
  { rows: "many rows that go to the tables in slices", keyMax: 99, minLength: 40, maxLength: 80, numRuns: 40 },
])(
  "a store of $rows behaves as the model, whenever its process is killed",
  async ({ keyMax, minLength, maxLength, numRuns }) => {
    const write = fc.record({
      namespace: fc.constantFrom("a", "b"),
      key: fc.uint8Array({ minLength: 1, maxLength: 1, max: keyMax }),
      value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
    });
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant("commit" as const), writes: fc.array(write, { minLength, maxLength }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("apply" as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), share: fc.constantFrom(0, 0.5, 1) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const stores: StateStore[] = [];
        let path = freshPath();
        let disk = createFaultyJournalFolder();
        let looks = 0;
        // A slice is over when it has looked at the clock a few times.
        const clock = { ...createManualClock(), elapsedMs: () => ++looks };
        let store = await openTestStore(path, { folder: disk, clock });
        stores.push(store);
        const acknowledged: StateWrite[][] = [];
        let flying: { writes: StateWrite[]; failed: boolean }[] = [];
        const settle = async (): Promise<void> => {
          await store.commit([]).catch(() => {});
          await turn();
          acknowledged.push(...flying.filter(({ failed }) => !failed).map(({ writes }) => writes));
          flying = [];
          disk.faults.failWriteAfter = undefined;
        };
        /** Nothing is told to the store: what is on the disks now is all that is left. */
        const kill = async (): Promise<void> => {
          await settle();
          path = copyOf(path);
          disk = createFaultyJournalFolder(copyDisk(disk.disk));
          store = await openTestStore(path, { folder: disk, clock });
          stores.push(store);
        };
        for (const step of steps) {
          if (step.do === "commit") {
            const commit = { writes: step.writes, failed: false };
            flying.push(commit);
            store.commit(step.writes).catch(() => (commit.failed = true));
          } else if (step.do === "wait") await settle();
          else if (step.do === "fail") disk.faults.failWriteAfter = step.share;
          else if (step.do === "apply") {
            clock.advance(1_000);
            await turn();
          } else await kill();
        }
        await settle();
        const model = createMemoryStateStore();
        for (const writes of acknowledged) await model.commit(writes);
        const expectModel = (): void => {
          for (const namespace of ["a", "b"]) {
            for (const reverse of [false, true]) {
              for (const limit of [10, 1_000]) {
                const range = { namespace, start: new Uint8Array(), limit, reverse };
                expect(store.scan(range)).toEqual(model.scan(range));
                expect(store.durable.scan(range)).toEqual(model.scan(range));
              }
            }
            expect(store.sizeBytes(namespace)).toBe(model.sizeBytes(namespace));
          }
        };
        expectModel();
        await kill();
        expectModel();
        for (const old of stores) await old[Symbol.asyncDispose]();
      }),
      { numRuns },
    );
  },
);
