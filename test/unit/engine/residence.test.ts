// Runs the twins of a worker in virtual time: host/engine/residence.ts, host/engine/resident.ts.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { EngineNews } from "../../../host/engine/operations.ts";
import { NO_OUTSIDE } from "../../../host/engine/outside.ts";
import { createProgramCache } from "../../../host/engine/program-cache.ts";
import { Residence } from "../../../host/engine/residence.ts";
import { createTaskPlaces } from "../../../host/engine/task-runner.ts";
import { NO_QUEUE } from "../../../host/engine/turns.ts";
import { installCapability } from "../../../host/engine/installation.ts";
import { openJournal } from "../../../host/state/journal.ts";
import { TableReaders } from "../../../host/state/table-readers.ts";
import { createFaultyJournalFolder } from "../../support/faulty-journal-folder.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { ECHO, probePackage } from "../../support/probe-package.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const root = mkdtempSync(join(tmpdir(), "twin-residence-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

interface House {
  readonly residence: Residence;
  readonly clock: ManualClock;
  /** Whether requests wait. */
  readonly load: { isBusy: boolean };
  readonly news: { readonly slot: number; readonly news: EngineNews }[];
  /** What was warned of. */
  readonly warnings: string[];
  /** Whether the twin's file is open for writing: SQLite's log is beside it as long as that. */
  readonly isAwake: (slot: number) => boolean;
  readonly call: (slot: number, method: string, params?: unknown) => Promise<unknown>;
  /** Lets up to 25 seconds pass, until it is so. */
  readonly eventually: (isSo: () => boolean) => Promise<void>;
  /** Lets time pass in small steps. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Twins in slots 1, 2, 3 ... with the probe installed, all of them awake. */
async function openHouse(twinCount: number, pack = probePackage()): Promise<House> {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  const clock = createManualClock();
  const news: House["news"] = [];
  const load = { isBusy: false };
  const warnings: string[] = [];
  const residence = new Residence({
    journal: await openJournal({ folder: createFaultyJournalFolder(), kernels: referenceKernels, log: silentLog }),
    kernels: referenceKernels,
    clock,
    random: createSeededRandom(folder),
    log: { ...silentLog, warn: (_, message) => void warnings.push(message) },
    post: () => {},
    onNews: (slot, fresh) => news.push({ slot, news: fresh }),
    turnsOf: () => NO_QUEUE,
    isBusy: () => load.isBusy,
    places: createTaskPlaces(clock),
    programs: createProgramCache(),
    outside: { of: () => NO_OUTSIDE },
    readers: new TableReaders(),
  });
  const fileOf = (slot: number): string => join(folder, `twin-${slot}`);
  for (let slot = 1; slot <= twinCount; slot++) {
    mkdirSync(fileOf(slot));
    residence.add({
      slot,
      twin: `did:key:${slot}`,
      folder: fileOf(slot),
      stateKey: new Uint8Array(32).fill(slot),
      follow: false,
      wasOpened: false,
    });
    await residence.use(slot, (core) => installCapability(core, pack));
  }
  return {
    residence,
    clock,
    load,
    news,
    warnings,
    isAwake: (slot) => readdirSync(fileOf(slot)).includes("state.sqlite-wal"),
    call: async (slot, method, params = "x") => {
      const payload = jsonEncode(params);
      const request = { holder: { kind: "owner" }, capability: "probe", method, payload } as const;
      return jsonDecode((await residence.use(slot, (core) => core.call(request, 0))).payload);
    },
    pass: async (ms) => {
      const stepMs = Math.max(1, ms / 50);
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs);
        await sleep(1);
      }
    },
    eventually: async (isSo) => {
      // Files are closed in the machine's time: a slow disk needs many of these steps.
      for (let step = 0; step < 500 && !isSo(); step++) {
        clock.advance(50);
        await sleep(5);
      }
      expect(isSo()).toBe(true);
    },
  };
}

test("a twin that nothing is asked of falls asleep, and knows everything when it is called", async () => {
  const { isAwake, call, pass, eventually } = await openHouse(2);
  await call(1, "put", "kept");
  expect([isAwake(1), isAwake(2)]).toEqual([true, true]);
  await pass(LIMITS.engine.idleMs / 2);
  expect(await call(2, "echo")).toBe("x");
  await pass(LIMITS.engine.idleMs / 2);
  await eventually(() => !isAwake(1));
  expect(isAwake(2)).toBe(true);
  await pass(LIMITS.engine.idleMs / 2);
  await eventually(() => !isAwake(2));
  expect(await call(1, "get")).toBe("kept");
  // Its receipt is written a little later, and its file opened for that.
  await eventually(() => isAwake(1));
  expect(isAwake(2)).toBe(false);
});

test("a twin that leaves while it falls asleep leaves no warning behind", async () => {
  const { residence, clock, call, isAwake, warnings } = await openHouse(1);
  await call(1, "put", "kept");
  // What was written is not yet in the tables: falling asleep has to wait for that.
  clock.advance(2 * LIMITS.engine.idleMs);
  await Promise.resolve();
  await residence.remove(1);
  await sleep(10);
  expect(isAwake(1)).toBe(false);
  expect(warnings).toEqual([]);
});

test("a timer wakes its twin when it is due, and only that one", async () => {
  const { isAwake, call, pass, news, eventually } = await openHouse(2);
  await call(1, "later", "tick");
  const noted = (): unknown[] => news.flatMap((each) => each.news.events.map(({ payload }) => [each.slot, payload]));
  await pass(900);
  expect(noted()).toEqual([]);
  await eventually(() => noted().length > 0);
  await pass(LIMITS.engine.idleMs);
  await eventually(() => !isAwake(1) && !isAwake(2));
  expect(noted()).toEqual([[1, '"tick"']]);
});

test("a twin that sleeps is woken when its timer is due", async () => {
  const first = await openHouse(1);
  await first.call(1, "later", "tick");
  await first.residence.remove(1);
  const folder = join(root, String(count - 1), "twin-1");
  const { residence, news, eventually, pass } = await openHouse(0);
  residence.add({
    slot: 1,
    twin: "did:key:1",
    folder,
    stateKey: new Uint8Array(32).fill(1),
    follow: false,
    wasOpened: false,
  });
  const noted = (): unknown[] => news.flatMap((each) => each.news.events.map(({ payload }) => payload));
  // Long enough to be looked at, and to fall asleep again.
  await pass(500);
  expect(readdirSync(folder)).not.toContain("state.sqlite-wal");
  expect(noted()).toEqual([]);
  await eventually(() => noted().length > 0);
  expect(noted()).toEqual(['"tick"']);
});

test("twins that come are looked at once, so that what was due while they were away happens", async () => {
  const first = await openHouse(1);
  await first.call(1, "later", "missed");
  await first.residence.remove(1);
  const folder = join(root, String(count - 1), "twin-1");
  const { residence, news, clock, eventually } = await openHouse(0);
  clock.advance(60_000);
  const place = {
    slot: 1,
    twin: "did:key:1",
    folder,
    stateKey: new Uint8Array(32).fill(1),
    follow: false,
    wasOpened: false,
  };
  residence.add(place);
  expect(readdirSync(folder)).not.toContain("state.sqlite-wal");
  await eventually(() => news.some((each) => each.news.events.length > 0));
  expect(news.flatMap((each) => each.news.events.map(({ payload }) => payload))).toEqual(['"missed"']);
  await residence.remove(1);
});

test("a twin stays awake while something of it is under way", async () => {
  const { residence, isAwake, call, pass, eventually } = await openHouse(1);
  const busy = Promise.withResolvers<void>();
  const work = residence.use(1, () => busy.promise);
  await pass(2 * LIMITS.engine.idleMs);
  expect(isAwake(1)).toBe(true);
  busy.resolve();
  await work;
  await pass(LIMITS.engine.idleMs);
  await eventually(() => !isAwake(1));
  expect(await call(1, "echo")).toBe("x");
});

const PAGE_SIZE = 65_536;

/** Two guests of it fit into a worker, three do not; each grows when it receives something. */
function fatProbe(): Uint8Array<ArrayBuffer> {
  const pages = Math.ceil(LIMITS.engine.guestMemorySizeBytes / 3 / PAGE_SIZE) + 1;
  const grow = `(drop (memory.grow (i32.sub (i32.const ${pages}) (memory.size))))`;
  return probePackage({ limits: { memorySizeBytes: pages * PAGE_SIZE }, more: { receive: `${grow} ${ECHO}` } });
}

test("of twins whose guests hold too much together those that were used last stay awake", async () => {
  const { isAwake, call, eventually } = await openHouse(3, fatProbe());
  for (const slot of [1, 3]) await call(slot, "receive");
  await call(1, "echo");
  expect([1, 2, 3].map(isAwake)).toEqual([true, true, true]);
  await call(2, "receive");
  await eventually(() => !isAwake(3));
  expect([isAwake(1), isAwake(2)]).toEqual([true, true]);
  expect(await call(3, "receive", "again")).toBe("again");
  await eventually(() => !isAwake(1));
});

test("guests that timers start count as those of calls do", async () => {
  const { isAwake, call, eventually } = await openHouse(3, fatProbe());
  for (const slot of [1, 2, 3]) await call(slot, "later", "tick");
  expect([1, 2, 3].map(isAwake)).toEqual([true, true, true]);
  // Nobody asks anything, and long before one would fall asleep by itself.
  await eventually(() => [1, 2, 3].filter(isAwake).length === 2);
});

test("of very many twins those that were used last stay awake, and all of them for a short time while requests wait", async () => {
  const { call, eventually, residence, load, pass, clock } = await openHouse(0);
  // As after the death of a worker, when all of its twins are asked at once.
  load.isBusy = true;
  const folder = mkdtempSync(join(root, "many-"));
  const slots = Array.from({ length: LIMITS.engine.awakeCount + 8 }, (_, index) => index + 1);
  for (const slot of slots) {
    const place = join(folder, String(slot));
    mkdirSync(place);
    residence.add({
      slot,
      twin: `t${slot}`,
      folder: place,
      stateKey: new Uint8Array(32).fill(1),
      follow: false,
      wasOpened: false,
    });
    await residence.use(slot, async (core) => core.status());
  }
  const awake = (): number[] =>
    slots.filter((slot) => readdirSync(join(folder, String(slot))).includes("state.sqlite-wal"));
  await residence.use(1, async (core) => core.status());
  await pass(LIMITS.engine.crowdedGraceMs / 2);
  expect(awake()).toHaveLength(slots.length);
  // They may wait for that for a short time only.
  clock.advance(LIMITS.engine.crowdedGraceMs);
  await eventually(() => awake().length <= LIMITS.engine.awakeCount);
  expect(awake()).toEqual(expect.arrayContaining([1, slots.length - 1, slots.length]));
  expect(awake()).not.toContain(2);
  await expect(call(999, "echo")).rejects.toMatchObject({ code: "TWIN_ABORTED" });
});
