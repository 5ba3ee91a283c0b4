import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import type { Delivery, OutgoingMessage } from "../../../host/engine/engine.ts";
import { packPage } from "../../../host/engine/outbox-page.ts";
import { answerBatch, checkAnswer, unpackBatch } from "../../../host/rpc/message-batch.ts";

const message = (sequence: number, payload = new Uint8Array(2)): OutgoingMessage => {
  return { peer: "did:key:zBen", sequence, capability: "chat", method: "receive", payload, queuedAtMs: 7 };
};
const three = { firstSequence: 5, count: 3 };
const refusal = { code: "TWIN_CALL_DENIED", message: "No.", details: {} } as const;
const full = new TwinError("TWIN_STATE_FULL", "The disk is full.");

describe("a batch", () => {
  it("gives back the messages that were packed", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.record({ capability: fc.stringMatching(/^[a-z]{1,32}$/), payload: fc.uint8Array() }), {
          minLength: 1,
        }),
        (first, drafts) => {
          const messages = drafts.map((draft, index) => ({ ...message(first + 1 + index), ...draft }));
          const expected = messages.map(({ sequence, capability, method, payload }) => {
            return { sequence, capability, method, payload: Uint8Array.from(payload) };
          });
          expect(unpackBatch(packPage(messages))).toEqual(expected);
        },
      ),
    );
  });

  it("is unpacked into bytes of its own", () => {
    const batch = packPage([message(1, Uint8Array.of(1, 2))]);
    const [only] = unpackBatch(batch);
    batch.payloads.fill(9);
    expect(only!.payload).toEqual(Uint8Array.of(1, 2));
    expect(only!.payload.buffer.byteLength).toBe(2);
  });
});

describe("the answer to a batch", () => {
  const done: Delivery = { status: "done" };
  const refused: Delivery = { status: "refused", error: refusal };

  it("settles what took effect and what never will", () => {
    const answer = answerBatch([done, refused, done]);
    expect(checkAnswer(answer, three)).toEqual({
      settlement: { throughSequence: 7, refused: [{ sequence: 6, error: refusal }] },
      stopped: undefined,
    });
  });

  it("settles nothing from the first message on that it has trouble with, whatever became of later ones", () => {
    const { settlement, stopped } = checkAnswer(answerBatch([refused, full, done]), three);
    expect(settlement).toEqual({ throughSequence: 5, refused: [{ sequence: 5, error: refusal }] });
    expect(stopped).toMatchObject({ error: { code: "TWIN_STATE_FULL", message: full.message } });
    expect(checkAnswer(answerBatch([{ status: "gap", expected: 3 }, done]), three)).toEqual({
      settlement: undefined,
      stopped: { expected: 3 },
    });
  });

  it.each([
    ["null", null],
    ["text", "done"],
    ["an empty object", {}],
    ["more settled than sent", { settledCount: 4, refused: [] }],
    ["less than none settled", { settledCount: -1, refused: [] }],
    ["half a message settled", { settledCount: 1.5, refused: [] }],
    ["no refusals", { settledCount: 3 }],
    ["a refusal of what is not settled", { settledCount: 1, refused: [{ index: 1, error: refusal }], stopped: full }],
    ["more refusals than messages", { settledCount: 1, refused: [0, 0].map(() => ({ index: 0, error: refusal })) }],
    ["no reason to stop", { settledCount: 2, refused: [] }],
    ["a gap below the first message", { settledCount: 0, refused: [], stopped: { expected: 0 } }],
  ])("is none when it is %s", (_, answer) => {
    expect(() => checkAnswer(answer, three)).toThrow(expect.objectContaining({ code: "TWIN_PEER_PROTOCOL" }));
  });

  it("keeps of a refusal's words no more than a person reads", () => {
    const error = { ...refusal, message: "x".repeat(10_000) };
    const { settlement } = checkAnswer(
      { settledCount: 1, refused: [{ index: 0, error }] },
      { firstSequence: 1, count: 1 },
    );
    expect(settlement!.refused[0]!.error.message).toHaveLength(500);
  });
});
