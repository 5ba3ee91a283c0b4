// Runs host/engine/delivery-packing.ts: what comes out is what went in, whoever sends whatever beside it.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { packDeliveries, unpackDeliveries } from "../../../host/engine/delivery-packing.ts";
import type { IncomingMessage } from "../../../host/engine/engine.ts";
import { laneOf, type WorkerRequest } from "../../../host/engine/worker-messages.ts";

/** Few, and such as could be taken for each other. */
const text = fc.constantFrom("a", "b", "a b", "", " ", "é\u0000");
/** Lists of batches: messages of one share theirs. */
const CIRCLES = [["contacts"], ["contacts", "family"], []] as const;
const message: fc.Arbitrary<IncomingMessage> = fc.record({
  from: text,
  circles: fc.constantFrom(...CIRCLES),
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  capability: text,
  method: fc.constantFrom("m", "n"),
  payload: fc.uint8Array({ maxLength: 9 }),
  trace: fc.constantFrom(undefined, "00-x", ""),
});
const delivery = fc
  .record({
    id: fc.nat(),
    slot: fc.integer({ min: 1, max: 2 }),
    sentAtMs: fc.double({ noNaN: true, min: 0 }),
    args: message,
  })
  .map(({ id, slot, sentAtMs, args }): WorkerRequest<"deliver"> => {
    return { id, slot, ...laneOf({ slot, name: "deliver", args }), name: "deliver", args, sentAtMs };
  });

test("deliveries come out as they went in, also when they differ in one thing alone", () => {
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 12 }), (deliveries) => {
      const packed = packDeliveries(deliveries);
      expect(packed.byteLength).toBe(packed.buffer.byteLength);
      expect(unpackDeliveries(packed)).toEqual(deliveries);
    }),
    { numRuns: 300 },
  );
});
