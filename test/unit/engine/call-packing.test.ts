// Runs host/engine/call-packing.ts: what comes out is what went in, whoever calls whatever beside it.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import {
  type AnswersAndReceipts,
  packAnswers,
  packCalls,
  unpackAnswers,
  unpackCalls,
} from "../../../host/engine/call-packing.ts";
import type { CallRequest, Receipt } from "../../../host/engine/engine.ts";
import { lonelySpan } from "../../../host/engine/trace.ts";
import { laneOf, type WorkerRequest } from "../../../host/engine/worker-messages.ts";
import type { Holder } from "../../../host/grants/grant.ts";

const TWIN = "did:key:z6MkA";
/** Few, and such as could be taken for each other. */
const text = fc.constantFrom("a", "b", "a b", "", " ", "é\u0000");
const holder: fc.Arbitrary<Holder> = fc.oneof(
  fc.constant({ kind: "owner" } as const),
  fc.record({ kind: fc.constantFrom("experience", "capability", "timer"), name: text }),
  fc.record({ kind: fc.constant("peer"), twin: fc.constant(TWIN), circles: fc.subarray(["family", "friends"]) }),
);
const request: fc.Arbitrary<CallRequest> = fc.record(
  {
    holder,
    capability: text,
    method: fc.constantFrom("m", "n"),
    payload: fc.uint8Array({ maxLength: 9 }),
    callId: fc.constantFrom("1", "2"),
    trace: fc.constant("00-x"),
    budget: fc.record({ fuel: fc.nat() }),
  },
  { requiredKeys: ["holder", "capability", "method", "payload"] },
);
const call = fc
  .record({
    id: fc.nat(),
    slot: fc.integer({ min: 1, max: 2 }),
    sentAtMs: fc.double({ noNaN: true, min: 0 }),
    args: request,
  })
  .map(({ id, slot, sentAtMs, args }): WorkerRequest<"call"> => {
    return { id, slot, ...laneOf({ slot, name: "call", args }), name: "call", args, sentAtMs };
  });

test("calls come out as they went in, also when they differ in one thing alone", () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 12 }), (calls) => {
      const packed = packCalls(calls);
      expect(packed.byteLength).toBe(packed.buffer.byteLength);
      expect(unpackCalls(packed)).toEqual(calls);
    }),
    { numRuns: 300 },
  );
});

test("a peer's call has the circles of its own moment", () => {
  const ask = (circles: readonly string[]): WorkerRequest<"call"> => {
    const args = {
      holder: { kind: "peer", twin: TWIN, circles },
      capability: "c",
      method: "m",
      payload: utf8Encode("1"),
    } as const;
    return { id: 1, slot: 1, ...laneOf({ slot: 1, name: "call", args }), name: "call", args, sentAtMs: 0 };
  };
  const holders = unpackCalls(packCalls([ask(["family"]), ask([])])).map(({ args }) => args.holder);
  expect(holders).toMatchObject([{ circles: ["family"] }, { circles: [] }]);
});

test("answers and news share their receipts, and come out as they went in", () => {
  const receipt = fc.nat(1_000).map((sequence): Receipt => {
    return {
      sequence,
      atMs: 1_800_000_000_000.5,
      caller: "owner",
      grantId: undefined,
      capability: "c",
      version: "1.0.0",
      moduleHash: "ab",
      method: "m",
      outcome: "ok",
      code: undefined,
      fuel: sequence * 1e9,
      memorySizeBytes: 65_536,
      hostCalls: sequence % 2 === 0 ? {} : { kv_get: 1, take: 2 },
      bytes: { in: 1, out: 2, read: 3, written: 4, received: 5, sent: 6 },
      queueMs: 0,
      runMs: 0.125,
      trace: lonelySpan("0123456789abcdef", sequence),
    };
  });
  const given = fc.uniqueArray(receipt, { maxLength: 8, selector: ({ sequence }) => sequence }).chain((receipts) =>
    fc.record({
      answers: fc.subarray(receipts).chain((own) =>
        fc.tuple(
          ...own.map((each) =>
            fc.record({ id: fc.nat(), payload: fc.uint8Array({ maxLength: 9 }) }).map(({ id, payload }) => {
              return { id, answer: { payload, receipt: each } };
            }),
          ),
        ),
      ),
      receipts: fc
        .subarray(receipts)
        .map((own) => own.map((each) => ({ slot: 1 + (each.sequence % 3), receipt: each }))),
    }),
  );
  fc.assert(
    fc.property(given, (told: AnswersAndReceipts) => {
      expect(unpackAnswers(packAnswers(told))).toEqual(told);
    }),
  );
});
