import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { createAnswerBook, type IdentifiedCall } from "../../../host/engine/answer-book.ts";
import type { Receipt, ReceiptSum } from "../../../host/engine/engine.ts";
import { createEventLog } from "../../../host/engine/event-log.ts";
import { createReceiptBook, type ReceiptDraft } from "../../../host/engine/receipt-book.ts";
import {
  packReceipts,
  type ReceiptPage,
  ReceiptPageWriter,
  unpackReceipts,
} from "../../../host/engine/receipt-page.ts";
import type { StateWrite } from "../../../host/state/state-store.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";

describe("receipts", () => {
  let bench: EngineBench;
  beforeEach(async () => {
    bench = await openEngineBench();
    await bench.do("install", probePackage());
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  test("sum up to the totals, whatever the calls did, also over a restart", async () => {
    const methods = ["put", "echo", "trap", "put_fail", "echo", "send", "put_trap", "wrong"];
    await Promise.allSettled(methods.map((method) => bench.call(method, "x")));
    for (const again of [false, true]) {
      const receipts = await bench.do("receipts", {});
      expect(receipts.map(({ sequence }) => sequence)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
      expect(await bench.do("status", undefined)).toMatchObject({
        calls: 8,
        errors: 4,
        fuel: receipts.reduce((fuel, receipt) => fuel + receipt.fuel, 0),
      });
      if (!again) await bench.reopen();
    }
  });

  test("of queries cost no commit each, and are written a little later", async () => {
    await bench.call("echo", "one");
    await bench.call("echo", "two");
    await bench.reopen();
    expect(await bench.do("status", undefined)).toMatchObject({ calls: 0 });
    await bench.call("echo", "three");
    await bench.call("echo", "four");
    bench.clock.advance(LIMITS.engine.receiptFlushMs);
    await new Promise((resolve) => setImmediate(resolve));
    await bench.reopen();
    expect((await bench.do("receipts", {})).map(({ sequence }) => sequence)).toEqual([2, 1]);
  });

  test("are told to who listens once they are durable", async () => {
    await bench.call("put", "x");
    await expect(bench.call("trap", "x")).rejects.toThrow(/trapped/);
    expect(bench.news.flatMap((news) => news.receipts.map(({ outcome }) => outcome))).toEqual(["ok", "error"]);
  });

  test("can be found by capability, caller and position", async () => {
    await bench.do("install", probePackage({ name: "other" }));
    await bench.do("grant", { holder: "experience:desk", capability: "other", methods: ["echo"], reason: "Test." });
    for (let index = 0; index < 3; index++) {
      await bench.call("echo", "x");
      await bench.call("echo", "x", { capability: "other", holder: { kind: "experience", name: "desk" } });
    }
    const sequences = async (query: object): Promise<number[]> =>
      (await bench.do("receipts", query)).map(({ sequence }) => sequence);
    expect(await sequences({ capability: "other" })).toEqual([6, 4, 2]);
    expect(await sequences({ caller: "owner", limit: 2 })).toEqual([5, 3]);
    expect(await sequences({ beforeSequence: 3 })).toEqual([2, 1]);
    expect(await sequences({ caller: "nobody" })).toEqual([]);
  });

  test("are kept up to their limit, a page at a time; their sums for ever", async () => {
    const store = createMemoryStateStore();
    const book = createReceiptBook(store, "0123456789abcdef");
    const count = LIMITS.engine.receiptsKept + 200;
    for (let index = 1; index <= count; index++) {
      book.issue({ ...DRAFT, fuel: 2, outcome: "error" }, "command");
      if (index % 4 === 0) await store.commit(book.drain());
    }
    expect(book.drain()).toEqual([]);
    const again = createReceiptBook(store, "0123456789abcdef");
    expect(again.totals()).toEqual({ calls: count, errors: count, fuel: 2 * count, lastSequence: count });
    expect(again.list({ beforeSequence: 100 })).toEqual([]);
    expect(again.list({ beforeSequence: 201 }).length).toBeGreaterThan(0);
    const [sum] = again.sums({});
    expect(sum).toMatchObject({ day: "2026-01-02", calls: count, errors: count, fuel: 2 * count });
  });

  test("of calls that come one by one share pages, also when a commit fails in between", async () => {
    const store = createMemoryStateStore();
    const book = createReceiptBook(store, "0123456789abcdef");
    for (let index = 1; index <= 40; index++) {
      book.issue(DRAFT, "command");
      const writes = book.drain();
      if (index % 5 === 0) book.reload();
      else await store.commit(writes);
    }
    const listed = book.list({ limit: 100 }).map(({ sequence }) => sequence);
    expect(listed).toEqual(Array.from({ length: 32 }, (_, index) => 32 - index));
    const pages = store.scan({ namespace: "$receipt-pages", start: new Uint8Array(), limit: 100 });
    expect(pages.map(({ key }) => key[7])).toEqual([1, 5, 9, 13, 17, 21, 25, 29]);
    book.issue(DRAFT, "command");
    for (let index = 0; index < 9; index++) {
      book.issue(DRAFT, "command");
      await store.commit(book.drain());
    }
    expect(book.list({ limit: 1 })[0]!.sequence).toBe(42);
    expect(store.scan({ namespace: "$receipt-pages", start: new Uint8Array(), limit: 100 })).toHaveLength(10);
  });

  test("of a flood of queries are the last ones, and are all in the sums", async () => {
    const store = createMemoryStateStore();
    const book = createReceiptBook(store, "0123456789abcdef");
    for (let index = 0; index < 2_000; index++) book.issue(DRAFT, "query");
    book.issue(DRAFT, "command");
    await store.commit(book.drain());
    const listed = book.list({ limit: 1_000 });
    expect(listed).toHaveLength(LIMITS.engine.queryReceiptsPerPage + 1);
    expect(listed[0]!.sequence).toBe(2_001);
    expect(book.sums({})).toMatchObject([{ calls: 2_001, bytesIn: 2_001 }]);
  });

  test("are summed per day, capability and caller, and these sums are the totals", async () => {
    await bench.do("install", probePackage({ name: "other" }));
    await bench.do("grant", { holder: "experience:desk", capability: "other", methods: ["put"], reason: "Test." });
    const desk = { capability: "other", holder: { kind: "experience", name: "desk" } } as const;
    await Promise.allSettled([
      bench.call("put", "x"),
      bench.call("echo", "x"),
      bench.call("trap", "x"),
      bench.call("put", "x", desk),
    ]);
    bench.clock.advance(24 * 60 * 60 * 1_000);
    await bench.call("put", "x", desk);
    for (const again of [false, true]) {
      const sums = await bench.do("receiptSums", {});
      expect(sums.map(({ capability, caller, calls, errors }) => [capability, caller, calls, errors])).toEqual([
        ["other", "experience:desk", 1, 0],
        ["probe", "owner", 3, 1],
        ["other", "experience:desk", 1, 0],
      ]);
      const status = await bench.do("status", undefined);
      const total = (of: (sum: ReceiptSum) => number): number => sums.reduce((sum, row) => sum + of(row), 0);
      expect(total(({ calls }) => calls)).toBe(status.calls);
      expect(total(({ fuel }) => fuel)).toBe(status.fuel);
      expect(await bench.do("receiptSums", { sinceDay: sums[0]!.day })).toHaveLength(1);
      if (!again) await bench.reopen();
    }
  });

  test("are the same after they were packed, whatever is in them", () => {
    const text = fc.string({ maxLength: 5 });
    const number = fc.nat();
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[1-9a-f]{${length}}$`, "u"));
    const known = { id: hex(32), span: hex(16) };
    const receipt: fc.Arbitrary<Receipt> = fc.record({
      sequence: number,
      atMs: number,
      caller: text,
      grantId: fc.option(text, { nil: undefined }),
      capability: text,
      version: text,
      moduleHash: text,
      method: text,
      outcome: fc.constantFrom("ok", "error"),
      code: fc.constantFrom(undefined, "TWIN_GUEST_TRAP"),
      fuel: number,
      memorySizeBytes: number,
      hostCalls: fc.dictionary(fc.constantFrom("kv_get", "take", "call"), number, { noNullPrototype: true }),
      bytes: fc.record({ in: number, out: number, read: number, written: number, received: number, sent: number }),
      trace: fc
        .oneof(fc.record(known), fc.record({ ...known, parent: hex(16) }))
        .filter(({ id, span }) => !id.endsWith(span)),
      queueMs: number,
      runMs: number,
    });
    fc.assert(
      fc.property(fc.array(receipt, { maxLength: 5 }), (receipts) => {
        const page = packReceipts(receipts);
        expect(unpackReceipts(JSON.parse(JSON.stringify(page)) as ReceiptPage)).toEqual(receipts);
        const writer = new ReceiptPageWriter(0);
        for (const each of receipts) writer.add(each);
        expect(jsonDecode(writer.encode())).toEqual(JSON.parse(JSON.stringify(page)));
      }),
    );
  });
});

describe("events", () => {
  test("are numbered without a gap and can be read from any point, as far as they are kept", async () => {
    const store = createMemoryStateStore();
    const log = createEventLog(store);
    const draft = { atMs: 1, capability: "chat", topic: "chat.message", payload: "1" };
    const count = LIMITS.engine.eventsKept + 3;
    await store.commit(log.append(Array.from({ length: count }, () => draft)).writes);
    expect(log.append([draft]).events).toEqual([{ sequence: count + 1, ...draft }]);
    log.reload();
    expect(log.lastSequence()).toBe(count);
    expect(log.list({ afterSequence: count - 2 }).map(({ sequence }) => sequence)).toEqual([count - 1, count]);
    expect(log.list({ afterSequence: 3, limit: 2 }).map(({ sequence }) => sequence)).toEqual([4, 5]);
    expect(() => log.list({ afterSequence: 2 })).toThrow(
      expect.objectContaining({ code: "TWIN_LIMIT_EXCEEDED", details: { oldest: 4 } }),
    );
    expect(log.list({ afterSequence: count })).toEqual([]);
  });
});

describe("a call id", () => {
  let bench: EngineBench;
  beforeEach(async () => {
    bench = await openEngineBench();
    await bench.do("install", probePackage());
  });
  afterEach(() => bench[Symbol.asyncDispose]());

  test("makes a command happen once and gives its recorded answer, also over a restart", async () => {
    const first = await bench.receiptOf("receive", "x", { callId: "id" });
    expect(await bench.receiptOf("receive", "x", { callId: "id" })).toEqual(first);
    await bench.reopen();
    expect(await bench.receiptOf("receive", "x", { callId: "id" })).toEqual(first);
    expect(await bench.do("events", { afterSequence: 0 })).toHaveLength(1);
    expect(await bench.do("status", undefined)).toMatchObject({ calls: 1 });
  });

  test("makes a command happen once when it is called twice at the same time", async () => {
    const calls = [
      bench.receiptOf("receive", "x", { callId: "id" }),
      bench.receiptOf("receive", "x", { callId: "id" }),
    ];
    const [one, two] = await Promise.all(calls);
    expect(one).toEqual(two);
    expect(await bench.do("events", { afterSequence: 0 })).toHaveLength(1);
  });

  test("belongs to its holder and to one call", async () => {
    await bench.do("grant", { holder: "experience:desk", capability: "probe", methods: ["receive"], reason: "Test." });
    await bench.call("receive", "x", { callId: "id" });
    await bench.call("receive", "y", { callId: "id", holder: { kind: "experience", name: "desk" } });
    expect(await bench.do("events", { afterSequence: 0 })).toHaveLength(2);
    await expect(bench.call("receive", "z", { callId: "id" })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(bench.call("put", "x", { callId: "id" })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(bench.call("put", "x", { callId: "" })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });

  test("of a call that failed can be used again", async () => {
    await expect(bench.call("put_fail", "x", { callId: "id" })).rejects.toMatchObject({ code: "TWIN_GUEST_FAILED" });
    expect(await bench.call("put", "x", { callId: "id" })).toBe("x");
  });

  test("does not answer who may no longer call", async () => {
    const holder = { kind: "experience", name: "desk" } as const;
    const grant = { holder: "experience:desk", capability: "probe", methods: ["put"], reason: "Test." } as const;
    const { id } = await bench.do("grant", grant);
    await bench.call("put", "x", { callId: "id", holder });
    await bench.do("revoke", id);
    await expect(bench.call("put", "x", { callId: "id", holder })).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
  });

  test("is forgotten when many others came after it", async () => {
    const store = createMemoryStateStore();
    const book = createAnswerBook(store, referenceKernels);
    const answer = { payload: jsonEncode(1), receipt: {} as Receipt };
    const record = (index: number): StateWrite[] => book.record(identified(`${index}`), answer);
    const kept = LIMITS.engine.callIdsKept;
    await store.commit(Array.from({ length: kept }, (_, index) => record(index)).flat());
    await store.commit(record(kept));
    await store.commit(record(kept + 1));
    expect(book.find(identified("0"))).toBeUndefined();
    expect(book.find(identified("1"))).toBeUndefined();
    expect(jsonDecode(book.find(identified("2"))!.payload)).toBe(1);
  });

  test("makes room for two where the answers take too much, down to none, and up again", async () => {
    const store = createMemoryStateStore();
    let sizeBytes = 0;
    const book = createAnswerBook({ ...store, sizeBytes: () => sizeBytes }, referenceKernels);
    const answer = { payload: jsonEncode(1), receipt: {} as Receipt };
    const known: string[] = [];
    const record = async (name: string): Promise<string[]> => {
      known.push(name);
      await store.commit(book.record(identified(name), answer));
      return known.filter((each) => book.find(identified(each)) !== undefined);
    };
    for (const name of ["a", "b", "c", "d"]) await record(name);
    sizeBytes = Infinity;
    expect(await record("e")).toEqual(["c", "d", "e"]);
    expect(await record("f")).toEqual(["e", "f"]);
    expect(await record("g")).toEqual(["g"]);
    expect(await record("h")).toEqual(["h"]);
    sizeBytes = 0;
    expect(await record("i")).toEqual(["h", "i"]);
    expect(store.scan({ namespace: "$answers-order", start: new Uint8Array(), limit: 9 })).toHaveLength(2);
  });
});

const DRAFT: ReceiptDraft = {
  atMs: Date.UTC(2026, 0, 2, 3),
  caller: "owner",
  capability: "a",
  version: "1.0.0",
  moduleHash: "00",
  method: "m",
  outcome: "ok",
  fuel: 1,
  memorySizeBytes: 1,
  hostCalls: {},
  bytes: { in: 1, out: 0, read: 0, written: 0, received: 0, sent: 0 },
  queueMs: 0,
  runMs: 0,
};

function identified(callId: string): IdentifiedCall {
  return { holder: { kind: "owner" }, capability: "a", method: "m", payload: new Uint8Array(), callId };
}
