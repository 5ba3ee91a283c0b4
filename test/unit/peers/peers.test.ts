import { describe, expect, onTestFinished, test } from "vitest";
import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { decodeInvite, encodeInvite } from "../../../host/peers/invite-code.ts";
import { createContactsPhonebook } from "../../../host/phonebook/contacts-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { createFakeTwinState } from "../../support/fake-peer-engine.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { openSilentHost } from "../../support/silent-host.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { createSettableClock, openTestHost, type TestHost, until } from "../../support/test-peers.ts";

async function open(...args: Parameters<typeof openTestHost>): Promise<TestHost> {
  const host = await openTestHost(...args);
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

async function openPair(): Promise<[TestHost, TestHost]> {
  const [ada, ben] = await Promise.all([open(1), open(2)]);
  await ben.peers.accept((await ada.peers.invite()).code);
  return [ada, ben];
}

const say = (from: TestHost, to: TestHost, ...texts: string[]): void => {
  for (const text of texts) from.engine.send(to.identity.id, utf8Encode(text));
};
const heard = ({ state }: TestHost): string[] => state.handled.map(({ payload }) => utf8Decode(payload));
const isOnline = async ({ peers }: TestHost): Promise<boolean> => (await peers.status()).every(({ online }) => online);

describe("peers", () => {
  test("pair by an invite: both become contacts, and both come online", async () => {
    const [ada, ben] = await openPair();
    expect(ada.paired).toEqual([{ twin: ben.identity.id, name: "Twin 2" }]);
    expect(ben.paired).toEqual([{ twin: ada.identity.id, name: "Twin 1" }]);
    await until(async () => (await isOnline(ada)) && isOnline(ben));
    expect(await ben.peers.status()).toEqual([
      {
        twin: ada.identity.id,
        name: "Twin 1",
        online: true,
        address: expect.stringContaining("/ip4/127.0.0.1/tcp/"),
        lastSeenAtMs: expect.any(Number),
        waiting: 0,
      },
    ]);
  });

  test("deliver in order in both directions", async () => {
    const [ada, ben] = await openPair();
    const texts = Array.from({ length: 60 }, (_, index) => `message ${index}`);
    say(ada, ben, ...texts);
    say(ben, ada, ...texts);
    await until(() => heard(ada).length === 60 && heard(ben).length === 60);
    expect(heard(ada)).toEqual(texts);
    expect(heard(ben)).toEqual(texts);
    expect(ben.state.handled[0]).toMatchObject({ from: ada.identity.id, circles: ["friends"], capability: "chat" });
    await until(async () => (await ada.engine.outboxPeers()).size === 0);
  });

  test("deliver to a contact that was down, after it is back, each message once", async () => {
    const [ada, ben] = await openPair();
    say(ada, ben, "one");
    await until(async () => (await ada.engine.outboxPeers()).size === 0);
    await ben[Symbol.asyncDispose]();
    await until(async () => !(await isOnline(ada)));
    say(ada, ben, "two", "three");
    const [status] = await ada.peers.status();
    expect(status).toMatchObject({ online: false, waiting: 2, problem: expect.any(String) });
    const back = await open(2, { state: ben.state, listen: ben.listen });
    await until(() => heard(back).length === 3);
    expect(heard(back)).toEqual(["one", "two", "three"]);
    await until(async () => isOnline(ada));
    expect((await ada.peers.status())[0]).not.toHaveProperty("problem");
  });

  test("call each other's methods, with the authority that the contact has", async () => {
    const [ada, ben] = await openPair();
    const call = { capability: "chat", method: "names", payload: jsonEncode({ of: "me" }) };
    const ask = (twin = ben.identity.id) => ada.peers.ask(twin, (host) => host.call(call));
    // Of two sessions that begin at once one ends again.
    await until(async () => (await ask().catch(({ code }: TwinError) => code)) === "TWIN_CALL_UNKNOWN");
    ben.engine.onCall = async ({ holder, payload }) => jsonEncode([holder, jsonDecode(payload)]);
    expect(jsonDecode(await ask())).toEqual([
      { kind: "peer", twin: ada.identity.id, circles: ["friends"] },
      { of: "me" },
    ]);
    ben.engine.onCall = async () => {
      throw new TwinError("TWIN_GUEST_FAILED", "Not you.", { code: "no", receipt: 7, fuel: 8 });
    };
    await expect(ask()).rejects.toMatchObject({ code: "TWIN_GUEST_FAILED", details: { code: "no" } });
    await expect(ask(testIdentity(77).id)).rejects.toMatchObject({ code: "TWIN_PEER_UNKNOWN" });
  });

  test("end a call there when the connection ends", async () => {
    const [ada, ben] = await openPair();
    const begun: AbortSignal[] = [];
    ben.engine.onCall = (_, signal) => {
      begun.push(signal!);
      return new Promise(() => {});
    };
    const call = { capability: "chat", method: "wait", payload: jsonEncode({}) };
    await until(async () => {
      void ada.peers.ask(ben.identity.id, (host) => host.call(call)).catch(() => {});
      return begun.length > 0;
    });
    await ada[Symbol.asyncDispose]();
    await until(() => begun.every(({ aborted }) => aborted));
  });

  test("find a contact that came back on another port by its own call", async () => {
    const [ada, ben] = await openPair();
    await ben[Symbol.asyncDispose]();
    say(ada, ben, "hello again");
    const moved = await open(2, { state: ben.state });
    expect(moved.listen).not.toEqual(ben.listen);
    await until(() => heard(moved).length === 1);
    await until(async () => (await ada.peers.status())[0]?.problem === undefined);
  });

  test("still find each other after both restarted and only one kept its port", async () => {
    const [ada, ben] = await openPair();
    await ada[Symbol.asyncDispose]();
    await ben[Symbol.asyncDispose]();
    const adaBack = await open(1, { state: ada.state, listen: ada.listen });
    const benBack = await open(2, { state: ben.state });
    await until(async () => (await isOnline(adaBack)) && isOnline(benBack));
    say(benBack, adaBack, "found you");
    await until(() => heard(adaBack).length === 1);
    expect(heard(adaBack)).toEqual(["found you"]);
  });

  test("do not let a contact that is away delay another", async () => {
    const [ada, ben, cid] = await Promise.all([open(1), open(2), open(3)]);
    await ben.peers.accept((await ada.peers.invite()).code);
    await cid.peers.accept((await ada.peers.invite()).code);
    await ben[Symbol.asyncDispose]();
    for (let index = 0; index < 20; index++) {
      say(ada, ben, `to the one away ${index}`);
      say(ada, cid, `${index}`);
    }
    await until(() => heard(cid).length === 20);
    await until(async () => (await ada.engine.outboxPeers()).size === 1);
    const waiting = new Map((await ada.peers.status()).map((contact) => [contact.twin, contact.waiting]));
    expect(waiting.get(ben.identity.id)).toBe(20);
    expect(waiting.get(cid.identity.id)).toBe(0);
  });

  test("deliver to who is up while forty others swallow every dial", async () => {
    const state = createFakeTwinState();
    const phonebook = createContactsPhonebook(createMemoryTables(state.rows));
    const silences = await Promise.all(Array.from({ length: 40 }, openSilentHost));
    onTestFinished(async () => {
      for (const silence of silences) await silence[Symbol.asyncDispose]();
    });
    const ben = await open(2);
    const [, peerId = ""] = /\/p2p\/(.+)$/u.exec(ben.peers.addresses[0]!) ?? [];
    for (const [index, { address }] of silences.entries()) {
      const hosts = [{ peerId, multiaddrs: [address], relays: [] }];
      const content = { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts };
      await phonebook.publish(signTwinRecord(testIdentity(100 + index), content));
    }
    const ada = await open(1, { state });
    // All of them at the same time: one that comes later need not wait for any.
    await until(() => silences.every(({ sockets }) => sockets.size > 0));
    await ada.peers.accept((await ben.peers.invite()).code);
    say(ada, ben, "hello");
    await until(() => heard(ben).length === 1);
    expect((await ada.peers.status()).filter(({ online }) => online)).toHaveLength(1);
  });

  test("park what the receiver refuses for good and go on with the next", async () => {
    const [ada, ben] = await openPair();
    ben.engine.onDeliver = async ({ payload }) =>
      utf8Decode(payload) === "bad"
        ? { status: "refused", error: { code: "TWIN_CALL_PARAMS", message: "Bad.", details: {} } }
        : undefined;
    ben.state.inbox.set(ada.identity.id, 0);
    say(ada, ben, "bad");
    await until(() => ada.state.parked.length === 1);
    expect(ada.state.parked[0]).toMatchObject({ sequence: 1, delivery: { status: "refused" } });
    ben.state.inbox.set(ada.identity.id, 1);
    say(ada, ben, "good");
    await until(() => heard(ben).length === 1);
  });

  test("try again when the receiver fails for the moment, and lose nothing", async () => {
    const [ada, ben] = await openPair();
    let failures = 1;
    ben.engine.onDeliver = async () => {
      if (failures-- > 0) throw new TwinError("TWIN_ENGINE_RESTARTED", "The engine begins anew; try again.");
      return undefined;
    };
    say(ada, ben, "patience", "pays");
    await until(async () => (await ada.peers.status())[0]?.problem === "The engine begins anew; try again.");
    await until(() => heard(ben).length === 2);
    expect(heard(ben)).toEqual(["patience", "pays"]);
  });

  test("send again from where the receiver asks, and say so when that is gone", async () => {
    const [ada, ben] = await openPair();
    let asked = false;
    ben.engine.onDeliver = async ({ sequence }) => {
      if (sequence !== 2 || asked) return undefined;
      asked = true;
      return { status: "gap", expected: 2 };
    };
    say(ada, ben, "one", "two", "three");
    await until(() => heard(ben).length === 3);
    ben.state.inbox.set(ada.identity.id, 1);
    say(ada, ben, "four");
    await until(async () => (await ada.peers.status())[0]?.problem?.includes("no longer has") === true);
    expect([...(await ada.engine.outboxPeers()).keys()]).toEqual([ben.identity.id]);
  });

  test("say what is wrong when a message waits for a twin that nobody knows", async () => {
    const ada = await open(1);
    ada.engine.send(testIdentity(9).id, utf8Encode("hello?"));
    ada.engine.send("not a twin", utf8Encode("hello?"));
    expect(await ada.peers.status()).toEqual([]);
  });

  test("refuse to listen on a port that is taken, with the remedy", async () => {
    const ada = await open(1);
    await expect(open(2, { listen: ada.listen })).rejects.toMatchObject({ code: "TWIN_HOST_PORT" });
  });
});

describe("invites", () => {
  test("cannot be accepted by their own twin", async () => {
    const ada = await open(1);
    const { code } = await ada.peers.invite();
    await expect(ada.peers.accept(code)).rejects.toThrow("your own");
  });

  test("work once: a second twin is refused, the first may repeat, also after a restart", async () => {
    const [ada, ben, cid] = await Promise.all([open(1), open(2), open(3)]);
    const { code } = await ada.peers.invite();
    await ben.peers.accept(code);
    await expect(cid.peers.accept(code)).rejects.toMatchObject({ code: "TWIN_INVITE_USED" });
    await ada[Symbol.asyncDispose]();
    const back = await open(1, { state: ada.state, listen: ada.listen });
    await expect(cid.peers.accept(code)).rejects.toMatchObject({ code: "TWIN_INVITE_USED" });
    expect(await ben.peers.accept(code)).toEqual({ twin: back.identity.id, name: "Twin 1" });
    expect(cid.paired).toEqual([]);
    expect(back.paired.map(({ twin }) => twin)).toEqual([ben.identity.id]);
  });

  test("expire", async () => {
    const clock = createSettableClock();
    const [ada, ben] = await Promise.all([open(1, { clock }), open(2)]);
    const { code, expiresAtMs } = await ada.peers.invite();
    clock.aheadMs += expiresAtMs - clock.nowMs() + 1;
    await expect(ben.peers.accept(code)).rejects.toThrow("expired");
    expect(ada.paired).toEqual([]);
  });

  test("name the trouble when their twin is down, or another one is there", async () => {
    const [ada, ben] = await Promise.all([open(1), open(2)]);
    const { code } = await ada.peers.invite();
    await ada[Symbol.asyncDispose]();
    await expect(ben.peers.accept(code)).rejects.toMatchObject({ code: "TWIN_PEER_OFFLINE" });
    await open(3, { listen: ada.listen });
    await expect(ben.peers.accept(code)).rejects.toThrow("Another twin answers");
  });

  test("are refused when the secret is wrong, and stay good for who has it", async () => {
    const [ada, ben, cid] = await Promise.all([open(1), open(2), open(3)]);
    const { code } = await ada.peers.invite();
    const guess = encodeInvite(new Uint8Array(16), ada.identity.id, decodeInvite(code).addresses);
    await expect(cid.peers.accept(guess)).rejects.toMatchObject({ code: "TWIN_INVITE_INVALID" });
    expect(await ben.peers.accept(code)).toMatchObject({ twin: ada.identity.id });
  });
});
