// Several twins on the one node of their host.

import { describe, expect, onTestFinished, test } from "vitest";
import { hexEncode, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { twinHash } from "../../../host/peers/invite-code.ts";
import { createLocalFrames } from "../../../host/peers/local-frames.ts";
import type { PeerNode } from "../../../host/peers/peer-node.ts";
import { createFakeTwinState } from "../../support/fake-peer-engine.ts";
import { openTestHost, openTestNode, type TestHost, until } from "../../support/test-peers.ts";

async function openNode(...args: Parameters<typeof openTestNode>): Promise<PeerNode> {
  const node = await openTestNode(...args);
  onTestFinished(() => node[Symbol.asyncDispose]());
  return node;
}

async function open(...args: Parameters<typeof openTestHost>): Promise<TestHost> {
  const host = await openTestHost(...args);
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

const pair = async (inviter: TestHost, acceptor: TestHost): Promise<void> => {
  await acceptor.peers.accept((await inviter.peers.invite()).code);
};
const say = (from: TestHost, to: TestHost, text: string): void =>
  from.engine.send(to.identity.id, utf8Encode(JSON.stringify(text)));
const heard = ({ state }: TestHost): string[] =>
  state.handled.map(({ from, payload }) => `${from.slice(-4)} ${JSON.parse(utf8Decode(payload)) as string}`);
const from = ({ identity }: TestHost, text: string): string => `${identity.id.slice(-4)} ${text}`;

describe("twins of one host", () => {
  test("share its connection to another host, and get each what is for them", async () => {
    // It cannot be dialled: whoever talks to Ben dials him.
    const node = await openNode(1, { listen: [] });
    const [ann, amy, ben] = [await open(1, { node }), await open(2, { node }), await open(3)];
    await pair(ben, ann);
    await pair(ben, amy);
    say(ann, ben, "from ann");
    say(amy, ben, "from amy");
    say(ben, ann, "to ann");
    say(ben, amy, "to amy");
    await until(() => heard(ben).length === 2 && heard(ann).length === 1 && heard(amy).length === 1);
    expect(heard(ben).toSorted()).toEqual([from(ann, "from ann"), from(amy, "from amy")].toSorted());
    expect([heard(ann), heard(amy)]).toEqual([[from(ben, "to ann")], [from(ben, "to amy")]]);
    const addresses = (await ben.peers.status()).map(({ online, address }) => (online ? address : "away"));
    expect(addresses).toHaveLength(2);
    expect(new Set(addresses).size).toBe(1);
  });

  test("are more than strangers may be: all of them share the connection, also when they reach for it at once", async () => {
    // It cannot be dialled: all of them have to look for Ben when he is back.
    const node = await openNode(1, { listen: [] });
    let ben = await open(2);
    const count = LIMITS.peers.strangerStreamsPerConnection + 4;
    const many = await Promise.all(Array.from({ length: count }, (_, index) => open(3 + index, { node })));
    for (const each of many) await pair(ben, each);
    const places = async (): Promise<Set<string | undefined>> =>
      new Set((await ben.peers.status()).map(({ online, address }) => (online ? address : "away")));
    await ben[Symbol.asyncDispose]();
    ben = await open(2, { state: ben.state, listen: ben.listen });
    await until(async () => (await places()).size === 1 && !(await places()).has("away"));
    expect(await ben.peers.status()).toHaveLength(count);
    for (const each of many) say(each, ben, "here");
    await until(() => heard(ben).length === count);
    expect(heard(ben).toSorted()).toEqual(many.map((each) => from(each, "here")).toSorted());
  });

  test("find each other without any connection", async () => {
    const node = await openNode(1);
    const [ann, amy] = [await open(1, { node }), await open(2, { node })];
    await pair(ann, amy);
    for (let round = 0; round < 100; round++) {
      say(ann, amy, `to amy ${round}`);
      say(amy, ann, `to ann ${round}`);
    }
    await until(() => heard(ann).length === 100 && heard(amy).length === 100);
    expect(heard(amy)).toEqual(Array.from({ length: 100 }, (_, round) => from(ann, `to amy ${round}`)));
    await until(async () => (await ann.peers.status())[0]?.online === true);
    await amy[Symbol.asyncDispose]();
    await until(async () => (await ann.peers.status())[0]?.online === false);
    say(ann, amy, "later");
    const back = await open(2, { node, state: amy.state });
    await until(() => heard(back).length === 101);
  });

  test("are woken when somebody wants them", async () => {
    const state = createFakeTwinState();
    let wake: (name: string) => Promise<void> = async () => {};
    const node = await openNode(1, { wake: (name) => wake(name) });
    const [ben, first] = [await open(3), await open(1, { node, state })];
    await pair(first, ben);
    await first[Symbol.asyncDispose]();
    wake = async (name) => {
      if (name === hexEncode(twinHash(first.identity.id))) await open(1, { node, state });
    };
    say(ben, first, "wake up");
    await until(() => state.handled.length === 1);
    expect(utf8Decode(state.handled[0]!.payload)).toBe('"wake up"');
  });

  test("are not there for who wants another one", async () => {
    const node = await openNode(1);
    const [ann, ben] = [await open(1, { node }), await open(3)];
    await pair(ann, ben);
    await ann[Symbol.asyncDispose]();
    const amy = await open(2, { node });
    say(ben, ann, "for ann alone");
    await until(async () => (await ben.peers.status())[0]?.problem?.includes("does not have its twin") === true);
    expect(amy.state.handled).toEqual([]);
  });

  test("cannot take each other's invites", async () => {
    const node = await openNode(1);
    const [ann, amy, ben] = [await open(1, { node }), await open(2, { node }), await open(3)];
    const { code } = await ann.peers.invite();
    await ann[Symbol.asyncDispose]();
    await expect(ben.peers.accept(code)).rejects.toMatchObject({ code: "TWIN_INVITE_INVALID" });
    expect(amy.paired).toEqual([]);
  });
});

describe("frames between twins of one host", () => {
  const reason = new TwinError("TWIN_ABORTED", "Enough.");

  test("come whole and in order, and no more of them than a reader keeps up with", async () => {
    const [left, right] = createLocalFrames(200_000);
    const sent: number[] = [];
    const sending = (async () => {
      for (let number = 0; number < 10; number++) {
        await left.send(new Uint8Array(100_000).fill(number));
        sent.push(number);
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(sent).toEqual([0, 1]);
    for (let number = 0; number < 10; number++) expect((await right.receive())[0]).toBe(number);
    await sending;
  });

  test("above the limit of their reader are refused", async () => {
    const [left, right] = createLocalFrames(10);
    await left.send(new Uint8Array(11));
    await expect(right.receive()).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    right.limitFrames(11);
    await left.send(new Uint8Array(11));
    expect(await right.receive()).toHaveLength(11);
  });

  test("end for both when one ends them: what was sent is read first, unless it is cut off", async () => {
    for (const how of ["close", "abort"] as const) {
      const [left, right] = createLocalFrames(10);
      await left.send(Uint8Array.of(7));
      left[how](reason);
      if (how === "close") expect(await right.receive()).toEqual(Uint8Array.of(7));
      await expect(right.receive()).rejects.toMatchObject({ code: "TWIN_PEER_OFFLINE" });
      await expect(right.send(Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_PEER_OFFLINE" });
      await expect(left.send(Uint8Array.of(1))).rejects.toBe(reason);
    }
  });

  test("free a sender that waits when they end", async () => {
    const [left, right] = createLocalFrames(10);
    const sending = left.send(new Uint8Array(300_000));
    right.close(reason);
    await sending;
  });
});
