import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { BENCH_TWIN, type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { probePackage } from "../../support/probe-package.ts";

let bench: EngineBench;
beforeAll(async () => {
  bench = await openEngineBench();
  await bench.do("install", probePackage());
  await bench.do("install", probePackage({ name: "gamma" }));
  await bench.do("install", probePackage({ name: "beta", calls: "gamma" }));
  await bench.do("install", probePackage({ name: "alpha", calls: "beta" }));
});
afterAll(() => bench[Symbol.asyncDispose]());

describe("a call", () => {
  test("answers what its method answers, with a receipt that accounts for it", async () => {
    expect(await bench.call("echo", "hello")).toBe("hello");
    const receipt = await bench.receiptOf("put", "hello");
    expect(receipt).toMatchObject({
      caller: "owner",
      capability: "probe",
      version: "1.0.0",
      method: "put",
      outcome: "ok",
      hostCalls: { kv_put: 1 },
      bytes: { in: 7, out: 7, read: 0, written: 8 },
    });
    expect(receipt.fuel).toBeGreaterThan(40_000);
    expect(receipt.memorySizeBytes).toBe(8 * 65_536);
  });

  test("burns the same fuel every time once its guest has started", async () => {
    await bench.call("put", "same");
    const [one, two] = [await bench.receiptOf("put", "same"), await bench.receiptOf("put", "same")];
    expect(one.fuel).toBe(two.fuel);
    expect(two.sequence).toBe(one.sequence + 1);
  });

  test("sees what was committed before, and nothing of others", async () => {
    await bench.call("put", "mine");
    expect(await bench.call("get", "")).toBe("mine");
    expect(await bench.call("get", "", { capability: "gamma" })).toBeNull();
    await bench.call("erase", "");
    expect(await bench.call("get", "")).toBeNull();
  });

  test("knows its caller as the ABI says", async () => {
    expect(await bench.call("who", "")).toEqual({ kind: "owner", name: "", twin: "", self: BENCH_TWIN });
  });

  test.each([
    ["trap", "TWIN_GUEST_TRAP"],
    ["loop", "TWIN_GUEST_FUEL"],
    ["sneaky", "TWIN_GUEST_DENIED"],
    ["broken", "TWIN_CALL_RESULT"],
    ["wrong", "TWIN_CALL_RESULT"],
    ["wild", "TWIN_GUEST_ABI"],
    ["bad_take", "TWIN_GUEST_ABI"],
    ["emit_secret", "TWIN_GUEST_DENIED"],
    ["emit_broken", "TWIN_CALL_RESULT"],
    ["absent", "TWIN_CALL_UNKNOWN"],
    ["constructor", "TWIN_CALL_UNKNOWN"],
    ["twin_alloc", "TWIN_CALL_UNKNOWN"],
  ])("of %s fails with %s, and the next call succeeds", async (method, code) => {
    const budget = { fuel: 5_000_000 };
    await expect(bench.call(method, "x", { budget })).rejects.toMatchObject({ code });
    expect(await bench.call("echo", "still here")).toBe("still here");
  });

  test("of a capability that is not here is unknown", async () => {
    await expect(bench.call("echo", "x", { capability: "nobody" })).rejects.toMatchObject({
      code: "TWIN_CALL_UNKNOWN",
    });
    await expect(bench.call("echo", "x", { capability: "__proto__" })).rejects.toMatchObject({
      code: "TWIN_CALL_UNKNOWN",
    });
  });

  test.each(["put_trap", "put_loop", "put_fail", "put_wrong"])(
    "of %s leaves nothing behind but the receipt that its error names",
    async (method) => {
      await bench.call("put", "before");
      const before = await bench.do("status", undefined);
      const failed = bench.call(method, "after", { budget: { fuel: 5_000_000 } });
      const details = await failed.then(
        () => expect.unreachable(),
        (error: { details: Record<string, unknown> }) => error.details,
      );
      expect(await bench.call("get", "")).toBe("before");
      const after = await bench.do("status", undefined);
      expect(after).toMatchObject({ outbox: before.outbox, lastEventSequence: before.lastEventSequence });
      const [receipt] = await bench.do("receipts", { beforeSequence: Number(details["receipt"]) + 1, limit: 1 });
      expect(receipt).toMatchObject({ method, outcome: "error", bytes: { written: 0 } });
      expect(receipt!.fuel).toBeGreaterThan(0);
    },
  );

  test("that fails by itself says why", async () => {
    await expect(bench.call("put_fail", "x")).rejects.toMatchObject({
      code: "TWIN_GUEST_FAILED",
      message: "Taken.",
      details: { code: "name-taken", capability: "probe" },
    });
  });

  test("with parameters that do not fit is refused with the place", async () => {
    await expect(bench.call("put", 7)).rejects.toMatchObject({
      code: "TWIN_CALL_PARAMS",
      message: expect.stringContaining("$: expected string"),
    });
    const payload = utf8Encode('"x" "y"');
    await expect(bench.call("put", 0, { payload })).rejects.toMatchObject({ code: "TWIN_CALL_PARAMS" });
    await expect(bench.call("put", 0, { payload: Uint8Array.of(0xff) })).rejects.toMatchObject({
      code: "TWIN_CALL_PARAMS",
    });
  });

  test("hands the guest the very JSON that was checked", async () => {
    expect(await bench.receiptOf("echo", 0, { payload: utf8Encode('  "\\u0061b"  ') })).toMatchObject({
      bytes: { in: 13, out: 4 },
    });
  });

  test("whose time ran out while it waited does not run", async () => {
    const late = bench.core.call(
      { holder: { kind: "owner" }, capability: "probe", method: "put", payload: utf8Encode('"late"') },
      LIMITS.sandbox.callTimeoutMs + 1,
    );
    await expect(late).rejects.toMatchObject({ code: "TWIN_GUEST_DEADLINE", details: { receipt: expect.any(Number) } });
    expect(await bench.call("get", "")).not.toBe("late");
  });

  test("never gets more fuel than its capability has, and as little as its caller gives", async () => {
    const greedy = bench.receiptOf("loop", "x", { budget: { fuel: Number.MAX_SAFE_INTEGER } });
    await expect(greedy).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
    const [receipt] = await bench.do("receipts", { limit: 1 });
    expect(receipt!.fuel).toBeLessThan(LIMITS.sandbox.callFuel * 1.01);
    await expect(bench.call("echo", "x", { budget: { fuel: 1 } })).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
    await expect(bench.call("echo", "x", { budget: { fuel: -1 } })).rejects.toMatchObject({
      code: "TWIN_INPUT_INVALID",
    });
  });
});

describe("a call of another capability", () => {
  test("happens in the same transaction, with one receipt for all of it", async () => {
    const receipt = await bench.receiptOf("call_put", "deep", { capability: "alpha" });
    expect(await bench.call("get", "", { capability: "alpha" })).toBe("deep");
    expect(await bench.call("get", "", { capability: "beta" })).toBe("deep");
    expect(receipt.hostCalls).toMatchObject({ kv_put: 2, call: 1 });
    expect(receipt.fuel).toBeGreaterThan(2 * 40_000);
    expect(await nested("call_get")).toBe("deep");
  });

  test("takes everything with it when it fails", async () => {
    await bench.call("put", "old", { capability: "alpha" });
    await bench.call("put", "old", { capability: "beta" });
    await expect(nested("call_trap")).rejects.toMatchObject({ code: "TWIN_GUEST_TRAP" });
    expect(await bench.call("get", "", { capability: "alpha" })).toBe("old");
    expect(await bench.call("get", "", { capability: "beta" })).toBe("old");
  });

  test("that would come back to a waiting one is refused", async () => {
    await bench.do("install", probePackage({ name: "ping", calls: "pong" }));
    await bench.do("install", probePackage({ name: "pong", calls: "ping" }));
    const round = bench.call("call_back", "x", { capability: "ping" });
    await expect(round).rejects.toMatchObject({ code: "TWIN_CALL_CYCLE" });
    expect(await bench.call("get", "", { capability: "ping" })).toBeNull();
    await bench.do("install", probePackage({ name: "narcissus", calls: "narcissus" }));
    await expect(bench.call("call_put", "x", { capability: "narcissus" })).rejects.toMatchObject({
      code: "TWIN_CALL_CYCLE",
    });
  });

  test("by a query cannot be a command", async () => {
    await expect(nested("sneaky_call")).rejects.toMatchObject({ code: "TWIN_GUEST_DENIED" });
  });

  test("that the manifest does not declare is refused", async () => {
    const more = {
      call_hidden: `(drop (call $call (i32.const 512) (global.get $otherSize) (i32.const 640) (i32.const 6)
        (local.get 0) (local.get 1))) (i64.const 0)`,
    };
    await bench.do("install", probePackage({ name: "nosy", calls: "gamma", more }));
    await expect(bench.call("call_hidden", "x", { capability: "nosy" })).rejects.toMatchObject({
      code: "TWIN_GUEST_DENIED",
    });
  });

  test("has no more fuel than its caller has left", async () => {
    const failed = bench.receiptOf("call_put", "x", { capability: "alpha", budget: { fuel: 60_000 } });
    await expect(failed).rejects.toMatchObject({ code: "TWIN_GUEST_FUEL" });
    const [receipt] = await bench.do("receipts", { limit: 1 });
    expect(receipt!.fuel).toBeGreaterThanOrEqual(60_000);
    expect(receipt!.fuel).toBeLessThan(110_000);
  });
});

describe("grants", () => {
  const holder = { kind: "experience", name: "desk" } as const;

  test("let an experience call what they name, from when they are given until they are revoked", async () => {
    await expect(bench.call("echo", "x", { holder })).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
    const grant = await bench.do("grant", {
      holder: "experience:desk",
      capability: "probe",
      methods: ["echo", "who"],
      reason: "To speak.",
    });
    expect(await bench.receiptOf("echo", "x", { holder })).toMatchObject({
      caller: "experience:desk",
      grantId: grant.id,
    });
    expect(await bench.call("who", "", { holder })).toMatchObject({ kind: "experience", name: "desk" });
    await expect(bench.call("put", "x", { holder })).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
    await bench.do("revoke", grant.id);
    await expect(bench.call("echo", "x", { holder })).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
  });

  test("tell who holds none nothing of what is here", async () => {
    const [known, unknown] = await Promise.allSettled([
      bench.call("echo", "x", { holder }),
      bench.call("echo", "x", { holder, capability: "nobody" }),
    ]);
    expect(known).toMatchObject({ reason: { code: "TWIN_CALL_DENIED" } });
    expect(unknown).toMatchObject({ reason: { code: "TWIN_CALL_DENIED" } });
  });

  test("are refused when they are not of the documented shape", async () => {
    const all = { holder: "experience:desk", capability: "probe", methods: ["*"], reason: "All." } as const;
    await expect(bench.do("grant", all)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });
});

function nested(method: string): Promise<unknown> {
  return bench.call(method, "deep", { capability: "alpha" });
}
