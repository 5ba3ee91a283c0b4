// How long attacks last, and what a good neighbour notices of them. Prints figures; only what must
// never happen fails.

import { expect, it } from "vitest";

import { systemClock } from "../../host/base/clock.ts";
import { TwinError } from "../../host/base/errors.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { silentLog } from "../../host/base/log.ts";
import { openSandboxPool, type PooledGuest, type SandboxPool } from "../../host/sandbox/pool.ts";
import { HOSTILE_GUESTS } from "../hostile/guests/hostile-corpus.ts";
import type { HostileGuest } from "../hostile/guests/hostile-guest.ts";
import { MEMORY_SIZE_BYTES } from "../hostile/guests/hostile-host.ts";
import { assembleGuest } from "../support/assemble.ts";
import { startCampaign } from "../support/campaign.ts";

const HOST = new URL("../hostile/guests/hostile-host.ts", import.meta.url);
const ROUND_MS = 4_000;
const ROUND_COUNT_MAX = 10;
const NO_PAYLOAD = new Uint8Array();
const PAYLOAD = new Uint8Array(64);
/** What a call of the product gets, but with a deadline that attacks by waiting reach. */
const BUDGET = { fuel: LIMITS.sandbox.callFuel, timeoutMs: 500 };
const WAIT_TIMEOUT_MS = 200;

const LOOP = `(func (export "run") (param i32 i32) (result i64) (loop (br 0)) unreachable)`;
const ECHO = `(func (export "run") (param i32 i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))`;

async function openPool(): Promise<SandboxPool> {
  return await openSandboxPool({
    clock: systemClock,
    log: silentLog,
    workerCount: 2,
    host: HOST,
    waitTimeoutMs: WAIT_TIMEOUT_MS,
  });
}

async function attack(pool: SandboxPool, { module, payload }: HostileGuest): Promise<{ code: string; ms: number }> {
  const bytes = module();
  let startMs = systemClock.elapsedMs();
  let code = "harmless";
  try {
    const guest = pool.createGuest(await pool.admit(bytes, { memorySizeBytes: MEMORY_SIZE_BYTES }));
    startMs = systemClock.elapsedMs();
    await guest.call("run", payload ?? NO_PAYLOAD, BUDGET);
    guest.close();
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    code = error.code;
  }
  return { code, ms: systemClock.elapsedMs() - startMs };
}

/** Calls one after the other for that long; their times in microseconds, in order. */
async function callTimes(guest: PooledGuest, durationMs: number): Promise<number[]> {
  const times: number[] = [];
  const endMs = systemClock.elapsedMs() + durationMs;
  for (let nowMs = systemClock.elapsedMs(); nowMs < endMs;) {
    await guest.call("run", PAYLOAD, BUDGET);
    const afterMs = systemClock.elapsedMs();
    times.push((afterMs - nowMs) * 1_000);
    nowMs = afterMs;
  }
  return times.toSorted((left, right) => left - right);
}

function quantiles(times: readonly number[]): Record<string, number> {
  const at = (share: number): number => Math.round(times[Math.floor(share * (times.length - 1))]!);
  return { calls: times.length, p50us: at(0.5), p99us: at(0.99), p999us: at(0.999), maxUs: at(1) };
}

it("every attack is over soon after its budget", async () => {
  await using pool = await openPool();
  const loop = pool.createGuest(await pool.admit(assembleGuest(LOOP)));
  const startMs = systemClock.elapsedMs();
  await expect(loop.call("run", NO_PAYLOAD, { ...BUDGET, timeoutMs: 60_000 })).rejects.toThrow(TwinError);
  const fuelMs = systemClock.elapsedMs() - startMs;
  const rows: { name: string; code: string; ms: number; beyondMs: number }[] = [];
  for (const hostile of HOSTILE_GUESTS) {
    const { code, ms } = await attack(pool, hostile);
    // Where the fuel takes longer than the deadline, the deadline ends it.
    const byWaiting = hostile.name.startsWith("waits for what") ? WAIT_TIMEOUT_MS : BUDGET.timeoutMs;
    const budgetMs = code === "TWIN_GUEST_DEADLINE" ? byWaiting : code === "TWIN_GUEST_FUEL" ? fuelMs : 0;
    rows.push({ name: hostile.name, code, ms: Math.round(ms), beyondMs: Math.round(ms - budgetMs) });
  }
  console.log(`a plain loop burns the fuel of a call in ${Math.round(fuelMs)} ms`);
  console.table(rows.toSorted((left, right) => right.beyondMs - left.beyondMs).slice(0, 15));
  console.log(pool.usage());
});

it("a good neighbour gets its answers in time while others attack", async () => {
  await using pool = await openPool();
  const good = pool.createGuest(await pool.admit(assembleGuest(ECHO)));
  await callTimes(good, 500);
  const { hasTime } = startCampaign(0.5);
  const rounds: Record<string, unknown>[] = [];
  for (let round = 0; round < ROUND_COUNT_MAX && hasTime(); round++) {
    const quiet = await callTimes(good, ROUND_MS);
    const state = { over: false, attacks: 0 };
    const attackers = Array.from({ length: 2 }, async (_, lane) => {
      for (let at = lane; !state.over; at += 2) {
        await attack(pool, HOSTILE_GUESTS[at % HOSTILE_GUESTS.length]!);
        state.attacks += 1;
      }
    });
    const attacked = await callTimes(good, ROUND_MS);
    state.over = true;
    await Promise.all(attackers);
    rounds.push({ under: "quiet", ...quantiles(quiet) }, { under: `${state.attacks} attacks`, ...quantiles(attacked) });
  }
  console.table(rounds);
  expect(pool.usage()).toMatchObject({ stacks: 0 });
});
