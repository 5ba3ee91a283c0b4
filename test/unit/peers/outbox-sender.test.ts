import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { OutboxSender } from "../../../host/peers/outbox-sender.ts";
import type { PeerSession } from "../../../host/peers/peer-session.ts";
import type { BatchAnswer, MessageBatch } from "../../../host/rpc/api.ts";
import { unpackBatch } from "../../../host/rpc/message-batch.ts";
import { createFakePeerEngine, createFakeTwinState, type FakeTwinState } from "../../support/fake-peer-engine.ts";
import { testIdentity } from "../../support/test-identity.ts";

const PEER = testIdentity(2).id;

/** A contact's host that answers when it is told to. */
class FakeContact {
  readonly waiting: { readonly batch: MessageBatch; readonly answer: (answer: unknown) => void }[] = [];
  readonly heard: number[] = [];
  disposed = false;
  last = 0;
  arrived = Promise.withResolvers<void>();

  get session(): PeerSession {
    const deliver = (batch: MessageBatch) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      this.waiting.push({ batch, answer: resolve });
      this.arrived.resolve();
      return Object.assign(promise, { [Symbol.dispose]: () => {} });
    };
    const session = { twin: PEER, remote: { deliver }, [Symbol.dispose]: () => (this.disposed = true) };
    return session as unknown as PeerSession;
  }

  /** Handles the oldest batch: up to `failAt`, which it has trouble with. */
  handle(failAt = Infinity): void {
    const { batch, answer } = this.waiting.shift()!;
    let settledCount = 0;
    for (const { sequence } of unpackBatch(batch)) {
      const expected = this.last + 1;
      if (sequence > expected)
        return answer({ settledCount, refused: [], stopped: { expected } } satisfies BatchAnswer);
      if (sequence >= failAt) {
        const error = new TwinError("TWIN_STATE_FULL", "The disk is full.").toWire();
        return answer({ settledCount, refused: [], stopped: { error } } satisfies BatchAnswer);
      }
      if (sequence === expected) {
        this.last = sequence;
        this.heard.push(sequence);
      }
      settledCount++;
    }
    answer({ settledCount, refused: [] } satisfies BatchAnswer);
  }

  /** Answers as long as something comes. */
  async serve(): Promise<never> {
    for (;;) {
      this.arrived = Promise.withResolvers();
      while (this.waiting.length > 0) this.handle();
      await this.arrived.promise;
    }
  }
}

let state: FakeTwinState;
let contact: FakeContact;
let sender: OutboxSender;
let say: (count: number) => void;
const left = (): number => state.outbox.get(PEER)!.length;
const sizes = (): number[] => contact.waiting.map(({ batch }) => unpackBatch(batch).length);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

beforeEach(() => {
  state = createFakeTwinState();
  const engine = createFakePeerEngine(state);
  contact = new FakeContact();
  sender = new OutboxSender(PEER, { engine, clock: systemClock });
  say = (count) => {
    for (let index = 0; index < count; index++) engine.send(PEER, utf8Encode(`message ${index}`));
  };
});

/** Until the sender waits for the other side. */
const turns = (): Promise<void> => systemClock.sleep(1);

describe("the sender of an outbox", () => {
  test("sends batches that grow while they are answered quickly, some ahead of the answers, each message once", async () => {
    say(1_000);
    const sending = sender.sendAll(contact.session);
    await turns();
    expect(sizes()).toEqual([16, 16, 16]);
    contact.handle();
    await turns();
    expect(sizes()).toEqual([16, 16, 32]);
    void contact.serve();
    await sending;
    expect(contact.heard).toEqual(numbers(1_000));
    expect(left()).toBe(0);
    say(300);
    contact.waiting.length = 0;
    await sender.sendAll(contact.session);
    expect(contact.heard).toEqual(numbers(1_300));
  });

  test("keeps the order when a message has a trouble that passes: what came behind it goes again", async () => {
    say(48);
    const sending = sender.sendAll(contact.session);
    await turns();
    for (let batch = 0; batch < 3; batch++) contact.handle(batch === 0 ? 6 : Infinity);
    await expect(sending).rejects.toMatchObject({ code: "TWIN_STATE_FULL" });
    expect(contact.heard).toEqual([1, 2, 3, 4, 5]);
    expect(left()).toBe(43);
    const again = sender.sendAll(contact.session);
    await turns();
    expect(sizes()).toEqual([1, 1, 1]);
    void contact.serve();
    await again;
    expect(contact.heard).toEqual(numbers(48));
    expect(contact.disposed).toBe(false);
  });

  test("goes on by itself after a gap as long as something is settled", async () => {
    say(20);
    const sending = sender.sendAll(contact.session);
    await turns();
    const [first] = contact.waiting.splice(0, 1);
    contact.last = 4;
    first!.answer({ settledCount: 4, refused: [], stopped: { expected: 5 } });
    contact.handle();
    await turns();
    void contact.serve();
    await sending;
    expect(contact.heard).toEqual(numbers(20).slice(4));
  });

  test.each([
    ["says that it waits for a message that is gone", { settledCount: 0, refused: [], stopped: { expected: 1 } }],
    ["answers with nonsense", { settledCount: 99 }],
  ])("gives a contact up for now that %s", async (_, answer) => {
    say(3);
    state.outbox.get(PEER)!.shift();
    const sending = sender.sendAll(contact.session);
    await turns();
    contact.waiting[0]!.answer(answer);
    await expect(sending).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
    expect(contact.disposed).toBe(true);
    expect(left()).toBe(2);
  });

  test("parks what is refused", async () => {
    say(2);
    const sending = sender.sendAll(contact.session);
    await turns();
    const error = { code: "TWIN_CALL_DENIED", message: "No.", details: {} };
    contact.waiting[0]!.answer({ settledCount: 2, refused: [{ index: 1, error }] });
    await sending;
    expect(state.parked).toMatchObject([{ sequence: 2, delivery: { error: { code: "TWIN_CALL_DENIED" } } }]);
    expect(utf8Decode(unpackBatch(contact.waiting[0]!.batch)[1]!.payload)).toBe("message 1");
  });
});
