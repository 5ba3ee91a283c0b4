// Runs the tables of a twin against SQLite's own refusals: host/state/table-applier.ts, and what
// host/state/journal-state-store.ts makes of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { openJournal } from "../../../host/state/journal.ts";
import { type JournalStateStore, openJournalStateStore } from "../../../host/state/journal-state-store.ts";
import { Overlay } from "../../../host/state/overlay.ts";
import { openStateFile, type StateFile, type StateFileOptions } from "../../../host/state/state-file.ts";
import type { StateWrite } from "../../../host/state/state-store.ts";
import { TableReaders } from "../../../host/state/table-readers.ts";
import { TableApplier } from "../../../host/state/table-applier.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { textWrite } from "../../support/state-rows.ts";

const root = mkdtempSync(join(tmpdir(), "twin-tables-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

function freshFile(): StateFileOptions {
  return {
    path: join(root, `${count++}.sqlite`),
    key: new Uint8Array(32).fill(7),
    twin: "ann",
    kernels: referenceKernels,
    random: createSeededRandom(String(count)),
  };
}

/** Tables with a disk of as many pages as a test says. */
interface Tables {
  readonly file: StateFile;
  readonly applier: TableApplier;
  readonly clock: ManualClock;
  /** Records up to here are safe, as far as the journal was told. */
  readonly synced: () => number;
  /** Hands the applier the next durable record. */
  readonly add: (...writes: readonly StateWrite[]) => void;
  readonly read: (key: string) => number | undefined;
  readonly limitPages: (count: number) => void;
}

const ROOMY = 2 ** 30;

function openTables(options: StateFileOptions = freshFile(), clock: ManualClock = createManualClock()): Tables {
  const [file, overlay] = [openStateFile(options), new Overlay()];
  let synced = 0;
  const onSynced = (sequence: number): void => {
    synced = sequence;
  };
  const applier = new TableApplier({
    file,
    overlay,
    clock,
    log: silentLog,
    appliedSequence: file.ownNumber("applied"),
    isSynced: true,
    onSynced,
  });
  let sequence = applier.appliedSequence;
  return {
    file,
    applier,
    clock,
    synced: () => synced,
    add: (...writes) => {
      sequence += 1;
      const at = { sequence, durable: sequence - 1 };
      for (const write of writes) overlay.put(write, at, file);
      const sizeBytes = writes.reduce((size, { value }) => size + (value?.length ?? 0), 0);
      applier.add({ sequence, rowCount: writes.length, sizeBytes });
    },
    read: (key) => {
      const at = textWrite("a", key);
      return (overlay.find(at)?.newest.value ?? file.get(at))?.length;
    },
    limitPages: (pages) => file.exec(`PRAGMA max_page_count = ${pages}`),
  };
}

function large(key: string): StateWrite {
  return { ...textWrite("a", key), value: new Uint8Array(LIMITS.state.valueSizeBytes) };
}

/** Lets the tables try once more, and a pass of theirs come to its end. */
async function letApply({ clock }: Tables): Promise<void> {
  clock.advance(LIMITS.state.applyRetryMs + LIMITS.state.applyDelayMs);
  for (let turns = 0; turns < 20; turns++) await turn();
}

describe("a pass over many rows", () => {
  const LOOK_MS = 0.05;

  /** The tables, whose clock goes on with each look at it: how many turns a pass of 2,000 rows takes while others come. */
  async function countTurns(othersPerTurn: number): Promise<number> {
    const clock = createManualClock();
    const tables = openTables(freshFile(), { ...clock, elapsedMs: () => (clock.advance(LOOK_MS), clock.elapsedMs()) });
    const { applier, add } = tables;
    const rows = (count: number, name: string): StateWrite[] =>
      Array.from({ length: count }, (_, index) => textWrite("a", `${name} ${index}`));
    add(...rows(2_000, "first"));
    const caughtUp = applier.catchUp();
    let turns = 0;
    for (; applier.appliedSequence === 0; turns++) {
      if (turns > 0 && othersPerTurn > 0) add(...rows(othersPerTurn, `earlier ${turns}`));
      await turn();
    }
    await caughtUp;
    applier.close();
    return turns;
  }

  test("stops again and again for calls, and takes more at once the more new rows come", async () => {
    expect(await countTurns(0)).toBeGreaterThan(400);
    const othersPerTurn = 20;
    const turns = await countTurns(othersPerTurn);
    // In what it takes at once there is more than in what comes meanwhile, so it ends before as many wait again.
    expect(turns * othersPerTurn).toBeLessThan(2_000);
  });

  test("begins behind the answers to who has committed", async () => {
    const { applier, add, file } = openTables();
    const seen: boolean[] = [];
    add(textWrite("a", "k"));
    const caughtUp = applier.catchUp();
    setImmediate(() => seen.push(file.ownNumber("applied") > 0));
    await caughtUp;
    seen.push(file.ownNumber("applied") > 0);
    expect(seen).toEqual([false, true]);
    applier.close();
  });
});

describe("tables whose disk is full", () => {
  test("keep what waits in memory, say so when it is too much, and take all of it when there is room", async () => {
    const tables = openTables();
    const { applier, add, read, limitPages } = tables;
    add(textWrite("a", "small", "1"));
    await applier.catchUp();
    limitPages(4);
    let added = 0;
    const fill = async (): Promise<void> => {
      for (; ; added++) {
        applier.checkRoom();
        add(large(`${added % 50}`), textWrite("a", "small", "22"));
        if (added % 64 === 0) await letApply(tables);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    expect(added * LIMITS.state.valueSizeBytes).toBeGreaterThan(LIMITS.state.waitingSizeBytes / 2);
    const refused = expect(applier.catchUp()).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    await letApply(tables);
    await refused;
    expect([read("0"), read("49"), read("small")]).toEqual([
      LIMITS.state.valueSizeBytes,
      LIMITS.state.valueSizeBytes,
      2,
    ]);
    expect([applier.appliedSequence, tables.synced()]).toEqual([1, 1]);
    limitPages(ROOMY);
    await letApply(tables);
    await applier.catchUp();
    applier.checkRoom();
    expect([applier.appliedSequence, tables.synced()]).toEqual([added + 1, added + 1]);
    expect([read("49"), read("small")]).toEqual([LIMITS.state.valueSizeBytes, 2]);
    // The sizes are those of what is there: nothing of the passes that failed was counted.
    expect(tables.file.ownNumber("size:a")).toBe(10 * 1 + 40 * 2 + 50 * LIMITS.state.valueSizeBytes + 7);
    applier.close();
  });

  test("are closed without what they cannot take, which is nowhere by half", () => {
    const options = freshFile();
    const tables = openTables(options);
    tables.add(textWrite("a", "k", "old"));
    tables.applier.finish();
    tables.limitPages(4);
    tables.add(textWrite("a", "k", "newer"));
    tables.add(large("large"));
    expect(() => tables.applier.finish()).toThrow(expect.objectContaining({ code: "TWIN_STATE_FULL" }));
    tables.applier.close();
    const again = openTables(options);
    expect([again.applier.appliedSequence, again.read("k"), again.read("large")]).toEqual([1, 3, undefined]);
    again.applier.close();
  });
});

test("tables that were only read, and cannot be opened for writing now, take what waits when they can", async () => {
  const options = freshFile();
  openStateFile(options).close();
  const tables = openTables({ ...options, readers: new TableReaders() });
  const { applier, add, read } = tables;
  {
    using holder = new DatabaseSync(options.path);
    holder.exec("BEGIN EXCLUSIVE");
    applier.hurry();
    await letApply(tables);
    add(textWrite("a", "k", "new"));
    await letApply(tables);
    await expect(Promise.all([applier.catchUp(), letApply(tables)])).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    expect([read("k"), applier.appliedSequence, tables.synced()]).toEqual([3, 0, 0]);
  }
  await Promise.all([applier.catchUp(), letApply(tables)]);
  expect([read("k"), applier.appliedSequence, tables.synced()]).toEqual([3, 1, 1]);
  applier.close();
  const again = openTables(options);
  expect([again.applier.appliedSequence, again.read("k")]).toEqual([1, 3]);
  again.applier.close();
});

describe("a state that cannot be opened now", () => {
  const read = (store: JournalStateStore, key: string): number | undefined => store.get(textWrite("a", key))?.length;

  test("has all that was acknowledged when it is tried again", async () => {
    const options = { ...freshFile(), clock: createManualClock(), log: silentLog };
    const disk = createFaultyJournalFolder();
    const journal = await openJournal({ folder: disk, kernels: referenceKernels, log: silentLog });
    const killed = openJournalStateStore({ ...options, journal });
    await killed.commit([textWrite("a", "k", "kept")]);
    const path = freshFile().path;
    const later = await openJournal({
      folder: createFaultyJournalFolder(new Map(disk.disk)),
      kernels: referenceKernels,
      log: silentLog,
    });
    const open = (over: Partial<StateFileOptions> = {}): JournalStateStore =>
      openJournalStateStore({ ...options, path, journal: later, ...over });
    {
      // Somebody looks into the file at this moment.
      openStateFile({ ...options, path }).close();
      using holder = new DatabaseSync(path);
      holder.exec("BEGIN EXCLUSIVE");
      expect(() => open()).toThrow(expect.objectContaining({ code: "TWIN_HOST_BUSY" }));
    }
    // What its key cannot open is refused as often as it is tried.
    const stranger = { path: freshFile().path, key: new Uint8Array(32) };
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => open(stranger)).toThrow(expect.objectContaining({ code: "TWIN_STATE_BROKEN" }));
    }
    const found = open();
    expect(read(found, "k")).toBe(4);
    await found.commit([textWrite("a", "more", "x")]);
    found.close();
    killed.close();
  });

  test("is refused while its tables lack what the journal has, and whole when that was found again", async () => {
    const options = { ...freshFile(), clock: createManualClock(), log: silentLog };
    const journal = await openJournal({
      folder: createFaultyJournalFolder(),
      kernels: referenceKernels,
      log: silentLog,
    });
    const store = openJournalStateStore({ ...options, journal });
    for (const value of ["1", "22"]) await store.commit([textWrite("a", "k", value)]);
    // As a file is that was closed on a full disk: nothing of the journal is in it.
    const { path } = freshFile();
    const open = (): JournalStateStore => openJournalStateStore({ ...options, path, journal });
    expect(open).toThrow(expect.objectContaining({ code: "TWIN_HOST_FOLDER" }));
    await journal.recall("ann");
    const found = open();
    expect(read(found, "k")).toBe(2);
    await found.commit([textWrite("a", "k", "333")]);
    expect(journal.lastSequence("ann")).toBe(3);
    found.close();
    store.close();
  });
});
