import { readdirSync, readFileSync } from "node:fs";
import { getPriority, platform } from "node:os";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { systemClock } from "../../../host/base/clock.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { silentLog } from "../../../host/base/log.ts";
import { openSandboxPool, type PooledGuest, type PooledModule, type SandboxPool } from "../../../host/sandbox/pool.ts";
import { assembleGuest } from "../../support/assemble.ts";

const HOST = new URL("./pool-host.ts", import.meta.url);
const NO_PAYLOAD = new Uint8Array();
const BUDGET = { fuel: 10_000_000, timeoutMs: 5_000 };
/** More than a second of computing. */
const HOUR_OF_FUEL = 10_000_000_000_000;

const ECHO = `(func (export "echo") (param i32 i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))`;
/** Answers with a byte that counts the calls of this instance. */
const COUNT = `(func (export "count") (param i32 i32) (result i64)
  (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))) (i64.const ${(2048n << 32n) | 1n}))`;
const LOOP = `(func (export "loop") (param i32 i32) (result i64) (loop (br 0)) unreachable)`;
const TRAP = `(func (export "trap") (param i32 i32) (result i64) unreachable)`;
const HOSTED = `(import "twin" "number" (func $number (result i32))) (import "twin" "fault" (func $fault))
  (func (export "number") (param i32 i32) (result i64) (i32.store8 (i32.const 2048) (call $number)) (i64.const ${(2048n << 32n) | 1n}))
  (func (export "fault") (param i32 i32) (result i64) (call $fault) (i64.const 0))`;
const NAP = `(import "twin" "nap" (func $nap (param i32)))
  (func (export "nap") (param i32 i32) (result i64) (call $nap (i32.load (local.get 0))) (i64.const 0))`;

let pool: SandboxPool;
let plain: PooledModule;
let napper: PooledModule;

beforeAll(async () => {
  pool = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 2, host: HOST, waitTimeoutMs: 300 });
  plain = await pool.admit(assembleGuest(HOSTED + ECHO + COUNT + LOOP + TRAP));
  napper = await pool.admit(assembleGuest(NAP + LOOP));
});

afterAll(async () => {
  await pool[Symbol.asyncDispose]();
});

function nap(guest: PooledGuest, ms: number): Promise<unknown> {
  return guest.call("nap", new Uint8Array(Int32Array.of(ms).buffer), BUDGET);
}

