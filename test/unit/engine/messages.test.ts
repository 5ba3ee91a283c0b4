import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { Delivery, Settlement } from "../../../host/engine/engine.ts";
import { deliverMessage } from "../../../host/engine/message-delivery.ts";
import { BENCH_TWIN, type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { messagesOf } from "../../support/page-messages.ts";
import { PROBE_PEER, probePackage } from "../../support/probe-package.ts";

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
  await bench.do("install", probePackage());
});
afterEach(() => bench[Symbol.asyncDispose]());

const events = async (): Promise<unknown[]> =>
  (await bench.do("events", { afterSequence: 0 })).map(({ payload }) => JSON.parse(payload) as unknown);
const refused = (code: string): Delivery => ({
  status: "refused",
  error: { code, message: expect.any(String), details: expect.any(Object) } as never,
});

describe("a message from another twin", () => {
  test("takes effect once, however often it comes", async () => {
    expect(await bench.deliver(1, "receive", "one")).toEqual({ status: "done" });
    expect(await bench.deliver(1, "receive", "one")).toEqual({ status: "done" });
    await bench.reopen();
    expect(await bench.deliver(1, "receive", "one")).toEqual({ status: "done" });
    expect(await bench.deliver(2, "receive", "two")).toEqual({ status: "done" });
    expect(await events()).toEqual(["one", "two"]);
  });

  test("takes effect once when its copies come at the same time", async () => {
    const copies = await Promise.all(
      [1, 1, 2, 1, 2].map((sequence) => bench.deliver(sequence, "receive", `m${sequence}`)),
    );
    expect(copies).toEqual(copies.map(() => ({ status: "done" })));
    expect(await events()).toEqual(["m1", "m2"]);
  });

  test("that comes too early is asked for again", async () => {
    expect(await bench.deliver(2, "receive", "two")).toEqual({ status: "gap", expected: 1 });
    await bench.deliver(1, "receive", "one");
    expect(await bench.deliver(5, "receive", "five")).toEqual({ status: "gap", expected: 2 });
    expect(await events()).toEqual(["one"]);
  });

  test("is counted per sender", async () => {
    await bench.deliver(1, "receive", "mine");
    expect(await bench.deliver(1, "receive", "theirs", { from: PROBE_PEER })).toEqual({ status: "done" });
    expect(await events()).toEqual(["mine", "theirs"]);
  });

  test.each([
    ["put", {}, "TWIN_CALL_DENIED"],
    ["receive", { circles: [] }, "TWIN_CALL_DENIED"],
    ["receive", { capability: "nobody" }, "TWIN_CALL_DENIED"],
    ["receive", { payload: jsonEncode(7) }, "TWIN_CALL_PARAMS"],
    ["receive_trap", {}, "TWIN_GUEST_TRAP"],
  ])("for %s %j is refused for good, and does not block the next", async (method, over, code) => {
    expect(await bench.deliver(1, method, "bad", over)).toEqual(refused(code));
    expect(await bench.deliver(1, method, "bad", over)).toEqual(refused(code));
    await bench.reopen();
    expect(await bench.deliver(1, "receive", "another text under the same number")).toEqual(refused(code));
    expect(await bench.deliver(2, "receive", "good")).toEqual({ status: "done" });
    expect(await events()).toEqual(["good"]);
  });

  test("tells its sender nothing of our receipts when it is refused", async () => {
    const delivery = await bench.deliver(1, "receive_trap", "bad");
    expect(delivery).toMatchObject({ error: { details: {} } });
    expect(JSON.stringify(delivery)).not.toMatch(/receipt|fuel/);
  });

  test("that calls a query is refused", async () => {
    await bench.do("grant", { holder: "circle:contacts", capability: "probe", methods: ["echo"], reason: "Test." });
    expect(await bench.deliver(1, "echo", "x")).toEqual(refused("TWIN_CALL_UNKNOWN"));
  });

  test("is neither done nor refused when the disk fails, and takes effect when it comes again", async () => {
    bench.faults.failWrites = true;
    await expect(bench.deliver(1, "receive", "one")).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    await expect(bench.deliver(1, "receive_trap", "one")).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    bench.faults.failWrites = false;
    expect(await bench.deliver(1, "receive", "one")).toEqual({ status: "done" });
    expect(await bench.do("events", { afterSequence: 0 })).toMatchObject([{ sequence: 1, payload: '"one"' }]);
  });

  test("whose deadline passes is not refused", async () => {
    const message = {
      from: PROBE_PEER,
      circles: ["contacts"],
      sequence: 1,
      capability: "probe",
      method: "receive",
      payload: jsonEncode("late"),
    };
    const waited = LIMITS.sandbox.callTimeoutMs + 1;
    await expect(deliverMessage(bench.core, message, waited)).rejects.toMatchObject({ code: "TWIN_GUEST_DEADLINE" });
    expect(await deliverMessage(bench.core, message, 0)).toEqual({ status: "done" });
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 60])("with the number %d is no message", async (sequence) => {
    await expect(bench.deliver(sequence, "receive", "x")).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });

  test("from oneself is no message", async () => {
    await expect(bench.deliver(1, "receive", "x", { from: BENCH_TWIN })).rejects.toMatchObject({
      code: "TWIN_INPUT_INVALID",
    });
  });

  test("of strangers leave no more than so many rows behind, and contacts are heard all the same", async () => {
    const stranger = (index: number): string => `did:key:z${"x".repeat(40)}${String(index).replaceAll("0", "A")}`;
    const rows = Array.from({ length: LIMITS.engine.inboxSenderCount - 1 }, (_, index) => {
      return {
        namespace: "$inbox",
        key: utf8Encode(`did:key:${index}`),
        value: jsonEncode({ lastSequence: 1, refused: [] }),
      };
    });
    await bench.core.commit(rows);
    const knock = (index: number, sequence = 1): Promise<unknown> =>
      bench.deliver(sequence, "receive", "hello", { from: stranger(index), circles: [] });
    expect(await knock(1)).toMatchObject({ status: "refused", error: { code: "TWIN_CALL_DENIED" } });
    await expect(knock(2)).rejects.toMatchObject({ code: "TWIN_CALL_QUEUE" });
    // Who is remembered still gets its answers, and in order.
    expect(await knock(1)).toMatchObject({ status: "refused" });
    expect(await knock(1, 2)).toMatchObject({ status: "refused" });
    expect(await bench.deliver(1, "receive", "hello", { from: stranger(3) })).toEqual({ status: "done" });
    await bench.reopen();
    await expect(knock(2)).rejects.toMatchObject({ code: "TWIN_CALL_QUEUE" });
  });
});

