import { afterAll, beforeAll, expect, test } from "vitest";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { messagesOf } from "../../support/page-messages.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ids = { ann: testIdentity(1).id, bob: testIdentity(2).id };
let ann: EngineBench;
let bob: EngineBench;
beforeAll(async () => {
  const [chat, files] = [await builtCapability("chat"), await builtCapability("files")];
  [ann, bob] = [await openEngineBench({ twin: ids.ann }), await openEngineBench({ twin: ids.bob })];
  for (const bench of [ann, bob]) {
    await bench.do("install", chat.bytes);
    await bench.do("install", files.bytes);
  }
});
afterAll(async () => {
  await ann[Symbol.asyncDispose]();
  await bob[Symbol.asyncDispose]();
});

/** Carries what waits from one twin to the other, each message twice, as over a bad line. */
async function carry(from: EngineBench, to: EngineBench): Promise<number> {
  const [sender, peer] = from === ann ? [ids.ann, ids.bob] : [ids.bob, ids.ann];
  const messages = messagesOf(await from.do("outbox", { peer, limit: 100 }));
  for (const { sequence, capability, method, payload } of messages) {
    const message = { from: sender, circles: ["contacts"], sequence, capability, method, payload: payload.slice() };
    await to.do("deliver", message);
    const delivery = await to.do("deliver", { ...message, payload: payload.slice() });
    expect(delivery).toEqual({ status: "done" });
    await from.do("settle", { peer, throughSequence: sequence, refused: [] });
  }
  return messages.length;
}

const chat = { capability: "chat" };
const textsOf = async (bench: EngineBench, peer: string): Promise<unknown> =>
  ((await bench.call("messages", { peer }, chat)) as { messages: { text: string; state: string }[] }).messages.map(
    ({ text, state }) => [text, state],
  );

test("two twins talk: once, in order, with marks, over restarts of either", async () => {
  await ann.call("post", { to: ids.bob, text: "Are you there?" }, chat);
  await ann.call("post", { to: ids.bob, text: "Hello?" }, chat);
  await ann.reopen();
  expect(await carry(ann, bob)).toBe(2);
  await bob.reopen();
  expect(await textsOf(bob, ids.ann)).toMatchObject([
    ["Are you there?", expect.anything()],
    ["Hello?", expect.anything()],
  ]);
  await bob.call("post", { to: ids.ann, text: "Yes!" }, chat);
  expect(await carry(bob, ann)).toBeGreaterThan(0);
  expect(await carry(ann, bob)).toBeGreaterThan(0);
  expect(await textsOf(ann, ids.bob)).toEqual([
    ["Are you there?", "delivered"],
    ["Hello?", "delivered"],
    ["Yes!", expect.any(String)],
  ]);
  expect(await ann.do("outboxPeers", undefined)).toEqual(new Map());
  const topics = (await bob.do("events", { afterSequence: 0 })).map(({ topic }) => topic);
  expect(topics.filter((topic) => topic === "chat.message")).not.toHaveLength(0);
});

test("the links of files to objects are counted and end with the files", async () => {
  const files = { capability: "files" };
  const object = "7".repeat(44);
  const add = { parent: "root", object, sizeBytes: 5, type: "text/plain" };
  const one = (await ann.call("add", { ...add, name: "one.txt" }, files)) as { id: string };
  const two = (await ann.call("add", { ...add, name: "two.txt" }, files)) as { id: string };
  const links = async (): Promise<string[]> => {
    const rows = await ann.do("readTable", { namespace: "$links:files", start: new Uint8Array(), limit: 10 });
    return rows.map(({ key, value }) => `${new TextDecoder().decode(key)} ${new TextDecoder().decode(value)}`);
  };
  expect(await links()).toEqual([`${object} 2`]);
  await ann.call("remove", { id: one.id }, files);
  expect(await links()).toEqual([`${object} 1`]);
  await ann.call("remove", { id: two.id }, files);
  expect(await links()).toEqual([]);
  await expect(ann.call("add", { ...add, name: "a/b" }, files)).rejects.toMatchObject({ code: "TWIN_GUEST_FAILED" });
  expect(await links()).toEqual([]);
});
