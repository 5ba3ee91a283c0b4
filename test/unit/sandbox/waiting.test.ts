import { describe, expect, it } from "vitest";

import { systemClock } from "../../../host/base/clock.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../../host/sandbox/guest.ts";
import { ProcessTally } from "../../../host/sandbox/process-tally.ts";
import type { WaitingGuest, WaitingImplementation, WaitingMemory } from "../../../host/sandbox/sandbox.ts";
import { WaitingRoom } from "../../../host/sandbox/waiting-room.ts";
import { assembleGuest } from "../../support/assemble.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { errorOf } from "./sandbox-support.ts";

const POLICY = {
  hostInterface: {
    ask: { params: ["i32", "i32"], results: ["i32"], fuel: 100 },
    log: { params: [], results: [], fuel: 10 },
  },
  limits: { memorySizeBytes: 4 * 65_536 },
} as const;
const NO_PAYLOAD = new Uint8Array();
const BUDGET = { fuel: 1_000_000, timeoutMs: 5_000 };
const IMPORTS = `(import "twin" "ask" (func $ask (param i32 i32) (result i32))) (import "twin" "log" (func $log))`;
/** Asks with the payload's place, and gives back that many of its bytes as it was answered. */
const ASK = `(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
  (i64.extend_i32_u (call $ask (local.get 0) (local.get 1))))`;

const compiled = compileGuest(
  admit(
    assembleGuest(`${IMPORTS}
      (func $rec (param i32) (result i32) (if (result i32) (local.get 0)
        (then (call $rec (i32.sub (local.get 0) (i32.const 1)))) (else (call $ask (i32.const 0) (i32.const 0)))))
      (func (export "ask") (param i32 i32) (result i64) ${ASK})
      (func (export "twice") (param i32 i32) (result i64) (drop (call $ask (local.get 0) (local.get 1))) ${ASK})
      (func (export "grow") (param i32 i32) (result i64) (drop (memory.grow (i32.const 2))) ${ASK})
      (func (export "deep") (param i32 i32) (result i64) (i64.extend_i32_u (call $rec (i32.const 100000))))
      (func (export "loop") (param i32 i32) (result i64) (loop (drop (call $ask (i32.const 0) (i32.const 0))) (br 0)) (i64.const 0))
      (func (export "log") (param i32 i32) (result i64) (call $log) (i64.const 0))`),
    POLICY,
  ),
);

interface Waiter {
  readonly guest: WaitingGuest;
  readonly room: WaitingRoom;
  readonly clock: ManualClock;
}

function startWaiter(ask: WaitingImplementation[string], tally = new ProcessTally()): Waiter {
  const clock = createManualClock();
  const room = new WaitingRoom({ clock, tally, waitTimeoutMs: 1_000 });
  const guest = instantiate(compiled, {
    implementation: { log: () => undefined },
    waiting: { implementation: { ask }, room },
    limits: { callDepth: 10_000 },
    budget: BUDGET,
    tally,
  });
  return { guest, room, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TwinError) return error.code;
    throw error;
  }
  return "nothing";
}

