import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Receipt } from "../../../host/engine/engine.ts";
import { fireTimer } from "../../../host/engine/timer-loop.ts";
import { formatTraceparent, parseTraceparent } from "../../../host/engine/trace.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { messagesOf } from "../../support/page-messages.ts";
import { PROBE_PEER, PROBE_TASKS, probePackage } from "../../support/probe-package.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

describe("a traceparent", () => {
  test.each([TRACEPARENT, `00-${TRACE}-${SPAN}-00`, `cc-${TRACE}-${SPAN}-01-what-the-future-brings`])(
    "%s is read",
    (text) => {
      expect(parseTraceparent(text)).toEqual({ id: TRACE, span: SPAN });
    },
  );
  test.each([
    "",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}${SPAN}-01`,
    `${TRACEPARENT}\n`,
  ])("%j is none", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
  test("is written as it is read", () => {
    expect(formatTraceparent(parseTraceparent(TRACEPARENT)!)).toBe(TRACEPARENT);
  });
});

describe("the trace of a call", () => {
  let bench: EngineBench;
  beforeEach(async () => {
    bench = await openEngineBench();
    await bench.do("install", probePackage({ name: "gamma" }));
    await bench.do("install", probePackage({ name: "beta", calls: "gamma" }));
    await bench.do("install", probePackage({ name: "alpha", calls: "beta" }));
    await bench.do("install", probePackage({ tasks: PROBE_TASKS, asks: ["peer_call", { http: ["api.example.com"] }] }));
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  test("is its caller's, and its span is new", async () => {
    const { trace } = await bench.receiptOf("put", "x", { trace: TRACEPARENT });
    expect(trace).toEqual({ id: TRACE, span: expect.stringMatching(/^[0-9a-f]{16}$/u), parent: SPAN });
    expect(trace.span).not.toBe(SPAN);
    await bench.core.flush();
    expect(await bench.do("receipts", { trace: TRACE })).toMatchObject([{ method: "put", trace }]);
  });

  test("is its own when its caller has none, and no two are the same", async () => {
    const traces: Receipt["trace"][] = [];
    for (const method of ["put", "get", "put"]) traces.push((await bench.receiptOf(method, "x")).trace);
    traces.push((await bench.receiptOf("get", "x", { trace: "nonsense" })).trace);
    for (const trace of traces) {
      expect(trace).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{32}$/u),
        span: expect.stringMatching(/^[0-9a-f]{16}$/u),
      });
      expect(parseTraceparent(formatTraceparent(trace))).toBeDefined();
    }
    expect(new Set(traces.map(({ id }) => id)).size).toBe(traces.length);
    expect((await bench.do("receipts", {})).map(({ trace }) => trace).toReversed()).toEqual(traces);
  });

  test("has a child for each call within it, with what each burnt", async () => {
    const receipt = await bench.receiptOf("call_put", "x", { capability: "beta", trace: TRACEPARENT });
    expect(receipt.nested).toMatchObject([{ capability: "gamma", method: "put", parent: receipt.trace.span }]);
    expect(receipt.nested![0]!.fuel).toBeLessThan(receipt.fuel);
    expect(receipt.nested![0]!.span).not.toBe(receipt.trace.span);
    expect((await bench.do("receipts", { trace: TRACE }))[0]).toEqual(receipt);
    expect((await bench.receiptOf("put", "x")).nested).toBeUndefined();
  });

  test("goes on in messages, in timers, and in what a task calls", async () => {
    await bench.call("send", "x", { trace: TRACEPARENT });
    const [message] = messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 1 }));
    const [sent] = await bench.do("receipts", { trace: TRACE });
    expect(parseTraceparent(message!.trace!)).toEqual({ id: TRACE, span: sent!.trace.span });

    await bench.deliver(1, "receive", "x", { trace: message!.trace });
    const [received] = await bench.do("receipts", { trace: TRACE });
    expect(received).toMatchObject({ method: "receive", trace: { parent: sent!.trace.span } });

    await bench.call("later", "x", { trace: TRACEPARENT });
    const [set] = await bench.do("receipts", { trace: TRACE });
    bench.clock.advance(2_000);
    for (const timer of bench.core.timers.due(bench.clock.nowMs(), 9)) await fireTimer(bench.core, timer);
    expect((await bench.do("receipts", { trace: TRACE }))[0]).toMatchObject({
      caller: "timer:probe",
      trace: { parent: set!.trace.span },
    });

    await bench.call("put_twice", "x", { trace: TRACEPARENT });
    const [task, second, first] = await bench.do("receipts", { trace: TRACE });
    expect([first, second]).toMatchObject([
      { method: "put", trace: { parent: task!.trace.span } },
      { method: "put", trace: { parent: task!.trace.span } },
    ]);
    expect(first!.trace.span).not.toBe(second!.trace.span);
  });
});