async function errorOf(promise: Promise<unknown>): Promise<TwinError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TwinError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe("a guest of a pool", () => {
  it("answers, with its account", async () => {
    const guest = pool.createGuest(plain);
    for (const size of [0, 64, 1_024, 100_000]) {
      const payload = Uint8Array.from({ length: size }, (_, index) => index);
      const answer = await guest.call("echo", payload, BUDGET).catch((error: TwinError) => error);
      if (size === 100_000) expect(answer).toMatchObject({ code: "TWIN_GUEST_ABI" });
      else expect(answer).toMatchObject({ payload, usage: { fuel: 20, memorySizeBytes: 65_536, hostCalls: {} } });
    }
  });

  it("sends no more than the part of a buffer that it was given", async () => {
    const all = Uint8Array.from({ length: 100 }, (_, index) => index);
    const { payload } = await pool.createGuest(plain).call("echo", all.subarray(10, 12), BUDGET);
    expect(payload).toEqual(Uint8Array.of(10, 11));
  });

  it("has host functions that know whose they are", async () => {
    const guests = [7, 8].map((context) => pool.createGuest(plain, { context }));
    const answers = await Promise.all(guests.map((guest) => guest.call("number", NO_PAYLOAD, BUDGET)));
    expect(answers.map(({ payload }) => payload[0])).toEqual([7, 8]);
    expect(answers[0]!.usage.hostCalls).toEqual({ number: 1 });
  });

  it("runs its calls one at a time, in order", async () => {
    const guest = pool.createGuest(plain);
    const answers = await Promise.all(Array.from({ length: 50 }, () => guest.call("count", NO_PAYLOAD, BUDGET)));
    // An instance that moved begins anew; whatever happens, none counts two calls at once.
    const counts = answers.map(({ payload }) => payload[0]!);
    for (const [index, count] of counts.entries()) expect([1, (counts[index - 1] ?? 0) + 1]).toContain(count);
  });

  it("starts anew after a fault, which is told with its account", async () => {
    const guest = pool.createGuest(plain);
    await guest.call("count", NO_PAYLOAD, BUDGET);
    expect(await errorOf(guest.call("trap", NO_PAYLOAD, BUDGET))).toMatchObject({
      code: "TWIN_GUEST_TRAP",
      details: { memorySizeBytes: 65_536 },
    });
    expect((await guest.call("count", NO_PAYLOAD, BUDGET)).payload[0]).toBe(1);
    expect((await errorOf(guest.call("fault", NO_PAYLOAD, BUDGET))).code).toBe("TWIN_HOST_INTERNAL");
    expect((await errorOf(guest.call("loop", NO_PAYLOAD, BUDGET))).code).toBe("TWIN_GUEST_FUEL");
  });

  it("waits without keeping others of its thread waiting", async () => {
    const nappers = Array.from({ length: 100 }, () => pool.createGuest(napper));
    const naps = Promise.all(nappers.map((guest) => nap(guest, 100)));
    await pool.createGuest(plain).call("echo", NO_PAYLOAD, BUDGET);
    expect(pool.usage().stacks).toBeGreaterThan(0);
    await naps;
    expect(pool.usage().stacks).toBe(0);
  });

  it("that waits for too long ends typed, and starts anew", async () => {
    const guest = pool.createGuest(napper);
    expect((await errorOf(nap(guest, 60_000))).code).toBe("TWIN_GUEST_DEADLINE");
    await nap(guest, 1);
    expect(pool.usage().workersReplaced).toBe(0);
  });

  it("can be given up: what waits never begins, what runs is not heard", async () => {
    const guest = pool.createGuest(napper);
    const [first, second] = [new AbortController(), new AbortController()];
    const payload = new Uint8Array(Int32Array.of(50).buffer);
    const calls = [first, second].map(({ signal }) => errorOf(guest.call("nap", payload, BUDGET, { signal })));
    second.abort();
    first.abort();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(["TWIN_ABORTED", "TWIN_ABORTED"]);
    expect((await errorOf(guest.call("nap", payload, BUDGET, { signal: first.signal }))).code).toBe("TWIN_ABORTED");
    await nap(guest, 1);
  });

  it("ends what waits in line when it is closed", async () => {
    const guest = pool.createGuest(napper);
    const calls = [nap(guest, 20), nap(guest, 20)].map((call) => call.catch((error: TwinError) => error.code));
    guest.close();
    expect((await Promise.all(calls))[1]).toBe("TWIN_ABORTED");
    expect((await errorOf(nap(guest, 1))).code).toBe("TWIN_ABORTED");
  });

  it("takes only sensible budgets and what can be sent", async () => {
    const guest = pool.createGuest(plain);
    for (const budget of [
      { fuel: -1, timeoutMs: 1 },
      { fuel: 0.5, timeoutMs: 1 },
      { fuel: 1, timeoutMs: 0 },
      { fuel: 1, timeoutMs: Number.NaN },
    ]) {
      await expect(guest.call("echo", NO_PAYLOAD, budget)).rejects.toThrow(RangeError);
    }
    expect(() => pool.createGuest(plain, { context: () => undefined })).toThrow(/could not be cloned/u);
  });

  it("has a line that is not endless", async () => {
    const guest = pool.createGuest(napper);
    const calls = Array.from({ length: 1_002 }, () => nap(guest, 1).catch((error: TwinError) => error.code));
    expect(await calls[1_001]).toBe("TWIN_CALL_QUEUE");
    guest.close();
    await Promise.all(calls);
  });
});

describe("a module of a pool", () => {
  it("is refused like anywhere, with the rule", async () => {
    expect((await errorOf(pool.admit(new Uint8Array(8)))).code).toBe("TWIN_MODULE_INVALID");
    const error = await errorOf(pool.admit(assembleGuest(`(import "twin" "other" (func))`)));
    expect(error).toMatchObject({ code: "TWIN_MODULE_IMPORT", details: { rule: "import-name" } });
  });

  it("has the memory that it was admitted with, and no more", async () => {
    const grower = assembleGuest(
      `(func (export "run") (param i32 i32) (result i64) (drop (memory.grow (i32.const 3))) (i64.const 0))`,
    );
    const small = pool.createGuest(await pool.admit(grower, { memorySizeBytes: 2 * 65_536 }));
    const large = pool.createGuest(await pool.admit(grower));
    expect((await small.call("run", NO_PAYLOAD, BUDGET)).usage.memorySizeBytes).toBe(65_536);
    expect((await large.call("run", NO_PAYLOAD, BUDGET)).usage.memorySizeBytes).toBe(4 * 65_536);
  });
});