describe("the outbox", () => {
  test("keeps messages in order per peer until they are settled, also over a restart", async () => {
    for (const text of ["one", "two", "three"]) await bench.call("send", text);
    expect(bench.news.flatMap((news) => news.outboxPeers)).toEqual([PROBE_PEER, PROBE_PEER, PROBE_PEER]);
    await bench.reopen();
    expect(await bench.do("outboxPeers", undefined)).toEqual(new Map([[PROBE_PEER, 3]]));
    const [first, ...others] = messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 10 }));
    expect(first).toMatchObject({ sequence: 1, capability: "probe", method: "receive" });
    expect(jsonDecode(first!.payload)).toBe("one");
    expect(others.map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 1 }))).toHaveLength(1);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, afterSequence: 2, limit: 9 }))).toMatchObject([
      { sequence: 3 },
    ]);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, afterSequence: 3, limit: 9 }))).toEqual([]);
    await settle(1);
    await settle(1);
    await bench.reopen();
    expect(
      messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 10 })).map(({ sequence }) => sequence),
    ).toEqual([2, 3]);
    expect(await bench.do("status", undefined)).toMatchObject({ outbox: 2, parked: 0 });
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, afterSequence: 0, limit: 9 }))).toHaveLength(2);
    await settle(1_000);
    expect(await bench.do("outboxPeers", undefined)).toEqual(new Map());
    await bench.call("send", "four");
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 10 }))).toMatchObject([{ sequence: 4 }]);
  });

  test("parks what its receiver refused, with the reason, and goes on", async () => {
    await bench.call("send", "bad");
    await bench.call("send", "good");
    const error = { code: "TWIN_CALL_DENIED", message: "No.", details: {} } as const;
    await settle(1, { sequence: 1, error }, { sequence: 2, error });
    await bench.reopen();
    expect(await bench.do("parked", undefined)).toMatchObject([
      { peer: PROBE_PEER, sequence: 1, capability: "probe", method: "receive", code: error.code, message: "No." },
    ]);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }))).toMatchObject([{ sequence: 2 }]);
    expect(await bench.do("status", undefined)).toMatchObject({ outbox: 1, parked: 1 });
  });

  test("settles many at once, and keeps of the refused ones the last", async () => {
    for (const text of ["one", "two", "three", "four"]) await bench.call("send", text);
    const error = { code: "TWIN_CALL_DENIED", message: "No.", details: {} } as const;
    await settle(3, { sequence: 1, error }, { sequence: 3, error });
    await bench.reopen();
    expect((await bench.do("parked", undefined)).map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }))).toMatchObject([{ sequence: 4 }]);
    expect(await bench.do("status", undefined)).toMatchObject({ outbox: 1, parked: 2 });
  });

  test("gives large messages in pages of bounded size, and one at least", async () => {
    for (let count = 0; count < 5; count++) await bench.call("send", "x".repeat(100_000));
    const page = messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }));
    expect(page.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, afterSequence: 3, limit: 1 }))).toHaveLength(1);
  });

  test("tells after a restart for whom messages wait", async () => {
    await bench.call("send", "one");
    await bench.reopen();
    bench.news.length = 0;
    bench.core.tellWaiting();
    expect(bench.news.map(({ outboxPeers }) => outboxPeers)).toEqual([[PROBE_PEER]]);
    await settle(1);
    bench.core.tellWaiting();
    expect(bench.news).toHaveLength(1);
  });

  test("shows no message whose command is not durable", async () => {
    await bench.call("send", "one");
    const sent = bench.call("send", "two");
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }))).toMatchObject([{ sequence: 1 }]);
    await sent;
    expect(messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }))).toHaveLength(2);
  });

  test("numbers messages without a gap when a commit fails", async () => {
    await bench.call("send", "one");
    bench.faults.failWrites = true;
    await expect(bench.call("send", "lost")).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    bench.faults.failWrites = false;
    await bench.call("send", "two");
    const messages = messagesOf(await bench.do("outbox", { peer: PROBE_PEER, limit: 9 }));
    expect(messages.map(({ sequence, payload }) => [sequence, jsonDecode(payload)])).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
  });
});

function settle(throughSequence: number, ...refused: Settlement["refused"]): Promise<undefined> {
  return bench.do("settle", { peer: PROBE_PEER, throughSequence, refused });
}
