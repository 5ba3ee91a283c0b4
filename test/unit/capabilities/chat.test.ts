import { beforeAll, describe, expect, it } from "vitest";
import type { CapabilityPackage } from "../../../host/packages/manifest.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { type CapabilityTwin, numberedTwinId, openCapabilityTwin, testTwinId } from "../../support/capability-twin.ts";

const [ADA, BOB, EVE] = [testTwinId(1), testTwinId(2), testTwinId(3)];
let chat: CapabilityPackage;
beforeAll(async () => {
  chat = await builtCapability("chat");
});

interface Message {
  readonly id: string;
  readonly text: string;
  readonly state: string;
  readonly sequence: number;
  readonly outgoing: boolean;
  readonly atMs: number;
}

function pair(): { ada: CapabilityTwin; bob: CapabilityTwin } {
  return { ada: openCapabilityTwin(chat, ADA), bob: openCapabilityTwin(chat, BOB) };
}

/** Carries all messages between two twins until none is left. */
function settle(left: CapabilityTwin, right: CapabilityTwin): void {
  for (const [from, to] of [
    [left, right],
    [right, left],
    [left, right],
    [right, left],
  ] as const) {
    for (const { peer, method, payload } of from.takeSent()) {
      expect(peer).toBe(to.id);
      to.call(method, payload, { kind: "peer", twin: from.id });
    }
  }
}

function thread(twin: CapabilityTwin, peer: string): Message[] {
  return (twin.call("messages", { peer, limit: 200 }) as { messages: Message[] }).messages;
}

const states = (twin: CapabilityTwin, peer: string): string[] => thread(twin, peer).map(({ state }) => state);

