// Runs many twins over one journal: host/state/journal.ts, host/state/adopt-journal.ts.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import type { Clock } from "../../../host/base/clock.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { adoptJournal } from "../../../host/state/adopt-journal.ts";
import { createDirectoryJournalFolder } from "../../../host/state/directory-journal-folder.ts";
import { type Journal, openJournal } from "../../../host/state/journal.ts";
import type { JournalFolder } from "../../../host/state/journal-folder.ts";
import { type JournalStateStore, openJournalStateStore } from "../../../host/state/journal-state-store.ts";
import type { StateFileOptions } from "../../../host/state/state-file.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { openTestStore } from "../../support/journal-store.ts";
import { createEagerClock, createManualClock } from "../../support/manual-clock.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { textWrite } from "../../support/state-rows.ts";

const root = mkdtempSync(join(tmpdir(), "twin-journals-"));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
const freshFolder = (): string => {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  return folder;
};

const eagerClock = createEagerClock();

function openOne(folder: JournalFolder): Promise<Journal> {
  return openJournal({ folder, kernels: referenceKernels, log: silentLog });
}

function fileOf(folder: string, twin: string): StateFileOptions {
  return {
    path: join(folder, `${twin}.sqlite`),
    key: new Uint8Array(32).fill(twin.length),
    twin,
    kernels: referenceKernels,
    random: createSeededRandom(`${twin} ${count++}`),
  };
}

function openTwin(
  folder: string,
  twin: string,
  journal: Journal,
  clock: Clock = createManualClock(),
): JournalStateStore {
  return openJournalStateStore({ ...fileOf(folder, twin), journal, clock, log: silentLog });
}

