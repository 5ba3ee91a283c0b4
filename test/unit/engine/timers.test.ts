import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { startTimerLoop, type TimerLoop } from "../../../host/engine/timer-loop.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";

let bench: EngineBench;
let loop: TimerLoop;
beforeEach(async () => {
  bench = await openEngineBench();
  await bench.do("install", probePackage());
  loop = startTimerLoop(bench.core, (work) => work());
});
afterEach(async () => {
  loop.stop();
  await bench[Symbol.asyncDispose]();
});

async function advance(ms: number): Promise<void> {
  bench.clock.advance(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function restart(whileDownMs: number): Promise<void> {
  loop.stop();
  bench.clock.advance(whileDownMs);
  await bench.reopen();
  loop = startTimerLoop(bench.core, (work) => work());
  await advance(0);
}

async function noted(): Promise<unknown[]> {
  return (await bench.do("events", { afterSequence: 0 })).map(({ payload }) => JSON.parse(payload) as unknown);
}

const waiting = async (): Promise<number> => (await bench.do("status", undefined)).timers;

describe("a timer", () => {
  test("fires once when its time has come, as its own capability", async () => {
    await bench.call("later", "tick");
    await advance(999);
    expect([await noted(), await waiting()]).toEqual([[], 1]);
    await advance(1);
    expect([await noted(), await waiting()]).toEqual([["tick"], 0]);
    await advance(10_000);
    expect(await noted()).toEqual(["tick"]);
    const [receipt] = await bench.do("receipts", { limit: 1 });
    expect(receipt).toMatchObject({ caller: "timer:probe", method: "receive", outcome: "ok" });
  });

  test("fires once over restarts, also when its time was while the host was down", async () => {
    await bench.call("later", "one");
    await restart(500);
    expect(await noted()).toEqual([]);
    await bench.call("later", "two");
    await restart(60_000);
    expect(await noted()).toEqual(["one", "two"]);
    await restart(60_000);
    expect(await noted()).toEqual(["one", "two"]);
  });

  test("of a command that fails never was", async () => {
    await expect(bench.call("later_trap", "x")).rejects.toMatchObject({ code: "TWIN_GUEST_TRAP" });
    await advance(0);
    expect([await noted(), await waiting()]).toEqual([[], 0]);
  });

  test("can be taken away, by the command that set it or another, once", async () => {
    await bench.call("never", "x");
    await bench.call("later", "x");
    expect(await bench.call("cancel", "x")).toBe("x");
    expect(await bench.call("cancel", "x")).toBeNull();
    await advance(10_000);
    expect([await noted(), await waiting()]).toEqual([[], 0]);
  });

  test("is only its own capability's to take away", async () => {
    await bench.call("later", "mine");
    await bench.do("install", probePackage({ name: "other" }));
    const { value } = bench.core.store.scan({ namespace: "probe", start: new Uint8Array(), limit: 1 })[0]!;
    await bench.core.commit([{ namespace: "other", key: new TextEncoder().encode("k"), value }]);
    expect(await bench.call("cancel", "x", { capability: "other" })).toBeNull();
    await advance(1_000);
    expect(await noted()).toEqual(["mine"]);
  });

  test("whose call fails for good is gone, and its receipt says why", async () => {
    await bench.call("later_bad", "x");
    await advance(0);
    expect([await noted(), await waiting()]).toEqual([[], 0]);
    const [receipt] = await bench.do("receipts", { limit: 1 });
    expect(receipt).toMatchObject({ caller: "timer:probe", code: "TWIN_GUEST_TRAP" });
  });

  test("that meets a failing disk fires when the disk is back", async () => {
    await bench.call("later", "x");
    bench.faults.failWrites = true;
    await advance(1_000);
    expect(await waiting()).toBe(1);
    bench.faults.failWrites = false;
    await advance(LIMITS.engine.timerRetryMs - 1);
    expect(await noted()).toEqual([]);
    await advance(1);
    expect([await noted(), await waiting()]).toEqual([["x"], 0]);
  });

  test("of a capability that was removed is dropped", async () => {
    await bench.call("later", "x");
    await bench.do("remove", "probe");
    await advance(1_000);
    expect([await noted(), await waiting()]).toEqual([[], 0]);
  });

  test("calls only commands of its capability, and is one of few in a call", async () => {
    await expect(bench.call("later_query", "x")).rejects.toMatchObject({ code: "TWIN_GUEST_ABI" });
    await expect(bench.call("later_many", "x")).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    expect(await waiting()).toBe(0);
  });

  test("needs the permission schedule", async () => {
    await expect(bench.do("install", probePackage({ name: "other", without: "schedule" }))).rejects.toMatchObject({
      code: "TWIN_PACKAGE_INVALID",
    });
  });
});