/** Lets the clock's sleepers see each step. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    clock.advance(10);
    await Promise.resolve();
    await Promise.resolve();
  }
}

describe("a call that waits", () => {
  it("stands still until the host answers, and is accounted as a whole", async () => {
    const answer = Promise.withResolvers<number>();
    const { guest, room } = startWaiter(() => answer.promise);
    const call = guest.callWaiting("twice", Uint8Array.of(1, 2, 3), BUDGET);
    expect(room.count).toBe(1);
    errorOf(() => guest.call("log", NO_PAYLOAD, BUDGET), "TWIN_CALL_CYCLE");
    expect(await codeOf(guest.callWaiting("log", NO_PAYLOAD, BUDGET))).toBe("TWIN_CALL_CYCLE");
    expect(() => guest.drop()).toThrow(TypeError);
    answer.resolve(2);
    const { payload, usage } = await call;
    expect(payload).toEqual(Uint8Array.of(1, 2));
    expect(usage.hostCalls).toEqual({ ask: 2 });
    expect([room.count, guest.dropped]).toEqual([0, false]);
  });

  it("gets what the host wrote and pays for it", async () => {
    const { guest } = startWaiter(async (memory, address) => {
      await Promise.resolve();
      memory.write(Number(address), Uint8Array.of(9));
      memory.charge(500);
      return 2;
    });
    const { payload, usage } = await guest.callWaiting("ask", Uint8Array.of(1, 2, 3), BUDGET);
    expect(payload).toEqual(Uint8Array.of(9, 2));
    expect(usage.hostCalls).toEqual({ ask: 1 });
    expect(usage.fuel).toBeGreaterThan(600);
    expect((await guest.callWaiting("ask", NO_PAYLOAD, BUDGET)).usage).toEqual(usage);
  });

  it("may use what does not wait, too, and traps like any other", async () => {
    const { guest } = startWaiter(() => Promise.resolve(0));
    expect((await guest.callWaiting("log", NO_PAYLOAD, BUDGET)).usage.hostCalls).toEqual({ log: 1 });
    expect(await codeOf(guest.callWaiting("deep", NO_PAYLOAD, BUDGET))).toBe("TWIN_GUEST_DEPTH");
    expect(await codeOf(startWaiter(() => Promise.resolve(0)).guest.callWaiting("none", NO_PAYLOAD, BUDGET))).toBe(
      "TWIN_GUEST_ABI",
    );
  });

  it("sees memory that grew", async () => {
    const { guest } = startWaiter(async (memory) => {
      memory.write(2 * 65_536, Uint8Array.of(7));
      return memory.read(2 * 65_536, 1)[0]!;
    });
    const { payload, usage } = await guest.callWaiting("grow", Uint8Array.of(1), BUDGET);
    expect(payload.length).toBe(7);
    expect(usage.memorySizeBytes).toBe(3 * 65_536);
  });

  it.each([
    ["an error", new Error("x")],
    ["what looks like a trap", new WebAssembly.RuntimeError("unreachable")],
    ["no error at all", "text"],
  ])("ends as the host's fault when its promise rejects with %s", async (_, thrown) => {
    for (const ask of [
      () => Promise.reject(thrown),
      () => {
        throw thrown;
      },
    ]) {
      const { guest, room } = startWaiter(ask);
      expect(await codeOf(guest.callWaiting("ask", NO_PAYLOAD, BUDGET))).toBe("TWIN_HOST_INTERNAL");
      expect(guest.dropped).toBe(true);
      expect(room.count).toBe(0);
    }
  });

  it("ends with the host function's own typed error", async () => {
    const { guest } = startWaiter(() => Promise.reject(new TwinError("TWIN_PEER_OFFLINE", "away")));
    expect(await codeOf(guest.callWaiting("ask", NO_PAYLOAD, BUDGET))).toBe("TWIN_PEER_OFFLINE");
  });

  it("burns its fuel when it floods the host with waits", async () => {
    const { guest } = startWaiter(() => Promise.resolve(0));
    expect(await codeOf(guest.callWaiting("loop", NO_PAYLOAD, BUDGET))).toBe("TWIN_GUEST_FUEL");
  });

  it("is refused where nothing may wait", () => {
    const { guest } = startWaiter(() => Promise.resolve(0));
    errorOf(() => guest.call("ask", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DENIED");
    expect(guest.dropped).toBe(true);
  });

  it("is refused while its guest starts", () => {
    const tally = new ProcessTally();
    const room = new WaitingRoom({ clock: createManualClock(), tally });
    const eager = compileGuest(
      admit(
        assembleGuest(
          `${IMPORTS} (func (export "twin_init") (drop (call $ask (i32.const 0) (i32.const 0))) (call $log))`,
        ),
        POLICY,
      ),
    );
    const waiting = { implementation: { ask: () => Promise.resolve(0) }, room };
    const options = { implementation: { log: () => undefined }, waiting, limits: { callDepth: 100 }, budget: BUDGET };
    errorOf(() => instantiate(eager, { ...options, tally }), "TWIN_GUEST_DENIED");
    expect(tally.sum("instances")).toBe(0);
    expect(tally.sum("memoryPages")).toBe(0);
  });
});

describe("a wait without an end", () => {
  it("ends by its own deadline, and tells the host function to stop", async () => {
    let kept: WaitingMemory | undefined;
    const { guest, room, clock } = startWaiter((memory) => {
      kept = memory;
      void memory.signal;
      return new Promise(() => undefined);
    });
    const call = guest.callWaiting("ask", NO_PAYLOAD, { ...BUDGET, timeoutMs: 60_000 });
    const signal = kept!.signal;
    const code = codeOf(call);
    await pass(clock, 990);
    expect(signal.aborted).toBe(false);
    await pass(clock, 40);
    expect(await code).toBe("TWIN_GUEST_DEADLINE");
    expect(signal.aborted).toBe(true);
    expect([guest.dropped, room.count]).toEqual([true, 0]);
    expect(() => kept!.write(0, Uint8Array.of(1))).toThrow(TypeError);
  });

  it("ends by the deadline of the whole call, however many waits it consists of", async () => {
    const { guest, clock } = startWaiter(() => clock.sleep(500).then(() => 0));
    const code = codeOf(guest.callWaiting("loop", NO_PAYLOAD, { fuel: 1e9, timeoutMs: 1_800 }));
    await pass(clock, 1_900);
    expect(await code).toBe("TWIN_GUEST_DEADLINE");
    expect(guest.usage.hostCalls).toEqual({ ask: 4 });
  });

  it("ends when the room is cleared", async () => {
    const { guest, room } = startWaiter(() => new Promise(() => undefined));
    const code = codeOf(guest.callWaiting("ask", NO_PAYLOAD, BUDGET));
    room.evict(new TwinError("TWIN_ABORTED", "closing"));
    expect(await code).toBe("TWIN_ABORTED");
  });
});

describe("many waits", () => {
  it("work: 5,000 calls stand still at once in one process", async () => {
    const tally = new ProcessTally();
    const room = new WaitingRoom({ clock: systemClock, tally });
    const answers: (() => void)[] = [];
    const ask = (): Promise<number> => new Promise((resolve) => answers.push(() => resolve(3)));
    const calls = Array.from({ length: 5_000 }, () => {
      const waiting = { implementation: { ask }, room };
      const options = { implementation: { log: () => undefined }, waiting, limits: { callDepth: 100 }, budget: BUDGET };
      return instantiate(compiled, { ...options, tally }).callWaiting("ask", Uint8Array.of(1, 2, 3), {
        fuel: 1e6,
        timeoutMs: 60_000,
      });
    });
    expect([room.count, tally.sum("stacks"), tally.sum("instances"), tally.sum("memoryPages")]).toEqual([
      5_000, 5_000, 5_000, 5_000,
    ]);
    for (const answer of answers) answer();
    for (const { payload } of await Promise.all(calls)) expect(payload).toEqual(Uint8Array.of(1, 2, 3));
    expect(tally.sum("stacks")).toBe(0);
  });

  it("beyond the limit of the process are refused, typed, before anything happens to the guest", async () => {
    const tally = new ProcessTally(undefined, 0, { stacks: 2, instances: 10, memoryPages: 100 });
    const answer = Promise.withResolvers<number>();
    const waiters = Array.from({ length: 3 }, () => startWaiter(() => answer.promise, tally));
    const calls = waiters.map(({ guest }) => codeOf(guest.callWaiting("ask", NO_PAYLOAD, BUDGET)));
    expect(await calls[2]).toBe("TWIN_CALL_QUEUE");
    expect(waiters[2]!.guest.dropped).toBe(false);
    answer.resolve(0);
    expect(await Promise.all(calls.slice(0, 2))).toEqual(["nothing", "nothing"]);
    expect(await codeOf(waiters[2]!.guest.callWaiting("ask", NO_PAYLOAD, BUDGET))).toBe("nothing");
  });
});

describe("the memory of all guests together", () => {
  it("is bounded: the guest that grows beyond it ends when it waits", async () => {
    const tally = new ProcessTally(undefined, 0, { stacks: 10, instances: 10, memoryPages: 4 });
    const ask = (): Promise<number> => Promise.resolve(0);
    const [first, second, third] = [startWaiter(ask, tally), startWaiter(ask, tally), startWaiter(ask, tally)];
    expect(await codeOf(first.guest.callWaiting("grow", NO_PAYLOAD, BUDGET))).toBe("TWIN_CALL_QUEUE");
    expect(await codeOf(second.guest.callWaiting("ask", NO_PAYLOAD, BUDGET))).toBe("nothing");
    expect(tally.sum("memoryPages")).toBe(2);
    third.guest.drop();
    expect(tally.sum("instances")).toBe(1);
    expect(await codeOf(second.guest.callWaiting("grow", NO_PAYLOAD, BUDGET))).toBe("nothing");
    expect(() => third.guest.call("log", NO_PAYLOAD, BUDGET)).toThrow(TypeError);
  });

  it("refuses the instance that would be one too many", () => {
    const tally = new ProcessTally(undefined, 0, { stacks: 1, instances: 1, memoryPages: 100 });
    const ask = (): Promise<number> => Promise.resolve(0);
    startWaiter(ask, tally);
    errorOf(() => startWaiter(ask, tally), "TWIN_CALL_QUEUE");
    expect(tally.sum("instances")).toBe(1);
  });
});
