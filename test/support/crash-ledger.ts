// What a crash loop's processes share: two twins, their keys, packages and ledger; and the judgement
// of what a killed one has left.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { jsonDecode } from "../../host/base/bytes.ts";
import type { ReceiptSum, TwinEvent } from "../../host/engine/engine.ts";
import type { SnapshotStateStore } from "../../host/state/state-store.ts";
import { openTestStore } from "./journal-store.ts";
import { probePackage } from "./probe-package.ts";
import { tearJournal, tearTables } from "./tear-files.ts";
import { testIdentity } from "./test-identity.ts";

/** The twins that talk to each other. */
export const CRASH_TWINS = [testIdentity(1).id, testIdentity(2).id] as const;

/** One command of one twin. */
export interface CrashStep {
  readonly twin: number;
  readonly number: number;
}

/** The state key of the twin. */
export function crashKey(twin: number): Uint8Array {
  return new Uint8Array(32).fill(40 + twin);
}

/** Folders and packages for a crash loop. */
export function layOutCrashFolder(folder: string): void {
  const PAYLOAD = "(local.get 0) (local.get 1)";
  for (const [twin, peer] of [CRASH_TWINS[1], CRASH_TWINS[0]].entries()) {
    mkdirSync(join(folder, `twin-${twin}`));
    // The key is the number in the payload; topic, peer and names are constants of the probe.
    const mark = `(call $kv_put (i32.add (local.get 0) (i32.const 1)) (i32.const 8) ${PAYLOAD})
      (call $emit (i32.const 80) (i32.const 11) ${PAYLOAD})
      (call $send (i32.const 128) (i32.const ${peer.length}) (i32.const 272) (i32.const 5) (i32.const 256) (i32.const 7) ${PAYLOAD})
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`;
    for (const name of ["probe", "second"]) {
      writeFileSync(join(folder, `${name}-${twin}.wasm`), probePackage({ name, peer, more: { mark } }));
    }
  }
}

/** What the ledger says of a twin: acknowledged numbers, those begun only, and the first one never begun. */
export interface CrashAccount {
  readonly acknowledged: ReadonlySet<number>;
  readonly open: readonly number[];
  readonly next: number;
}

/** The account of each twin. */
export function readLedger(folder: string): CrashAccount[] {
  const path = join(folder, "ledger");
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  return CRASH_TWINS.map((_, twin) => {
    const numbers = (what: string): Set<number> =>
      new Set(lines.filter((line) => line.startsWith(`${what} ${twin} `)).map((line) => Number(line.split(" ")[2])));
    const [begun, acknowledged] = [numbers("begin"), numbers("done")];
    const open = [...begun].filter((number) => !acknowledged.has(number));
    return { acknowledged, open, next: Math.max(0, ...begun) + 1 };
  });
}

/** Judges what a killed process has left: all that it acknowledged, nothing by half, everything once and in order. Returns how many commands it has. */
export async function judgeCrash(folder: string): Promise<number> {
  const accounts = readLedger(folder);
  const stores = await Promise.all(CRASH_TWINS.map((twin, index) => openCrashStore(folder, twin, index)));
  const own = stores.map((store, twin) => judgeTwin(store, accounts[twin]!, twin));
  for (const [twin, store] of stores.entries()) {
    // What the other one has handled is the beginning of what this one has sent, and the rest waits in its outbox.
    const sent = own[twin]!;
    const handled = eventsOf(stores[1 - twin]!).filter((payload) => payload.endsWith(` of ${twin}`));
    expect(handled).toEqual(sent.slice(0, handled.length));
    const messages = rows(store, "$outbox") as { readonly payload: string }[];
    const waiting = messages.map(({ payload }) => String(JSON.parse(payload)));
    expect(waiting).toEqual(sent.slice(sent.length - waiting.length));
    expect(handled.length + waiting.length).toBeGreaterThanOrEqual(sent.length);
  }
  for (const store of stores) await store[Symbol.asyncDispose]();
  return own.flat().length;
}

/** The texts of the twin's own commands, in the order in which they took effect. */
function judgeTwin(store: SnapshotStateStore, account: CrashAccount, twin: number): string[] {
  const own = eventsOf(store).filter((payload) => payload.endsWith(` of ${twin}`));
  const numbers = own.map(Number.parseFloat);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const number of account.acknowledged) expect(numbers).toContain(number);
  const begun = new Set([...account.acknowledged, ...account.open]);
  expect(numbers.filter((number) => !begun.has(number))).toEqual([]);
  const values = ["probe", "second"].flatMap((name) => rows(store, name)).map(String);
  expect(values.toSorted()).toEqual(own.toSorted());
  const events = rows(store, "$events") as TwinEvent[];
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  const found = rows(store, "$totals") as { calls: number; fuel: number; lastSequence: number }[];
  // The first one may be killed before its first call.
  const totals = found[0] ?? { calls: 0, fuel: 0, lastSequence: 0 };
  const sums = rows(store, "$receipt-sums") as ReceiptSum[];
  expect(totals).toMatchObject({
    calls: sums.reduce((calls, sum) => calls + sum.calls, 0),
    fuel: sums.reduce((fuel, sum) => fuel + sum.fuel, 0),
  });
  expect(totals.lastSequence).toBe(totals.calls);
  return own;
}

/** What a loss of power does besides. */
export function tearCrashFolder(folder: string, below: (max: number) => number): void {
  const journal = join(folder, "journals", "0");
  if (existsSync(journal)) tearJournal(journal, below);
  for (const twin of CRASH_TWINS.keys()) tearTables(join(folder, `twin-${twin}`, "state.sqlite"), below);
}

async function openCrashStore(folder: string, twin: string, index: number): Promise<SnapshotStateStore> {
  const path = join(folder, `twin-${index}`, "state.sqlite");
  return openTestStore(path, { twin, key: crashKey(index), journalPath: join(folder, "journals", "0") });
}

function eventsOf(store: SnapshotStateStore): string[] {
  return (rows(store, "$events") as TwinEvent[]).map(({ payload }) => String(JSON.parse(payload)));
}

function rows(store: SnapshotStateStore, namespace: string): unknown[] {
  const range = { namespace, start: new Uint8Array(), limit: Number.MAX_SAFE_INTEGER };
  return store.scan(range).map(({ value }) => jsonDecode(value));
}