describe("chat", () => {
  it("carries a text from queued over delivered to read", () => {
    const { ada, bob } = pair();
    const posted = ada.call("post", { to: BOB, text: "hello", id: "m1" });
    expect(posted).toMatchObject({ id: "m1", peer: BOB, outgoing: true, state: "queued", sequence: 1 });
    settle(ada, bob);
    expect(states(ada, BOB)).toEqual(["delivered"]);
    expect(thread(bob, ADA)).toMatchObject([{ id: "m1", text: "hello", outgoing: false, state: "delivered" }]);
    expect(bob.call("mark_read", { peer: ADA, upTo: "m1" })).toEqual({ unread: 0 });
    settle(ada, bob);
    expect(states(ada, BOB)).toEqual(["read"]);
    expect(states(bob, ADA)).toEqual(["read"]);
    expect(ada.takeEvents().map(({ topic }) => topic)).toEqual(["chat.message", "chat.state", "chat.state"]);
    expect(bob.takeEvents().map(({ topic }) => topic)).toEqual(["chat.message", "chat.read"]);
  });

  it("stores and sends once when the owner's client repeats an id", () => {
    const { ada } = pair();
    const first = ada.call("post", { to: BOB, text: "hello", id: "m1" });
    expect(ada.call("post", { to: BOB, text: "changed", id: "m1" })).toEqual(first);
    expect(ada.takeSent()).toHaveLength(1);
    expect(ada.takeEvents()).toHaveLength(1);
  });

  it("chooses an id of its own when none is given", () => {
    const { ada } = pair();
    const ids = [1, 2, 3].map(() => ada.call("post", { to: BOB, text: "x" })["id"]);
    expect(new Set(ids).size).toBe(3);
  });

  it("ignores a message that arrives twice", () => {
    const { bob } = pair();
    const parcel = { id: "m1", text: "hello", atMs: 1 };
    bob.call("receive", parcel, { kind: "peer", twin: ADA });
    bob.call("receive", { ...parcel, text: "other" }, { kind: "peer", twin: ADA });
    expect(thread(bob, ADA).map(({ text }) => text)).toEqual(["hello"]);
    expect(bob.takeSent()).toHaveLength(1);
  });

  it("keeps one id of two peers, and of both directions, apart", () => {
    const { ada } = pair();
    ada.call("post", { to: BOB, text: "mine", id: "same" });
    ada.call("receive", { id: "same", text: "from bob", atMs: 1 }, { kind: "peer", twin: BOB });
    ada.call("receive", { id: "same", text: "from eve", atMs: 1 }, { kind: "peer", twin: EVE });
    expect(thread(ada, BOB).map(({ text }) => text)).toEqual(["mine", "from bob"]);
    expect(thread(ada, EVE).map(({ text }) => text)).toEqual(["from eve"]);
  });

  it("lets nobody mark messages to somebody else", () => {
    const { ada } = pair();
    ada.call("post", { to: BOB, text: "secret", id: "m1" });
    ada.takeEvents();
    ada.call("delivered", { ids: ["m1"] }, { kind: "peer", twin: EVE });
    ada.call("seen", { upTo: "m1" }, { kind: "peer", twin: EVE });
    expect(states(ada, BOB)).toEqual(["queued"]);
    expect(ada.takeEvents()).toEqual([]);
  });

  it.each(["receive", "delivered", "seen"])("lets only a peer's twin call %s", (method) => {
    const { ada } = pair();
    const params = { receive: { id: "a", text: "x", atMs: 1 }, delivered: { ids: ["a"] }, seen: { upTo: "a" } }[method];
    expect(() => ada.call(method, params)).toThrow(/^peers-only/u);
    expect(() => ada.call(method, params, { kind: "experience", name: "chat" })).toThrow(/^peers-only/u);
  });

  it("tells a peer once what was read, and counts what was not", () => {
    const { ada, bob } = pair();
    for (const id of ["m1", "m2", "m3"]) ada.call("post", { to: BOB, text: id, id });
    settle(ada, bob);
    expect(bob.call("mark_read", { peer: ADA, upTo: "m2" })).toEqual({ unread: 1 });
    expect(bob.call("mark_read", { peer: ADA, upTo: "m2" })).toEqual({ unread: 1 });
    expect(bob.call("mark_read", { peer: ADA, upTo: "m1" })).toEqual({ unread: 1 });
    expect(bob.takeSent()).toMatchObject([{ method: "seen", payload: { upTo: "m2" } }]);
    expect(() => bob.call("mark_read", { peer: ADA, upTo: "nope" })).toThrow(/^unknown-message/u);
  });

  it("leaves a message queued that never arrived, when a later one was read", () => {
    const { ada } = pair();
    ada.call("post", { to: BOB, text: "refused", id: "m1" });
    ada.call("post", { to: BOB, text: "taken", id: "m2" });
    ada.call("seen", { upTo: "m2" }, { kind: "peer", twin: BOB });
    expect(states(ada, BOB)).toEqual(["queued", "read"]);
  });

  it("pages backwards without gaps, in order of arrival whatever the sender's clock", () => {
    const { bob } = pair();
    for (let index = 0; index < 45; index++)
      bob.call("receive", { id: `m${index}`, text: `${index}`, atMs: 1_000 - index }, { kind: "peer", twin: ADA });
    const seen: number[] = [];
    let page = bob.call("messages", { peer: ADA, limit: 20 }) as { messages: Message[]; more: boolean };
    seen.unshift(...page.messages.map(({ sequence }) => sequence));
    while (page.more) {
      page = bob.call("messages", { peer: ADA, limit: 20, before: seen[0] }) as typeof page;
      seen.unshift(...page.messages.map(({ sequence }) => sequence));
    }
    expect(seen).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
    expect(bob.call("messages", { peer: EVE })).toEqual({ messages: [], more: false });
  });

  it("keeps an answer below the payload limit however long the texts are", () => {
    const { bob } = pair();
    const text = "\n".repeat(16_383) + "x";
    for (let index = 0; index < 40; index++)
      bob.call("receive", { id: `m${index}`, text, atMs: 1 }, { kind: "peer", twin: ADA });
    const page = bob.call("messages", { peer: ADA, limit: 200 }) as { messages: Message[]; more: boolean };
    expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024);
    expect(page.messages.length).toBeGreaterThan(5);
    expect(page.more).toBe(true);
  });

  it("shows conversations with the latest first, a short preview and the unread count", () => {
    const { ada } = pair();
    ada.call("post", { to: BOB, text: "old" });
    ada.nowMs += 10;
    ada.call(
      "receive",
      { id: "e1", text: `${"é".repeat(139)}\u{1f600}tail`, atMs: ada.nowMs },
      { kind: "peer", twin: EVE },
    );
    const { conversations } = ada.call("conversations", {}) as {
      conversations: { peer: string; unread: number; last: Message }[];
    };
    expect(conversations.map(({ peer, unread }) => ({ peer, unread }))).toEqual([
      { peer: EVE, unread: 1 },
      { peer: BOB, unread: 0 },
    ]);
    expect(conversations[0]!.last.text).toBe("é".repeat(139));
  });

  it("lists 500 conversations whose last messages are as long as can be, within its memory", () => {
    const { ada } = pair();
    const text = "\u4e2d".repeat(5_461);
    for (let index = 0; index < 500; index++) {
      ada.call("receive", { id: "m1", text, atMs: 1 }, { kind: "peer", twin: numberedTwinId(index) });
      ada.takeSent();
      ada.takeEvents();
    }
    const answer = ada.call("conversations", {}) as { conversations: unknown[] };
    expect(answer.conversations).toHaveLength(500);
    expect(JSON.stringify(answer).length).toBeLessThan(1024 * 1024);
  });

  it("takes no message from the future", () => {
    const { bob } = pair();
    bob.call("receive", { id: "m1", text: "x", atMs: Number.MAX_SAFE_INTEGER }, { kind: "peer", twin: ADA });
    expect(thread(bob, ADA)[0]!.atMs).toBe(bob.nowMs);
  });

  it.each([
    ["text-empty", "  \n "],
    ["text-too-long", "é".repeat(8_193)],
    ["text-invalid", "a\u0007b"],
    ["params", "x".repeat(16_385)],
  ])("refuses with %s a text that breaks the rule, from either side", (code, text) => {
    const { ada } = pair();
    expect(() => ada.call("post", { to: BOB, text })).toThrow(new RegExp(`^${code}`, "u"));
    expect(() => ada.call("receive", { id: "m", text, atMs: 1 }, { kind: "peer", twin: BOB })).toThrow(
      new RegExp(`^${code}`, "u"),
    );
    expect(ada.takeSent()).toEqual([]);
  });

  it("is not poisoned by half a surrogate pair of a peer", () => {
    const { bob } = pair();
    bob.call("receive", { id: "m1", text: "a\ud83dz", atMs: 1 }, { kind: "peer", twin: ADA });
    expect(thread(bob, ADA)).toHaveLength(1);
    expect(() => bob.call("conversations", {})).not.toThrow();
  });

  it("refuses to write to its own twin", () => {
    expect(() => pair().ada.call("post", { to: ADA, text: "me" })).toThrow(/^self/u);
  });
});
