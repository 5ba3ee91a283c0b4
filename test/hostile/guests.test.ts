// Every hostile guest meets its typed end, and a good neighbour in the same process never notices.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { systemClock } from "../../host/base/clock.ts";
import { TwinError } from "../../host/base/errors.ts";
import { silentLog } from "../../host/base/log.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import { openSandboxPool, type PooledGuest, type SandboxPool } from "../../host/sandbox/pool.ts";
import { ProcessTally } from "../../host/sandbox/process-tally.ts";
import type { WaitingGuest } from "../../host/sandbox/sandbox.ts";
import { WaitingRoom } from "../../host/sandbox/waiting-room.ts";
import { assembleGuest } from "../support/assemble.ts";
import { HOSTILE_GUESTS } from "./guests/hostile-corpus.ts";
import type { HostileGuest } from "./guests/hostile-guest.ts";
import { BUDGET, MEMORY_SIZE_BYTES, sandboxHost } from "./guests/hostile-host.ts";

const POLICY = { hostInterface: sandboxHost.hostInterface, limits: { memorySizeBytes: MEMORY_SIZE_BYTES } };
const NO_PAYLOAD = new Uint8Array();
/** A guest that counts its calls and answers with the count's bytes. */
const COUNTER = assembleGuest(`(func (export "run") (param i32 i32) (result i64)
  (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))) (i64.const ${(2048n << 32n) | 4n}))`);

const tally = new ProcessTally();
const room = new WaitingRoom({ clock: systemClock, tally, waitTimeoutMs: 50 });

function start(module: Uint8Array): WaitingGuest {
  const call: { again?: () => void } = {};
  const { implementation, waiting } = sandboxHost.createHost(() => call.again?.());
  const guest = instantiate(compileGuest(admit(module, POLICY)), {
    implementation,
    waiting: { implementation: waiting!, room },
    limits: { callDepth: 10_000 },
    budget: BUDGET,
    tally,
  });
  call.again = () => void guest.call("run", NO_PAYLOAD, BUDGET);
  return guest;
}

interface Meeting {
  readonly metAt: HostileGuest["metAt"];
  readonly code: HostileGuest["code"];
  readonly guest?: WaitingGuest | undefined;
}

async function meet({ module, payload }: HostileGuest): Promise<Meeting> {
  const bytes = module();
  let metAt: HostileGuest["metAt"] = "admission";
  let guest: WaitingGuest | undefined;
  try {
    const { imports } = admit(bytes, POLICY);
    metAt = "start";
    guest = start(bytes);
    metAt = "call";
    const call = imports.includes("wait") ? "callWaiting" : "call";
    await guest[call]("run", payload ?? NO_PAYLOAD, BUDGET);
    return { metAt: "nowhere", code: "harmless", guest };
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    return { metAt, code: error.code, guest };
  }
}

const neighbour = start(COUNTER);
let neighbourCalls = 0;

describe("a hostile guest that", () => {
  it.each(HOSTILE_GUESTS.map((hostile) => [hostile.name, hostile] as const))("%s", async (_, hostile) => {
    const { metAt, code, guest } = await meet(hostile);
    expect({ metAt, code }).toEqual({ metAt: hostile.metAt, code: hostile.code });
    if (guest !== undefined) {
      expect(guest.dropped).toBe(hostile.metAt !== "nowhere");
      expect(guest.memorySizeBytes).toBeLessThanOrEqual(MEMORY_SIZE_BYTES);
      if (!guest.dropped) guest.drop();
    }
    // The neighbour alone is left, and has not changed.
    expect([tally.sum("instances"), tally.sum("memoryPages"), tally.sum("stacks")]).toEqual([1, 1, 0]);
    const { payload } = neighbour.call("run", NO_PAYLOAD, BUDGET);
    expect(new Uint32Array(payload.buffer)[0]).toBe(++neighbourCalls);
  });

  it("is one of many, each with a name of its own", () => {
    expect(new Set(HOSTILE_GUESTS.map(({ name }) => name)).size).toBe(HOSTILE_GUESTS.length);
    expect(HOSTILE_GUESTS.length).toBeGreaterThanOrEqual(60);
  });
});

describe("all hostile guests at once, in a pool,", () => {
  let pool: SandboxPool;
  let good: PooledGuest;

  beforeAll(async () => {
    const host = new URL("./guests/hostile-host.ts", import.meta.url);
    pool = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 2, host, waitTimeoutMs: 50 });
    good = pool.createGuest(await pool.admit(COUNTER));
  });

  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
  });

  async function codeOf({ module, payload }: HostileGuest): Promise<string> {
    try {
      const admitted = await pool.admit(module(), { memorySizeBytes: MEMORY_SIZE_BYTES });
      const guest = pool.createGuest(admitted);
      // Others may hold the thread for as long as they have fuel: the deadline is that of waits alone.
      await guest.call("run", payload ?? NO_PAYLOAD, { ...BUDGET, timeoutMs: 2_000 });
      guest.close();
      return "harmless";
    } catch (error) {
      if (error instanceof TwinError) return error.code;
      throw error;
    }
  }

  it("meet their ends while a good guest gets its answers, and no worker has to go", async () => {
    const state = { over: false, answers: 0 };
    const meetAll = async (): Promise<(readonly [string, string])[]> => {
      const ends = await Promise.all(HOSTILE_GUESTS.map(async (guest) => [guest.name, await codeOf(guest)] as const));
      state.over = true;
      return ends;
    };
    const ends = meetAll();
    while (!state.over) {
      const { payload } = await good.call("run", NO_PAYLOAD, BUDGET);
      expect(payload.length).toBe(4);
      state.answers += 1;
    }
    expect(Object.fromEntries(await ends)).toEqual(
      Object.fromEntries(HOSTILE_GUESTS.map(({ name, code }) => [name, code])),
    );
    expect(state.answers).toBeGreaterThan(0);
    expect(pool.usage()).toMatchObject({ stacks: 0, flights: 0, workersReplaced: 0 });
  });
});
