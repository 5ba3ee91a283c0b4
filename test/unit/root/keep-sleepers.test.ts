// Tests host/keep-sleepers.ts: twins that nobody has open, with visits that only count.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { SleeperKeeper, type SleeperVisit } from "../../../host/keep-sleepers.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";

const { sleeperRoundMs, sleeperLookMs, sampleIntervalMs } = LIMITS.vault;
const root = mkdtempSync(join(tmpdir(), "sleepers-"));
afterAll(() => rmSync(root, { recursive: true }));

interface Opened {
  readonly keeper: SleeperKeeper;
  readonly clock: ManualClock;
  /** What was done, in order. */
  readonly done: string[];
  readonly isMarked: (name: string) => boolean;
}

function open(place: string, names: readonly string[], over: Partial<SleeperVisit> = {}): Opened {
  const done: string[] = [];
  const folderOf = (name: string): string => join(place, name);
  for (const name of names) mkdirSync(folderOf(name), { recursive: true });
  const clock = createManualClock(Date.now());
  const visit = (name: string): Promise<SleeperVisit> =>
    Promise.resolve({
      look: async () => void done.push(`look ${name}`),
      flush: async () => void done.push(`flush ${name}`),
      [Symbol.asyncDispose]: async () => void done.push(`close ${name}`),
      ...over,
    });
  const keeper = new SleeperKeeper({ names: async () => names, folderOf, visit, clock, log: silentLog });
  onTestFinished(() => keeper[Symbol.asyncDispose]());
  return { keeper, clock, done, isMarked: (name) => existsSync(join(folderOf(name), "kept")) };
}

function freshPlace(): string {
  return mkdtempSync(join(root, "host-"));
}

const VISIT = (name: string): string[] => [`flush ${name}`, `look ${name}`, `flush ${name}`, `close ${name}`];

/** A round, to its end: between rounds the keeper sleeps. */
async function round({ clock, done }: Opened, count: number): Promise<void> {
  const rests = (): Promise<void> => expect.poll(() => clock.sleeperCount).toBe(1);
  await rests();
  clock.advance(sleeperRoundMs);
  await rests();
  expect(done.filter((what) => what.startsWith("close"))).toHaveLength(count);
}

test("each is visited once, one at a time, and then again a day later", async () => {
  const opened = open(freshPlace(), ["ada", "ben"]);
  opened.keeper.start();
  await round(opened, 2);
  expect(opened.done).toEqual([...VISIT("ada"), ...VISIT("ben")]);
  expect(["ada", "ben"].map(opened.isMarked)).toEqual([true, true]);
  await round(opened, 2);
  opened.clock.advance(sleeperLookMs);
  await round(opened, 4);
});

test("one that has changed is visited in the next round, also after the host was killed meanwhile", async () => {
  const place = freshPlace();
  const before = open(place, ["ada", "ben"]);
  before.keeper.start();
  await round(before, 2);
  await before.keeper.changed("ben");
  expect(["ada", "ben"].map(before.isMarked)).toEqual([true, false]);
  const after = open(place, ["ada", "ben"]);
  after.keeper.start();
  await round(after, 1);
  expect(after.done).toEqual(VISIT("ben"));
  await round(before, 3);
  expect(before.done.slice(-4)).toEqual(VISIT("ben"));
});

test("what changes during a visit is copied by it", async () => {
  let flushes = 0;
  const opened = open(freshPlace(), ["ada"], {
    flush: async () => {
      flushes++;
      if (flushes <= 2) await opened.keeper.changed("ada");
    },
  });
  opened.keeper.start();
  await round(opened, 1);
  expect(flushes).toBe(4);
  expect(opened.isMarked("ada")).toBe(true);
});

test("a visit that fails leaves no mark, does not keep others waiting, and is tried again an hour later", async () => {
  let isBroken = true;
  const flush = async (): Promise<void> => {
    if (isBroken) throw new Error("The stores are away.");
  };
  const opened = open(freshPlace(), ["ada", "ben"], { flush });
  opened.keeper.start();
  await round(opened, 2);
  expect(["ada", "ben"].map(opened.isMarked)).toEqual([false, false]);
  await round(opened, 2);
  isBroken = false;
  opened.clock.advance(sampleIntervalMs);
  await round(opened, 4);
  expect(["ada", "ben"].map(opened.isMarked)).toEqual([true, true]);
});

test("who opens a twin waits until its visit has ended, which it hurries", async () => {
  const opened = open(freshPlace(), ["ada"], {
    look: (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  opened.keeper.start();
  opened.clock.advance(sleeperRoundMs);
  await expect.poll(() => opened.isMarked("ada")).toBe(true);
  await opened.keeper.claim("ada");
  expect(opened.done).toEqual(["flush ada", "close ada"]);
  // Nobody tells of what changes from now on.
  expect(opened.isMarked("ada")).toBe(false);
});

test("who opens a twin while it is being copied leaves it without a mark", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const copying = vi.fn<() => Promise<void>>(() => promise);
  const opened = open(freshPlace(), ["ada"], { flush: copying });
  opened.keeper.start();
  while (copying.mock.calls.length === 0) {
    await sleep(5);
    opened.clock.advance(sleeperRoundMs);
  }
  const claimed = opened.keeper.claim("ada");
  resolve();
  await claimed;
  expect(opened.done).toEqual(["close ada"]);
  expect(opened.isMarked("ada")).toBe(false);
});

test("a change while the keeper closes is still on record", async () => {
  const opened = open(freshPlace(), ["ada"]);
  opened.keeper.start();
  await round(opened, 1);
  await opened.keeper[Symbol.asyncDispose]();
  await opened.keeper.changed("ada");
  expect(opened.isMarked("ada")).toBe(false);
});
