import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { CallRequest } from "../../../host/engine/engine.ts";
import type { HttpAnswer, HttpRequest, Outside, PeerRequest } from "../../../host/engine/outside.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { PROBE_PEER, PROBE_TASKS, probePackage } from "../../support/probe-package.ts";

const URL_OF_SERVER = "https://api.example.com/weather";

/** An outside that answers when the test says so. */
interface ManualOutside extends Outside {
  readonly fetches: {
    readonly request: HttpRequest;
    readonly signal: AbortSignal;
    answer(body: unknown): void;
    fail(error: TwinError): void;
  }[];
  readonly calls: { readonly request: PeerRequest; answer(payload: unknown): void; fail(error: TwinError): void }[];
}

function manualOutside(): ManualOutside {
  const fetches: ManualOutside["fetches"] = [];
  const calls: ManualOutside["calls"] = [];
  return {
    fetches,
    calls,
    fetch: (request, { signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
      const answer = (body: unknown): void =>
        resolve({
          url: request.url,
          status: 200,
          headers: { "content-type": "application/json" },
          body: jsonEncode(body),
        });
      fetches.push({ request, signal, answer, fail: reject });
      return promise;
    },
    callPeer: (request) => {
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
      calls.push({ request, answer: (payload) => resolve(jsonEncode(payload)), fail: reject });
      return promise;
    },
  };
}

let bench: EngineBench;
let outside: ManualOutside;
beforeEach(async () => {
  outside = manualOutside();
  bench = await openEngineBench({ outside });
  await bench.do("install", probePackage({ tasks: PROBE_TASKS, asks: ["peer_call", { http: ["api.example.com"] }] }));
});
afterEach(() => bench[Symbol.asyncDispose]());

async function until(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 1_000; round++) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new RangeError("It never came.");
}

/** Starts a task; resolves when it waits for the outside. */
async function waiting(method: string, over: Partial<CallRequest> = {}, signal?: AbortSignal) {
  const before = outside.fetches.length;
  const request = {
    holder: { kind: "owner" },
    capability: "probe",
    method,
    payload: jsonEncode({ url: URL_OF_SERVER }),
    ...over,
  } as const;
  const answer = bench.core.call(request, 0, signal && (() => signal));
  answer.catch(() => undefined);
  await until(() => outside.fetches.length > before);
  return { answer, fetch: outside.fetches[before]! };
}

