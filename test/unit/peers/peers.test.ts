import { describe, expect, onTestFinished, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { openTestHost, type TestHost, until } from "../../support/test-peers.ts";

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

  test("deliver in order in both directions, one message at a time", async () => {
    const [ada, ben] = await openPair();
    const texts = Array.from({ length: 60 }, (_, index) => `message ${index}`);
    say(ada, ben, ...texts);
    say(ben, ada, ...texts);
    await until(() => heard(ada).length === 60 && heard(ben).length === 60);
    expect(heard(ada)).toEqual(texts);
    expect(heard(ben)).toEqual(texts);
    expect(ben.engine.peakDeliveries).toBe(1);
    expect(ben.state.handled[0]).toMatchObject({ from: ada.identity.id, circles: ["friends"], capability: "chat" });
    await until(async () => (await ada.engine.outboxPeers()).length === 0);
  });
});
