import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonEncode } from "../../../host/base/bytes.ts";
import type { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { NO_OUTSIDE, type Outside } from "../../../host/engine/outside.ts";
import type { Recording } from "../../../host/engine/recording.ts";
import { replayCall } from "../../../host/engine/replay.ts";
import type { TapeEntry } from "../../../host/engine/tape.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { PROBE_TASKS, probePackage } from "../../support/probe-package.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";

const outside: Outside = {
  ...NO_OUTSIDE,
  fetch: async ({ url }) => ({ url, status: 200, headers: {}, body: jsonEncode("sunny") }),
};
const ECHO = "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
const OPTIONS = {
  calls: "other",
  tasks: PROBE_TASKS,
  asks: ["peer_call", { http: ["api.example.com"] }] as const,
  init: "(drop (call $now_ms))",
  more: {
    read_far: `(drop (call $kv_get (i32.const -1) (i32.const 9))) ${ECHO}`,
    remember: `(i32.store (i32.const 80000) (i32.add (i32.load (i32.const 80000)) (i32.const 1))) (if (i32.gt_u (i32.load (i32.const 80000)) (i32.const 1)) (then unreachable)) ${ECHO}`,
  },
};

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench({ outside });
  await bench.do("install", probePackage({ name: "other" }));
  await bench.do("install", probePackage(OPTIONS));
  await bench.do("recordCalls", { capability: "probe", count: 50 });
});
afterEach(() => bench[Symbol.asyncDispose]());

/** Calls, and gives the number of the receipt, however it ended. */
async function receiptOf(method: string, params: unknown = "x"): Promise<number> {
  try {
    return (await bench.receiptOf(method, params, { budget: { fuel: 20_000_000 } })).sequence;
  } catch (thrown) {
    return (thrown as TwinError).details["receipt"] as number;
  }
}

