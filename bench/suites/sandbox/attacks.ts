// Attacks in a pool, one after the other, beside a good neighbour that calls all the time: how long
// the attacks take, and what the neighbour notices. The attacks are those of test/hostile.

import { systemClock } from "../../../host/base/clock.ts";
import { toTwinError } from "../../../host/base/errors.ts";
import { silentLog } from "../../../host/base/log.ts";
import { openSandboxPool, type PooledGuest, type SandboxPool } from "../../../host/sandbox/pool.ts";
import { ANSWER_GUESTS } from "../../../test/hostile/guests/answer-guests.ts";
import { AUTHORITY_GUESTS } from "../../../test/hostile/guests/authority-guests.ts";
import type { HostileGuest } from "../../../test/hostile/guests/hostile-guest.ts";
import { BUDGET, MEMORY_SIZE_BYTES } from "../../../test/hostile/guests/hostile-host.ts";
import { MEMORY_GUESTS } from "../../../test/hostile/guests/memory-guests.ts";
import { SHAPE_GUESTS } from "../../../test/hostile/guests/shape-guests.ts";
import { TIME_GUESTS } from "../../../test/hostile/guests/time-guests.ts";
import { assembleGuest } from "../../../test/support/assemble.ts";
import { type Case, quantile } from "../../measure.ts";
import type { SuiteContext } from "../../suite.ts";

/** A guest's budget of time in these runs: what its fuel takes, before V8 has optimised it. */
const TIMEOUT_MS = 50;
/** Between two attacks: their callers share a thread with the neighbour's, as in a host. */
const PAUSE_MS = 10;
/** More than any budget of time can burn: the watchdog has to do it. */
const ENDLESS_FUEL = 1e15;
/** The neighbour's 99th percentile needs that many calls of each kind at least. */
const NEIGHBOUR_CALL_COUNT = 2_000;
const PAYLOAD = new Uint8Array(64);
const ECHO = `(func (export "echo") (param i32 i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))`;

interface AttackClass {
  readonly name: string;
  readonly guests: readonly HostileGuest[];
  readonly fuel: number;
}

const CLASSES: readonly AttackClass[] = [
  { name: "time", guests: TIME_GUESTS, fuel: BUDGET.fuel },
  {
    name: "endless",
    guests: TIME_GUESTS.filter(({ metAt }, index) => metAt === "call" && index % 4 === 0),
    fuel: ENDLESS_FUEL,
  },
  { name: "memory", guests: MEMORY_GUESTS, fuel: BUDGET.fuel },
  { name: "shape", guests: SHAPE_GUESTS, fuel: BUDGET.fuel },
  { name: "authority", guests: AUTHORITY_GUESTS, fuel: BUDGET.fuel },
  { name: "answer", guests: ANSWER_GUESTS, fuel: BUDGET.fuel },
];

/** What one run through a class found. */
interface Finding {
  /** Of the attack that took longest beyond its budget of time. */
  readonly longestSeconds: number;
  /** The neighbour's 99th percentile during the attacks, by that without them. */
  readonly neighbourRatio: number;
}

/** Two cases for each class of attacks: `attack-*` and `neighbour-*`. Both figures come from the same runs. */
export async function openAttackCases(stack: AsyncDisposableStack, { wants, quick }: SuiteContext): Promise<Case[]> {
  const wanted = CLASSES.filter(({ name }) => wants(`attack-${name}`) || wants(`neighbour-${name}`));
  if (wanted.length === 0) return [];
  const host = new URL("../../../test/hostile/guests/hostile-host.ts", import.meta.url);
  const pool = stack.use(
    await openSandboxPool({ clock: systemClock, log: silentLog, host, waitTimeoutMs: TIMEOUT_MS }),
  );
  const neighbour = pool.createGuest(await pool.admit(assembleGuest(ECHO)));
  const toCase = (name: string, sample: () => Promise<number>): Case => {
    const ours = { name: "sandbox", kind: "wasm", version: "ours", sample } as const;
    return { suite: "sandbox", name, ours, others: [], roundsMax: quick ? 1 : 5 };
  };
  return wanted.flatMap((attacks): Case[] => {
    const findings: Finding[] = [];
    const attack = async (): Promise<number> => {
      const finding = await runAttacks(pool, neighbour, attacks);
      findings.push(finding);
      return finding.longestSeconds;
    };
    const notice = async (): Promise<number> => {
      const { neighbourRatio } = findings.shift() ?? (await runAttacks(pool, neighbour, attacks));
      return neighbourRatio;
    };
    return [toCase(`attack-${attacks.name}`, attack), toCase(`neighbour-${attacks.name}`, notice)];
  });
}

async function runAttacks(pool: SandboxPool, neighbour: PooledGuest, { guests, fuel }: AttackClass): Promise<Finding> {
  const modules = guests.map((guest) => ({ bytes: guest.module(), payload: guest.payload ?? PAYLOAD.subarray(0, 0) }));
  const quiet = await callUntil(neighbour, () => false);
  const state = { over: false };
  const busy = callUntil(neighbour, () => !state.over);
  let longestMs = 0;
  for (const { bytes, payload } of modules) {
    longestMs = Math.max(longestMs, await attackOnce(pool, { bytes, payload, fuel }));
    await systemClock.sleep(PAUSE_MS);
  }
  state.over = true;
  return { longestSeconds: longestMs / 1_000, neighbourRatio: percentile99(await busy) / percentile99(quiet) };
}

interface Attack {
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly fuel: number;
}

/** Milliseconds from admission to its end, without the time that it may take if it took all of that. How it ends is what the tests are about. */
async function attackOnce(pool: SandboxPool, { bytes, payload, fuel }: Attack): Promise<number> {
  const started = performance.now();
  let usedMs = 0;
  try {
    const guest = pool.createGuest(await pool.admit(bytes, { memorySizeBytes: MEMORY_SIZE_BYTES }));
    await guest.call("run", payload, { fuel, timeoutMs: TIMEOUT_MS }).finally(() => guest.close());
  } catch (thrown) {
    if (toTwinError(thrown).code === "TWIN_GUEST_DEADLINE") usedMs = TIMEOUT_MS;
  }
  return performance.now() - started - usedMs;
}

/** Milliseconds of each call: as many as a percentile needs, and then as long as `more` answers true. */
async function callUntil(neighbour: PooledGuest, more: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (times.length < NEIGHBOUR_CALL_COUNT || more()) {
    const started = performance.now();
    await neighbour.call("echo", PAYLOAD, BUDGET);
    times.push(performance.now() - started);
  }
  return times;
}

function percentile99(times: readonly number[]): number {
  return quantile(
    times.toSorted((left, right) => left - right),
    0.99,
  );
}