describe("a task", () => {
  test("waits for a server and stores what came by a command of its own", async () => {
    const { answer, fetch } = await waiting("fetch_put");
    expect(fetch.request).toMatchObject({ url: URL_OF_SERVER, method: "GET", places: ["api.example.com"] });
    expect(await bench.call("get", "")).toBeNull();
    fetch.answer("sunny");
    const { payload, receipt } = await answer;
    expect(jsonDecode(payload)).toBe("sunny");
    expect(await bench.call("get", "")).toBe("sunny");
    expect(receipt).toMatchObject({
      method: "fetch_put",
      outcome: "ok",
      hostCalls: { http_fetch: 1, call: 1 },
      bytes: { received: 7, sent: 0, written: 0 },
    });
  });

  test("leaves others free while it waits, queries, commands and tasks alike", async () => {
    const tasks = await Promise.all([waiting("fetch"), waiting("fetch"), waiting("fetch")]);
    await bench.call("put", "meanwhile");
    expect(await bench.call("get", "")).toBe("meanwhile");
    expect(await bench.do("status", undefined)).toMatchObject({ tasks: 3 });
    for (const [index, { fetch }] of tasks.toReversed().entries()) fetch.answer(index);
    const answers = await Promise.all(tasks.map(({ answer }) => answer));
    expect(answers.map(({ payload }) => jsonDecode(payload))).toEqual([2, 1, 0]);
    expect(await bench.do("status", undefined)).toMatchObject({ tasks: 0 });
  });

  test("learns why the outside failed, and goes on", async () => {
    const { answer, fetch } = await waiting("fetch");
    fetch.fail(new TwinError("TWIN_FETCH_FAILED", "No route."));
    expect(jsonDecode((await answer).payload)).toEqual({ code: "TWIN_FETCH_FAILED", message: "No route." });
  });

  test("asks another twin, and gets its answer or its refusal", async () => {
    for (const refusal of [undefined, new TwinError("TWIN_GUEST_FUEL", "It burnt out there.")]) {
      const before = outside.calls.length;
      const answer = bench.call("ask_peer", "hello");
      await until(() => outside.calls.length > before);
      const call = outside.calls[before]!;
      expect(call.request).toMatchObject({ peer: PROBE_PEER, capability: "probe", method: "echo" });
      if (refusal === undefined) call.answer("hello yourself");
      else call.fail(refusal);
      expect(await answer).toEqual(
        refusal === undefined ? "hello yourself" : { code: refusal.code, message: refusal.message },
      );
    }
  });

  test("has a receipt of its own beside those of its calls, and together they are the totals", async () => {
    await bench.call("put_twice", "x");
    const receipts = await bench.do("receipts", {});
    expect(receipts.map(({ method, caller }) => [method, caller])).toEqual([
      ["put_twice", "owner"],
      ["put", "capability:probe"],
      ["put", "capability:probe"],
    ]);
    const { calls, fuel } = await bench.do("status", undefined);
    expect(calls).toBe(3);
    expect(fuel).toBe(receipts.reduce((sum, receipt) => sum + receipt.fuel, 0));
    const put = await bench.receiptOf("put", "x");
    // What its calls burnt is not counted twice.
    expect(receipts[0]!.fuel).toBeLessThan(put.fuel * 2);
  });

  test("burns no less than nothing itself, wherever its fuel ends", async () => {
    const codes = new Set<string>();
    for (let fuel = 5_000; fuel < 200_000; fuel += 6_500) {
      codes.add(
        await bench.call("put_twice", "x", { budget: { fuel } }).then(
          () => "ok",
          ({ code }: TwinError) => code,
        ),
      );
    }
    expect(codes).toEqual(new Set(["TWIN_GUEST_FUEL", "ok"]));
    const receipts = await bench.do("receipts", { limit: 1_000 });
    const { calls, fuel } = await bench.do("status", undefined);
    expect(receipts).toHaveLength(calls);
    expect(Math.min(...receipts.map((receipt) => receipt.fuel))).toBeGreaterThanOrEqual(0);
    expect(receipts.reduce((sum, receipt) => sum + receipt.fuel, 0)).toBe(fuel);
  });

  test.each([
    ["direct_put", "x", "TWIN_GUEST_DENIED"],
    ["direct_get", "x", "TWIN_GUEST_DENIED"],
    ["nest_task", "x", "TWIN_GUEST_DENIED"],
    ["put_bad", "x", "TWIN_GUEST_TRAP"],
    ["fall", "x", "TWIN_GUEST_TRAP"],
    ["burn", "x", "TWIN_GUEST_FUEL"],
    ["fetch", { url: "https://evil.example.com/" }, "TWIN_GUEST_DENIED"],
    ["fetch", { url: "http://api.example.com/" }, "TWIN_GUEST_DENIED"],
    ["fetch", { url: "https://api.example.com:444/" }, "TWIN_GUEST_DENIED"],
    ["fetch", { url: "https://api.example.com@evil.example/" }, "TWIN_GUEST_DENIED"],
    ["fetch", { url: "file:///etc/passwd" }, "TWIN_GUEST_DENIED"],
    ["fetch", { url: "nonsense" }, "TWIN_GUEST_ABI"],
    ["fetch", { url: URL_OF_SERVER, method: "TRACE" }, "TWIN_GUEST_ABI"],
    ["fetch", { url: URL_OF_SERVER, headers: { host: "evil.example" } }, "TWIN_GUEST_ABI"],
    ["fetch", { url: URL_OF_SERVER, headers: { "x-a": "b\r\nhost: evil" } }, "TWIN_GUEST_ABI"],
    ["fetch", { url: URL_OF_SERVER, headers: { "proxy-authorization": "x" } }, "TWIN_GUEST_ABI"],
  ])("%s with %j ends with %s, without a trace, and the next one runs", async (method, params, code) => {
    await expect(bench.call(method, params, { budget: { fuel: 20_000_000 } })).rejects.toMatchObject({ code });
    expect(outside.fetches).toEqual([]);
    expect(await bench.call("get", "")).toBeNull();
    expect(await bench.do("events", { afterSequence: 0 })).toEqual([]);
    expect(await bench.call("put_twice", "after")).toBe("after");
  });

  test("keeps what its commands did when it fails afterwards", async () => {
    await bench.do(
      "install",
      probePackage({
        name: "second",
        asks: ["peer_call", { http: ["api.example.com"] }],
        calls: "probe",
        tasks: {
          put_fall: `(drop (call $call (i32.const 512) (i32.const 5) (i32.const 544) (i32.const 3) (local.get 0) (local.get 1))) unreachable`,
        },
      }),
    );
    await expect(bench.call("put_fall", "kept", { capability: "second" })).rejects.toMatchObject({
      code: "TWIN_GUEST_TRAP",
    });
    expect(await bench.call("get", "")).toBe("kept");
  });

  test("ends at its deadline, and so does what it waits for", async () => {
    const { answer, fetch } = await waiting("fetch", { budget: { timeoutMs: 1_000 } });
    bench.clock.advance(1_001);
    await expect(answer).rejects.toMatchObject({ code: "TWIN_GUEST_DEADLINE" });
    expect(fetch.signal.aborted).toBe(true);
    fetch.answer("too late");
    await expect(bench.call("fetch", { url: "nonsense" })).rejects.toMatchObject({ code: "TWIN_GUEST_ABI" });
  });

  test("may take a minute and no longer, whatever its caller asks for", async () => {
    const { answer, fetch } = await waiting("fetch", { budget: { timeoutMs: 1e9 } });
    bench.clock.advance(LIMITS.sandbox.waitTimeoutMs - 1);
    await until(() => true);
    expect(fetch.signal.aborted).toBe(false);
    bench.clock.advance(LIMITS.engine.taskTimeoutMs);
    await expect(answer).rejects.toMatchObject({ code: "TWIN_GUEST_DEADLINE" });
  });

  test("is given up with its caller, through to the request that it waits for", async () => {
    const caller = new AbortController();
    const { answer, fetch } = await waiting("fetch_put", {}, caller.signal);
    caller.abort();
    await expect(answer).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    expect(fetch.signal.aborted).toBe(true);
    fetch.answer("too late");
    await until(() => true);
    expect(await bench.call("get", "")).toBeNull();
    expect(await bench.do("receipts", { limit: 2 })).toMatchObject([{}, { method: "fetch_put", code: "TWIN_ABORTED" }]);
  });

  test("that has ended and is repeated under its call id returns what it answered, and fetches nothing", async () => {
    const { answer, fetch } = await waiting("fetch", { callId: "once" });
    fetch.answer("first");
    expect(jsonDecode((await answer).payload)).toBe("first");
    await bench.reopen();
    const again = await bench.core.call(
      {
        holder: { kind: "owner" },
        capability: "probe",
        method: "fetch",
        payload: jsonEncode({ url: URL_OF_SERVER }),
        callId: "once",
      },
      0,
    );
    expect([jsonDecode(again.payload), outside.fetches.length]).toEqual(["first", 1]);
    expect(again.receipt).toEqual((await answer).receipt);
  });

  test("waits in line with others of its caller, and leaves room for other callers", async () => {
    const desk = { holder: { kind: "experience", name: "desk" } } as const;
    await bench.do("grant", { holder: "experience:desk", capability: "probe", methods: ["fetch"], reason: "A test." });
    const running = [];
    for (let count = 0; count < LIMITS.engine.tasksPerCaller; count++) running.push(await waiting("fetch", desk));
    await expect(bench.call("fetch", { url: URL_OF_SERVER }, desk)).rejects.toMatchObject({ code: "TWIN_CALL_QUEUE" });
    const { answer, fetch } = await waiting("fetch");
    fetch.answer("mine");
    expect(jsonDecode((await answer).payload)).toBe("mine");
    for (const task of running) task.fetch.answer(0);
    await Promise.all(running.map((task) => task.answer));
    const again = await waiting("fetch", desk);
    again.fetch.answer(1);
    await again.answer;
  });

  test("ends when the engine is closed, which waits for it", async () => {
    const { answer } = await waiting("fetch");
    await bench.core.tasks.stop();
    await expect(answer).rejects.toMatchObject({ code: "TWIN_ABORTED" });
  });

  test("is started by a timer at most once, and can be asked for by a command", async () => {
    const later = `(drop (call $schedule (f64.const 0) (i32.const 336) (i32.const 5) (local.get 0) (local.get 1))) (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`;
    await bench.do(
      "install",
      probePackage({
        version: "1.1.0",
        tasks: PROBE_TASKS,
        asks: ["peer_call", { http: ["api.example.com"] }],
        more: { later_task: later },
      }),
    );
    await bench.call("later_task", URL_OF_SERVER);
    const { fireTimer } = await import("../../../host/engine/timer-loop.ts");
    for (const timer of bench.core.timers.due(bench.clock.nowMs(), 10)) await fireTimer(bench.core, timer);
    expect(await bench.do("status", undefined)).toMatchObject({ timers: 0 });
    await until(() => bench.core.tasks.count === 0);
    expect(await bench.do("receipts", { limit: 1 })).toMatchObject([
      { caller: "timer:probe", method: "fetch", code: "TWIN_GUEST_ABI" },
    ]);
  });

  test("is not for those who cannot wait: messages and transactions", async () => {
    expect(await bench.deliver(1, "fetch", { url: URL_OF_SERVER })).toMatchObject({
      status: "refused",
      error: { code: "TWIN_CALL_UNKNOWN" },
    });
  });
});