describe("a recorded call", () => {
  test.each([
    ["echo", "ok"],
    ["get", "ok"],
    ["who", "ok"],
    ["now", "ok"],
    ["chatter", "ok"],
    ["put", "ok"],
    ["erase", "ok"],
    ["send", "ok"],
    ["receive", "ok"],
    ["later", "ok"],
    ["never", "ok"],
    ["call_put", "ok"],
    ["call_get", "ok"],
    ["put_twice", "ok"],
    ["fetch_put", "TWIN_GUEST_ABI"],
    ["ask_peer", "ok"],
    ["trap", "TWIN_GUEST_TRAP"],
    ["loop", "TWIN_GUEST_FUEL"],
    ["put_loop", "TWIN_GUEST_FUEL"],
    ["sneaky", "TWIN_GUEST_DENIED"],
    ["put_fail", "TWIN_GUEST_FAILED"],
    ["read_far", "TWIN_GUEST_ABI"],
    ["call_trap", "TWIN_GUEST_TRAP"],
    ["direct_put", "TWIN_GUEST_DENIED"],
    // What the host says of an answer is not the guest's end.
    ["wrong", "ok"],
  ])("of %s comes out the same, bit for bit: %s", async (method, outcome) => {
    await bench.call("put", "kept");
    const report = await bench.do("replay", await receiptOf(method));
    expect(report).toMatchObject({ method, isSame: true });
    expect(report.replayed).toEqual(report.recorded);
    expect(report.recorded.code ?? report.recorded.outcome).toBe(outcome);
    expect(report.recorded.fuel).toBeGreaterThan(0);
  });

  test("that fetched comes out the same without the server", async () => {
    const receipt = await receiptOf("fetch_put", { url: "https://api.example.com/" });
    const recorded = await bench.do("receipts", { limit: 1 });
    expect(recorded).toMatchObject([{ sequence: receipt, outcome: "ok" }]);
    expect(await bench.do("replay", receipt)).toMatchObject({ isSame: true, recorded: { outcome: "ok" } });
  });

  test("has the fuel of its receipt, and changes nothing when it is run again", async () => {
    const receipt = await bench.receiptOf("put", "once");
    await bench.call("put", "twice");
    const before = await bench.do("status", undefined);
    for (let time = 0; time < 3; time++) {
      const { recorded, replayed } = await bench.do("replay", receipt.sequence);
      expect([recorded.fuel, replayed.fuel]).toEqual([receipt.fuel, receipt.fuel]);
    }
    expect(await bench.call("get", "")).toBe("twice");
    expect(await bench.do("status", undefined)).toMatchObject({ calls: before.calls + 1, fuel: expect.any(Number) });
  });

  test("begins with a guest that remembers nothing", async () => {
    for (let time = 0; time < 3; time++) {
      const sequence = await receiptOf("remember");
      expect(await bench.do("replay", sequence)).toMatchObject({ isSame: true, recorded: { outcome: "ok" } });
    }
    await bench.do("recordCalls", { capability: "probe", count: 0 });
    await bench.call("remember", "x");
    await expect(bench.call("remember", "x")).rejects.toMatchObject({ code: "TWIN_GUEST_TRAP" });
  });

  test("can be run again after a restart, and after its capability was upgraded", async () => {
    const sequence = await receiptOf("call_put");
    await bench.do("upgrade", { packageBytes: probePackage({ ...OPTIONS, version: "1.1.0" }) });
    await bench.reopen();
    expect(await bench.do("replay", sequence)).toMatchObject({ isSame: true });
  });

  test("is kept as long as it is one of the last, and only for the capability that was asked for", async () => {
    await bench.do("recordCalls", { capability: "probe", count: 2 });
    const sequences = [await receiptOf("put"), await receiptOf("get"), await receiptOf("trap")];
    const others = (await bench.receiptOf("put", "x", { capability: "other" })).sequence;
    await bench.core.flush();
    await bench.reopen();
    expect(await bench.do("recordings", undefined)).toEqual([
      { capability: "probe", count: 2, kept: sequences.slice(1) },
    ]);
    for (const sequence of [sequences[0]!, others, 1_000_000]) {
      await expect(bench.do("replay", sequence)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    }
    await bench.do("recordCalls", { capability: "probe", count: 0 });
    await expect(bench.do("replay", sequences[2]!)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect(await bench.do("recordings", undefined)).toEqual([]);
    await expect(bench.do("recordCalls", { capability: "nobody", count: 1 })).rejects.toMatchObject({
      code: "TWIN_PACKAGE_UNKNOWN",
    });
    const count = LIMITS.engine.recordingsKept + 1;
    await expect(bench.do("recordCalls", { capability: "probe", count })).rejects.toMatchObject({
      code: "TWIN_LIMIT_EXCEEDED",
    });
  });

  test("that read or wrote too much is not kept", async () => {
    await bench.do(
      "install",
      probePackage({
        ...OPTIONS,
        version: "1.2.0",
        more: {
          flood: `(loop $l (call $kv_put (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 100)) (call $log (i32.const 0) (i32.const 0) (i32.const 100)) (local.set 2 (i32.add (local.get 2) (i32.const 1))) (br_if $l (i32.lt_u (local.get 2) (i32.const 6000)))) ${ECHO}`,
        },
      }),
    );
    const { sequence } = await bench.receiptOf("flood", "x");
    await expect(bench.do("replay", sequence)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });
});

describe("a replay", () => {
  test("says where a guest differs, whatever was changed", async () => {
    await bench.call("put", "kept");
    const sequence = await receiptOf("get");
    await bench.do("replay", sequence);
    const recording = bench.core.recordings.find(sequence);
    const { compiled } = bench.core.shelf.program(recording.moduleHash);
    const differenceOf = (change: Partial<Recording>): string | undefined =>
      replayCall({ ...recording, ...change }, compiled, referenceKernels).difference;
    expect(differenceOf({})).toBeUndefined();
    const { entries, outcome } = recording;
    const changed = (index: number, change: Partial<TapeEntry>): readonly TapeEntry[] =>
      entries.with(index, { ...entries[index]!, ...change });
    const last = entries.length - 1;
    expect(differenceOf({ entries: changed(1, { name: "kv_put" }) })).toMatch(/call 2 of the host is another one/u);
    expect(differenceOf({ entries: changed(1, { seen: "00" }) })).toMatch(/passes something else/u);
    expect(differenceOf({ entries: entries.slice(0, last) })).toMatch(/another one/u);
    expect(differenceOf({ entries: [...entries, entries[0]!] })).toMatch(/not made again/u);
    expect(differenceOf({ entries: changed(last, { steps: [["charge", 7]] }) })).toMatch(/answerHash|fuel/u);
    expect(differenceOf({ fuelMax: 1_000 })).toMatch(/not made again|outcome/u);
    expect(differenceOf({ meterVersion: 0 })).toMatch(/cost table/u);
    expect(differenceOf({ outcome: { ...outcome, fuel: outcome.fuel + 1 } })).toMatch(/fuel was/u);
  });

  test("is the same for any sequence of calls", async () => {
    const methods = fc.constantFrom(
      "echo",
      "get",
      "put",
      "erase",
      "send",
      "later",
      "call_put",
      "call_get",
      "trap",
      "put_fail",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(methods, fc.string({ maxLength: 20 })), { maxLength: 8 }), async (calls) => {
        const sequences: number[] = [];
        for (const [method, text] of calls) sequences.push(await receiptOf(method, text));
        for (const sequence of sequences) {
          const report = await bench.do("replay", sequence);
          expect(report.difference).toBeUndefined();
        }
      }),
      { numRuns: 15 },
    );
  });
});