function read(store: JournalStateStore, key: string): string | undefined {
  const value = store.get({ namespace: "a", key: utf8Encode(key) });
  return value === undefined ? undefined : utf8Decode(value);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const copyDisk = (disk: Map<number, Uint8Array>): Map<number, Uint8Array> =>
  new Map([...disk].map(([first, bytes]) => [first, bytes.slice()]));
/** Fills a quarter of a segment of the test's disk. */
const FILLER = "x".repeat(4_000);

/** Has `store` begin segments until there are more than the journal wants. */
async function fillSegments(store: JournalStateStore, disk: Map<number, Uint8Array>): Promise<void> {
  const last = Math.max(0, ...disk.keys());
  for (
    let index = 0;
    [...disk.keys()].filter((first) => first > last).length <= LIMITS.state.journalSegmentCount;
    index++
  )
    await store.commit([textWrite("a", `filler ${index % 7}`, FILLER)]);
}

describe("twins that share a journal", () => {
  test("share its writes too, and each finds its own records again", async () => {
    const [folder, disk] = [freshFolder(), createFaultyJournalFolder()];
    const journal = await openOne(disk);
    const stores = ["ann", "bobby", "carolus"].map((twin) => openTwin(folder, twin, journal));
    await Promise.all(stores.map((store, index) => store.commit([textWrite("a", "k", String(index))])));
    expect(disk.counts.writes).toBe(1);
    await stores[1]!.commit([textWrite("a", "more", "b")]);
    // Nobody is closed: a process that is killed.
    const later = await openOne(createFaultyJournalFolder(copyDisk(disk.disk)));
    expect(later.recoveredTwins()).toEqual(["ann", "bobby", "carolus"]);
    const place = freshFolder();
    const found = ["ann", "bobby", "carolus"].map((twin) => openTwin(place, twin, later));
    expect(found.map((store) => [read(store, "k"), read(store, "more")])).toEqual([
      ["0", undefined],
      ["1", "b"],
      ["2", undefined],
    ]);
    for (const store of [...stores, ...found]) store.close();
  });

  test("let one of them be put away and opened again while the others go on", async () => {
    const [folder, disk] = [freshFolder(), createFaultyJournalFolder()];
    await using journal = await openOne(disk);
    const [ann, bob] = [openTwin(folder, "ann", journal), openTwin(folder, "bob", journal, eagerClock)];
    await bob.commit([textWrite("a", "k", "kept")]);
    expect(bob.isCaughtUp).toBe(false);
    await bob.catchUp();
    expect(bob.isCaughtUp).toBe(true);
    bob.close();
    await ann.commit([textWrite("a", "k", "x")]);
    const again = openTwin(folder, "bob", journal);
    expect(read(again, "k")).toBe("kept");
    await again.commit([textWrite("a", "more", "x")]);
    again.close();
    ann.close();
  });

  test("do not let one that does nothing keep the journal from becoming short", async () => {
    const [folder, disk] = [freshFolder(), createFaultyJournalFolder()];
    await using journal = await openOne(disk);
    // Its clock stands still: by itself it would never bring its tables up to date.
    const idle = openTwin(folder, "ann", journal);
    const busy = openTwin(folder, "bob", journal, eagerClock);
    await idle.commit([textWrite("a", "k", "v")]);
    await fillSegments(busy, disk.disk);
    await idle.catchUp();
    await busy.catchUp();
    await fillSegments(busy, disk.disk);
    await busy.catchUp();
    expect(disk.disk.size).toBeLessThanOrEqual(LIMITS.state.journalSegmentCount + 2);
    expect(disk.disk.has(1)).toBe(false);
    expect(read(idle, "k")).toBe("v");
    idle.close();
    busy.close();
  });

  test("keep the records of one that nobody opens, and let go of its segments", async () => {
    const [folder, first] = [freshFolder(), createFaultyJournalFolder()];
    const before = await openOne(first);
    const ann = openTwin(folder, "ann", before);
    for (const value of ["1", "2", "3"]) await ann.commit([textWrite("a", "k", value)]);
    // Killed; its tables have nothing of it, and it is not opened for long.
    const disk = createFaultyJournalFolder(copyDisk(first.disk));
    const journal = await openOne(disk);
    const busy = openTwin(folder, "bob", journal, eagerClock);
    for (let round = 0; round < 3; round++) {
      await fillSegments(busy, disk.disk);
      await busy.catchUp();
    }
    expect(disk.disk.size).toBeLessThanOrEqual(LIMITS.state.journalSegmentCount + 2);
    const later = await openOne(createFaultyJournalFolder(copyDisk(disk.disk)));
    const found = openTwin(freshFolder(), "ann", later);
    expect(read(found, "k")).toBe("3");
    await found.commit([textWrite("a", "k", "4")]);
    expect(read(found, "k")).toBe("4");
    for (const store of [ann, busy, found]) store.close();
  });
});

describe("segments that nobody needs any more", () => {
  const oldest = 1;

  /** A journal of some segments, all of which are let go but the last; the removal of the oldest waits for `removal`. */
  async function letGo(removal: Promise<void>): Promise<Map<number, Uint8Array>> {
    const { faults, disk, ...folder } = createFaultyJournalFolder();
    const journal = await openOne(folder);
    let sequence = 0;
    while (disk.size < 5) {
      const record = { twin: "ada", sequence: ++sequence, sealed: new Uint8Array(4_000) };
      await new Promise<void>((resolve) => journal.enlist({ draw: () => record, settle: () => resolve() }));
    }
    faults.holdRemoval = (first) => (first === oldest ? removal : undefined);
    journal.release("ada", sequence);
    for (let count = 0; count < 20; count++) await turn();
    return disk;
  }

  test("go one after the other: a kill in between leaves no gap", async () => {
    const disk = await letGo(new Promise(() => {}));
    expect(disk.size).toBe(5);
    await openOne(createFaultyJournalFolder(copyDisk(disk)));
  });

  test("stay when an older one cannot be removed", async () => {
    const removal = Promise.reject(new Error("EACCES"));
    removal.catch(() => {});
    const disk = await letGo(removal);
    expect(disk.size).toBe(5);
    await openOne(createFaultyJournalFolder(copyDisk(disk)));
  });

  test("are gone at once otherwise", async () => {
    expect([...(await letGo(Promise.resolve())).keys()]).toHaveLength(1);
  });
});

describe("a twin that was moved away", () => {
  test("may come back, and begins to count anew", async () => {
    const [folder, disk] = [freshFolder(), createFaultyJournalFolder()];
    const journal = await openOne(disk);
    const old = openTwin(folder, "ann", journal);
    for (const value of ["1", "2", "3"]) await old.commit([textWrite("a", "k", value)]);
    old.close();
    await journal.forget("ann");
    const back = openTwin(freshFolder(), "ann", journal);
    expect(read(back, "k")).toBeUndefined();
    await back.commit([textWrite("a", "new", "x")]);
    const later = await openOne(createFaultyJournalFolder(copyDisk(disk.disk)));
    const found = openTwin(freshFolder(), "ann", later);
    expect([read(found, "k"), read(found, "new")]).toEqual([undefined, "x"]);
    back.close();
    found.close();
  });

  test("is forgotten or not, never by half, when the disk fails", async () => {
    const disk = createFaultyJournalFolder();
    const journal = await openOne(disk);
    const ann = openTwin(freshFolder(), "ann", journal);
    await ann.commit([textWrite("a", "k", "v")]);
    disk.faults.failWriteAfter = 0.5;
    await expect(journal.forget("ann")).rejects.toMatchObject({ code: "TWIN_HOST_FOLDER" });
    const kept = await openOne(createFaultyJournalFolder(copyDisk(disk.disk)));
    expect(kept.recoveredTwins()).toEqual(["ann"]);
    await journal.forget("ann");
    const gone = await openOne(createFaultyJournalFolder(copyDisk(disk.disk)));
    expect(gone.recoveredTwins()).toEqual([]);
    ann.close();
  });
});

describe("tables that do not keep up", () => {
  test("let commits be refused before the memory is full, and take them again when they can", async () => {
    const kernels = await openKernels();
    const journal = await openJournal({ folder: createFaultyJournalFolder(), kernels, log: silentLog });
    // Its clock stands still, and so do its tables.
    const options = { ...fileOf(freshFolder(), "ann"), kernels, clock: createManualClock(), log: silentLog };
    const store = openJournalStateStore({ ...options, journal });
    const writes = Array.from({ length: 64 }, (_, index) => ({
      ...textWrite("a", `${index}`),
      value: new Uint8Array(LIMITS.state.valueSizeBytes),
    }));
    let taken = 0;
    const fill = async (): Promise<unknown> => {
      for (; ; taken++) await store.commit(writes);
    };
    await expect(fill()).rejects.toMatchObject({ code: "TWIN_CALL_QUEUE", retry: true });
    expect(taken * writes.length * LIMITS.state.valueSizeBytes).toBeGreaterThanOrEqual(LIMITS.state.waitingSizeBytes);
    await store.catchUp();
    await store.commit(writes);
    store.close();
  });
});

describe("a journal of one twin, as version 0.1.0 left it", () => {
  test("goes into the tables and is gone, also when the process is killed in between", async () => {
    const folder = freshFolder();
    const journalPath = join(folder, "journal");
    const file = fileOf(folder, "ann");
    const journal = await openOne(createDirectoryJournalFolder(journalPath));
    const old = openJournalStateStore({ ...file, journal, clock: createManualClock(), log: silentLog });
    for (const value of ["1", "2"]) await old.commit([textWrite("a", "k", value)]);
    old.close();
    await journal[Symbol.asyncDispose]();
    const options = { ...file, kernels: referenceKernels, clock: createManualClock(), log: silentLog };
    await adoptJournal(journalPath, options);
    expect(existsSync(journalPath)).toBe(false);
    mkdirSync(`${journalPath}.done`);
    await adoptJournal(journalPath, options);
    expect(existsSync(`${journalPath}.done`)).toBe(false);
    const shared = await openOne(createFaultyJournalFolder());
    const found = openTwin(folder, "ann", shared);
    expect(read(found, "k")).toBe("2");
    await found.commit([textWrite("a", "k", "3")]);
    await turn();
    found.close();
  });

  test("is left alone when it is damaged", async () => {
    const folder = freshFolder();
    const path = join(folder, "ann.sqlite");
    const store = await openTestStore(path, { journalPath: join(folder, "journal"), twin: "ann" });
    await store.commit([textWrite("a", "k", "v")]);
    await store[Symbol.asyncDispose]();
    const kernels = referenceKernels;
    const options = { ...fileOf(folder, "ann"), kernels, clock: createManualClock(), log: silentLog };
    await expect(adoptJournal(join(folder, "journal"), { ...options, key: new Uint8Array(32) })).rejects.toMatchObject({
      code: "TWIN_STATE_BROKEN",
    });
    expect(existsSync(join(folder, "journal"))).toBe(true);
  });
});
