// Twins of one worker under load, whose worker is terminated at random moments: what was acknowledged is
// there, once and in order, and what was not has happened completely or not at all.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import { systemClock } from "../../host/base/clock.ts";
import { TwinError } from "../../host/base/errors.ts";
import { silentLog } from "../../host/base/log.ts";
import type { CallRequest, Engine } from "../../host/engine/engine.ts";
import { NO_OUTSIDE } from "../../host/engine/outside.ts";
import { WorkerEngine } from "../../host/engine/worker-engine.ts";
import { WorkerSeat } from "../../host/engine/worker-seat.ts";
import { WorkerStock } from "../../host/engine/worker-stock.ts";
import { probePackage } from "./probe-package.ts";
import { testIdentity } from "./test-identity.ts";

/** How many deaths, and by which chance: a whole number below a bound. */
export interface DeathPlan {
  readonly deaths: number;
  readonly below: (max: number) => number;
  readonly hasTime: () => boolean;
}

/** One twin as the run knows it. */
interface Subject {
  readonly engine: Engine;
  /** Texts in order of their calls; those that were given up may be there or not. */
  readonly told: { readonly text: string; readonly isAcknowledged: boolean }[];
}

/** What was found to be wrong, and how much was done. */
export interface DeathReport {
  readonly problems: readonly string[];
  readonly deaths: number;
  readonly calls: number;
  /** Calls that a death has met. */
  readonly met: number;
}

const TWIN_COUNT = 4;
/** A worker dies within so many ms after the last one. */
const LIFE_MS = 250;

class KnownStock extends WorkerStock {
  last: Worker | undefined;

  override take(): Worker {
    this.last = super.take();
    return this.last;
  }
}

/** Runs twins in `folder` until the planned deaths have happened. */
export async function runWorkerDeaths(folder: string, { deaths, below, hasTime }: DeathPlan): Promise<DeathReport> {
  const clock = systemClock;
  await using stock = new KnownStock({ clock, log: silentLog });
  const seat = new WorkerSeat({ isLocked: true, journalFolder: join(folder, "journal"), clock, log: silentLog, stock });
  const subjects = Array.from({ length: TWIN_COUNT }, (_, index) => settle(seat, folder, index));
  for (const { engine } of subjects) await engine.install(probePackage());
  const over = new AbortController();
  let [happened, met] = [0, 0];
  const busy = subjects.map(async (subject, index) => {
    for (let number = 1; !over.signal.aborted; number++) {
      const count = await tell(subject, `${index}-${number}`, below);
      met += count;
    }
  });
  while (happened < deaths && hasTime()) {
    await sleep(below(LIFE_MS));
    await stock.last?.terminate();
    happened += 1;
  }
  over.abort();
  await Promise.all(busy);
  const problems = (await Promise.all(subjects.map(judge))).flat();
  await seat.end();
  return { problems, deaths: happened, calls: subjects.reduce((sum, { told }) => sum + told.length, 0), met };
}

function settle(seat: WorkerSeat, folder: string, index: number): Subject {
  const own = join(folder, `twin-${index}`);
  mkdirSync(own);
  const { id: twin } = testIdentity(index + 1);
  const place = { folder: own, twin, stateKey: new Uint8Array(32).fill(index + 1), follow: false };
  const slot = seat.add(place, NO_OUTSIDE);
  const engine = new WorkerEngine({
    hearers: seat.hearers,
    ask: (name, args, signal) => seat.ask(slot, { name, args, signal }),
    leave: () => seat.remove(slot),
    log: silentLog,
  });
  seat.attach(slot, engine);
  return { engine, told: [] };
}

function request(method: string, text: string, over: Partial<CallRequest> = {}): CallRequest {
  return { holder: { kind: "owner" }, capability: "probe", method, payload: jsonEncode(text), ...over };
}

/** One command, repeated under its id after a death, or given up as often. Answers how many deaths it has met. */
async function tell({ engine, told }: Subject, text: string, below: DeathPlan["below"]): Promise<number> {
  for (let met = 0; ; met++) {
    try {
      await engine.call(request("receive", text, { callId: text }));
      told.push({ text, isAcknowledged: true });
      return met;
    } catch (thrown) {
      if (!(thrown instanceof TwinError) || thrown.code !== "TWIN_ENGINE_RESTARTED" || !thrown.retry) throw thrown;
      if (below(2) === 0) continue;
      told.push({ text, isAcknowledged: false });
      return met + 1;
    }
  }
}

/** What is wrong with the twin: each text that was acknowledged is one event, none is two, and they are in order. */
async function judge({ engine, told }: Subject): Promise<string[]> {
  const events: string[] = [];
  for (;;) {
    const page = await engine.events({ afterSequence: events.length });
    if (page.length === 0) break;
    for (const { sequence, payload } of page) {
      if (sequence !== events.length + 1) return [`event ${sequence} follows ${events.length}`];
      events.push(jsonDecode(new TextEncoder().encode(payload)) as string);
    }
  }
  const there = new Set(events);
  const expected = told.filter(({ text, isAcknowledged }) => isAcknowledged || there.has(text)).map(({ text }) => text);
  const problems = expected.join() === events.join() ? [] : [`expected ${expected.join()}, found ${events.join()}`];
  const { calls, errors, fuel } = await engine.status();
  const sums = await engine.receiptSums();
  const summed = { calls: 0, fuel: 0 };
  for (const row of sums) [summed.calls, summed.fuel] = [summed.calls + row.calls, summed.fuel + row.fuel];
  if (errors !== 0 || calls !== events.length)
    problems.push(`${calls} calls, ${errors} errors, ${events.length} events`);
  if (summed.calls !== calls || summed.fuel !== fuel)
    problems.push(`sums ${summed.calls}, ${summed.fuel}: not ${calls}, ${fuel}`);
  return problems;
}
