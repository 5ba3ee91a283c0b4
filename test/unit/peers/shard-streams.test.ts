// Shards between two hosts, over real connections.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import type { TwinShardStore } from "../../../host/peers/twin-shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openTestHolder } from "../../support/shard-holding.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { openTestHost, type TestHost } from "../../support/test-peers.ts";

const place = await mkdtemp(join(tmpdir(), "shard-streams-"));
afterAll(() => rm(place, { recursive: true, force: true }));
let pairs = 0;

/** Ben's store over Ada's host. */
async function openPair(quotaBytes = 64_000_000): Promise<{ ada: TestHost; ben: TestHost; store: TwinShardStore }> {
  const holder = await openTestHolder(join(place, String(++pairs)));
  const [ada, ben] = await Promise.all([openTestHost(1, { holder }), openTestHost(2)]);
  onTestFinished(async () => {
    await Promise.all([ada[Symbol.asyncDispose](), ben[Symbol.asyncDispose]()]);
  });
  if (quotaBytes > 0) await holder.lend(ben.identity.id, quotaBytes);
  await ben.peers.accept((await ada.peers.invite()).code);
  const store = ben.peers.shardStore({ name: "ada", domain: "ada", twin: ada.identity.id });
  return { ada, ben, store };
}

testShardStore("a contact's host", async () => (await openPair()).store);

describe("shards on a contact's host", () => {
  test("of several megabytes go there and back", async () => {
    const { store } = await openPair();
    const shard = seededBytes(7, 5_000_000);
    await Promise.all(["a", "b", "c"].map((name) => store.put(name, shard)));
    expect(Buffer.compare((await store.get("b"))!, shard)).toBe(0);
    expect(await store.room()).toEqual({ quotaBytes: 64_000_000, usedBytes: 15_000_000 });
  });

  test("cannot be kept where no room is lent: the link ends for what is long, and says why for what is short", async () => {
    const { store } = await openPair(0);
    await expect(store.put("a", new Uint8Array(10))).rejects.toThrow("lends this twin no room");
    await expect(store.put("a", seededBytes(1, 1_000_000))).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("are away when the host is, and there again when it is back", async () => {
    const { ada, store } = await openPair();
    await store.put("a", Uint8Array.of(1, 2, 3));
    store.close();
    expect(await store.get("a")).toEqual(Uint8Array.of(1, 2, 3));
    await ada[Symbol.asyncDispose]();
    await expect(store.get("a")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("of a twin that nobody knows cannot be asked", async () => {
    const { ben } = await openPair();
    const store = ben.peers.shardStore({ name: "x", domain: "x", twin: testIdentity(9).id });
    await expect(store.get("a")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });
});