/** The niceness of each thread of this process. */
function threadPriorities(): number[] {
  return readdirSync("/proc/self/task").map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
    // The second field is a name in brackets, which may hold spaces; niceness is the 19th.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  });
}

describe("a pool", () => {
  it.runIf(platform() === "linux")("lets the guests that it does not know go behind others", () => {
    const own = getPriority();
    expect(threadPriorities()).toContain(Math.min(own + 5, 19));
    expect(threadPriorities()).toContain(own);
  });

  it("answers for others while a guest computes without end, ends it by its deadline, and replaces its worker", async () => {
    const own = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 2 });
    await using _ = own;
    const module = await own.admit(assembleGuest(ECHO + COUNT + LOOP));
    const [bad, good] = [own.createGuest(module), own.createGuest(module)];
    await good.call("count", NO_PAYLOAD, { ...BUDGET, fuel: 100_000_000 });
    const attack = errorOf(bad.call("loop", NO_PAYLOAD, { fuel: HOUR_OF_FUEL, timeoutMs: 300 }));
    const over = attack.then(() => true);
    let answers = 0;
    while (!(await Promise.race([over, good.call("count", NO_PAYLOAD, BUDGET).then(() => false)]))) answers += 1;
    expect((await attack).code).toBe("TWIN_GUEST_DEADLINE");
    // All of them have waited for the deadline if they were stuck behind the attack.
    expect(answers).toBeGreaterThan(10);
    expect(own.usage().workersReplaced).toBe(1);
    expect((await bad.call("echo", Uint8Array.of(1), BUDGET)).payload).toEqual(Uint8Array.of(1));
  });

  it("answers for quick guests when one that was quick computes without end among them", async () => {
    const own = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 2 });
    await using _ = own;
    const module = await own.admit(assembleGuest(ECHO + LOOP));
    const [bad, good] = [own.createGuest(module), own.createGuest(module)];
    for (let call = 0; call < 10; call++) for (const guest of [bad, good]) await guest.call("echo", NO_PAYLOAD, BUDGET);
    const attack = errorOf(bad.call("loop", NO_PAYLOAD, { fuel: HOUR_OF_FUEL, timeoutMs: 50 }));
    for (let call = 0; call < 10; call++) await good.call("echo", NO_PAYLOAD, { ...BUDGET, fuel: 1e9 });
    expect((await attack).code).toBe("TWIN_GUEST_DEADLINE");
    for (let call = 0; call < 10; call++) await good.call("echo", NO_PAYLOAD, { ...BUDGET, fuel: 1e9 });
    expect(own.usage()).toMatchObject({ workersReplaced: 1, flights: 0 });
  });

  it("takes what was not begun elsewhere when a worker ends, and tells the rest to call again", async () => {
    const own = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 1, host: HOST });
    await using _ = own;
    const module = await own.admit(assembleGuest(NAP + ECHO + LOOP));
    const [waiting, bad, queued] = [own.createGuest(module), own.createGuest(module), own.createGuest(module)];
    const begun = errorOf(nap(waiting, 4_000));
    const attack = errorOf(bad.call("loop", NO_PAYLOAD, { fuel: HOUR_OF_FUEL, timeoutMs: 50 }));
    const answer = queued.call("echo", Uint8Array.of(5), BUDGET);
    expect((await attack).code).toBe("TWIN_GUEST_DEADLINE");
    expect(await begun).toMatchObject({ code: "TWIN_SANDBOX_RESTARTED", retry: true });
    expect((await answer).payload).toEqual(Uint8Array.of(5));
    await nap(waiting, 1);
    expect(own.usage()).toMatchObject({ workersReplaced: 1, flights: 0 });
    await expect.poll(() => own.usage().stacks).toBe(0);
  });

  it("ends all calls when it is closed", async () => {
    const own = await openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 1, host: HOST });
    const guest = own.createGuest(await own.admit(assembleGuest(NAP)));
    const calls = [errorOf(nap(guest, 1_000)), errorOf(nap(guest, 1_000))];
    await own[Symbol.asyncDispose]();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(["TWIN_ABORTED", "TWIN_ABORTED"]);
    expect((await errorOf(nap(guest, 1))).code).toBe("TWIN_ABORTED");
  });

  it("does not open when its host functions cannot be loaded", async () => {
    for (const file of ["./no-such-host.ts", "./sample-programs.ts"]) {
      const host = new URL(file, import.meta.url);
      const opening = openSandboxPool({ clock: systemClock, log: silentLog, workerCount: 1, host });
      await expect(opening).rejects.toThrow(/no-such-host|exports no sandboxHost/u);
    }
  });
});
