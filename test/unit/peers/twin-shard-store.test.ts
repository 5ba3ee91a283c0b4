// Other twins as stores: the port's suite, quotas, budgets, and holders that do not do what they should.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { openShardLink } from "../../../host/peers/shard-link.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeRequest,
  encodeStats,
  type ShardRequest,
} from "../../../host/peers/shard-wire.ts";
import { createTrafficBudget } from "../../../host/peers/traffic-budget.ts";
import { createTwinShardStore, type TwinShardStore } from "../../../host/peers/twin-shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";
import { createLinkPair, type TestLink } from "../../support/link-pair.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { openHeldStore, openTestHolder } from "../../support/shard-holding.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { testKernels, whileTimePasses } from "../../support/test-vault.ts";

const place = await mkdtemp(join(tmpdir(), "held-"));
afterAll(() => rm(place, { recursive: true, force: true }));
let folders = 0;
const freshFolder = (): string => join(place, String(++folders));
const ada = testIdentity(1).id;
const ben = testIdentity(2).id;
const GIB = 1024 ** 3;

testShardStore("another twin", async () => {
  const holder = await openTestHolder(freshFolder());
  await holder.lend(ada, GIB);
  return openHeldStore(holder, ada).store;
});

describe("a holder of shards", () => {
  test("takes no byte beyond what it lends, and takes again what was freed", async () => {
    const holder = await openTestHolder(freshFolder());
    await holder.lend(ada, 1_000);
    const { store } = openHeldStore(holder, ada);
    await store.put("a", new Uint8Array(600));
    await expect(store.put("b", new Uint8Array(401))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(await store.get("b")).toBeUndefined();
    await store.put("b", new Uint8Array(400));
    await store.put("a", new Uint8Array(100));
    expect(await store.room()).toEqual({ quotaBytes: 1_000, usedBytes: 500 });
    await store.delete("b");
    await store.delete("b");
    expect(await holder.lent()).toEqual([{ twin: ada, quotaBytes: 1_000, usedBytes: 100 }]);
    await Promise.allSettled(["c", "d", "e", "f"].map((name) => store.put(name, new Uint8Array(300))));
    expect((await store.room()).usedBytes).toBe(1_000);
  });

  test("gives back and deletes when it lends nothing more, and takes nothing", async () => {
    const holder = await openTestHolder(freshFolder());
    await holder.lend(ada, 1_000);
    const { store } = openHeldStore(holder, ada);
    await store.put("a", Uint8Array.of(1));
    await holder.lend(ada, 0);
    await expect(store.put("b", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(await store.get("a")).toEqual(Uint8Array.of(1));
    await store.delete("a");
    expect(await Array.fromAsync(store.list())).toEqual([]);
  });

  test("shows a twin its own shards and no others, and strangers nothing", async () => {
    const holder = await openTestHolder(freshFolder());
    await holder.lend(ada, 1_000);
    await holder.lend(ben, 1_000);
    await openHeldStore(holder, ada).store.put("a", Uint8Array.of(1));
    const { store } = openHeldStore(holder, ben);
    expect(await store.get("a")).toBeUndefined();
    expect(await Array.fromAsync(store.list())).toEqual([]);
    await store.delete("a");
    expect(await openHeldStore(holder, ada).store.get("a")).toEqual(Uint8Array.of(1));
    const stranger = openHeldStore(holder, testIdentity(3).id).store;
    await expect(stranger.put("a", Uint8Array.of(1))).rejects.toThrow("lends this twin no room");
  });

  test("counts what it has when it starts again", async () => {
    const folder = freshFolder();
    const before = await openTestHolder(folder);
    await before.lend(ada, 1_000);
    await openHeldStore(before, ada).store.put("a", new Uint8Array(700));
    const after = await openTestHolder(folder);
    await after.lend(ada, 1_000);
    expect(await openHeldStore(after, ada).store.room()).toEqual({ quotaBytes: 1_000, usedBytes: 700 });
  });

  test("lists more names than one answer holds, and hashes leaf by leaf", async () => {
    const holder = await openTestHolder(freshFolder());
    await holder.lend(ada, GIB);
    const { store } = openHeldStore(holder, ada);
    const names = Array.from({ length: LIMITS.peers.shardListLength + 5 }, (_, at) => `n-${at}`);
    await Promise.all(
      Array.from({ length: 16 }, async (_, lane) => {
        for (let at = lane; at < names.length; at += 16) await store.put(names[at]!, new Uint8Array(at % 3));
      }),
    );
    const listed = await Array.fromAsync(store.list());
    expect(listed.map(({ name }) => name)).toEqual(names.toSorted());
    const data = seededBytes(1, 150_000);
    await store.put("data", concatBytes(Uint8Array.of(9, 9), data));
    const kernels = await testKernels();
    const leaves = [0, 65_536, 131_072].map((at) => kernels.hash(data.subarray(at, at + 65_536)));
    expect(await store.leafHashes!("data", 2)).toEqual(concatBytes(...leaves));
    expect(await store.leafHashes!("none", 0)).toBeUndefined();
  });

  test("makes a greedy twin wait, and nobody else", async () => {
    const clock = createManualClock();
    const [greedy, modest] = [0, 1].map(() => createTrafficBudget(clock, { burst: 1_000, perSecond: 100 }));
    await greedy!.spend(1_000);
    let isPaid = false;
    const late = greedy!.spend(200).then(() => (isPaid = true));
    await modest!.spend(900);
    clock.advance(1_999);
    await Promise.resolve();
    expect(isPaid).toBe(false);
    clock.advance(1);
    await late;
    clock.advance(1_000_000);
    await greedy!.spend(1_000);
  });

  test("ends a link that speaks something else, and is there for the next one", async () => {
    const holder = await openTestHolder(freshFolder());
    await holder.lend(ada, GIB);
    const frames = [[], [0], [9], [1], [2, 1, 97], [3, 1, 65], [3, 2, 46, 47], [4, 200], [5, 1], [7, 7], [6, 1, 97, 0]];
    for (const frame of frames) {
      const [near, far] = createLinkPair();
      const served = holder.serve(far, ada);
      await near.send(Uint8Array.from(frame));
      expect((await near.closed).code).toBe("TWIN_PEER_PROTOCOL");
      await served;
    }
    await openHeldStore(holder, ada).store.put("a", Uint8Array.of(1));
  });
});

describe("requests", () => {
  const name = fc.stringMatching(/^[a-z0-9.-]{1,128}$/);
  const word = fc.integer({ min: 0, max: 0xffff_fffe });
  const request: fc.Arbitrary<ShardRequest> = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), name, data: fc.uint8Array() }),
    fc.record({
      kind: fc.constant("get" as const),
      name,
      offset: word,
      sizeBytes: fc.option(word, { nil: undefined }),
    }),
    fc.record({ kind: fc.constantFrom("stat" as const, "delete" as const), name }),
    fc.record({ kind: fc.constant("list" as const), after: fc.oneof(fc.constant(""), name) }),
    fc.record({ kind: fc.constant("verify" as const), name, offset: word }),
    fc.record({ kind: fc.constant("room" as const) }),
  );

  test("come out as they went in", () => {
    fc.assert(
      fc.property(request, (asked) => {
        expect(decodeRequest(encodeRequest(asked))).toEqual(asked);
      }),
    );
  });

  test("of any bytes are read or refused by their code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        try {
          const read = decodeRequest(bytes);
          if (read.kind !== "list") expect(encodeRequest(read)).toEqual(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
        }
      }),
    );
    expect(() => decodeAnswer(new Uint8Array(0))).toThrow("does not know");
  });
});

describe("a holder that lies", () => {
  /** A store over a holder whose answers a test makes. */
  function openLyingStore(answer: (request: ShardRequest) => Uint8Array | undefined): TwinShardStore {
    const clock = createManualClock();
    return createTwinShardStore({ name: "liar", domain: "liar", clock }, async () => {
      const [near, far] = createLinkPair();
      void answerAll(far, answer);
      return openShardLink(near, clock);
    });
  }
  async function answerAll(link: TestLink, answer: (request: ShardRequest) => Uint8Array | undefined): Promise<void> {
    for (;;) {
      const frame = await link.receive().catch(() => undefined);
      if (frame === undefined) return;
      const said = answer(decodeRequest(frame));
      if (said !== undefined) void link.send(said);
    }
  }
  const page = (...names: string[]): Uint8Array =>
    concatBytes(Uint8Array.of(0), encodeStats(names.map((name) => ({ name, sizeBytes: 1 }))));

  test("gives more than was asked for, sizes that are none, or an unknown answer: each is a failure of the store", async () => {
    const store = openLyingStore(() => concatBytes(Uint8Array.of(0), new Uint8Array(9)));
    await expect(store.get("a", { sizeBytes: 8 })).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    await expect(store.stat("a")).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
    await expect(store.leafHashes!("a", 0)).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
    await expect(store.room()).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
    const strange = openLyingStore(() => Uint8Array.of(77));
    await expect(strange.stat("a")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("lists round and round, or names that are none: the listing ends with an error", async () => {
    await expect(Array.fromAsync(openLyingStore(() => page("a", "b")).list())).rejects.toThrow("does not know");
    await expect(Array.fromAsync(openLyingStore(() => page("b", "a")).list())).rejects.toThrow("does not know");
    const upper = Uint8Array.of(0, 1, 65, 0, 0, 0, 1);
    await expect(Array.fromAsync(openLyingStore(() => upper).list())).rejects.toThrow("does not know");
  });

  test("never answers: whoever waits is told in bounded time, and too many are not let in", async () => {
    const clock = createManualClock();
    const [near] = createLinkPair();
    const link = openShardLink(near, clock);
    const waiting = Array.from({ length: LIMITS.peers.shardRequestsInFlight }, () => link.ask({ kind: "room" }));
    await expect(link.ask({ kind: "room" })).rejects.toThrow("Too many requests");
    const settled = await whileTimePasses(clock, Promise.allSettled(waiting));
    expect(settled.every(({ status }) => status === "rejected")).toBe(true);
    expect(link.isOpen).toBe(false);
  });

  test("answers what nobody asked: the link ends", async () => {
    const [near, far] = createLinkPair();
    const link = openShardLink(near, createManualClock());
    await far.send(Uint8Array.of(0));
    expect((await far.closed).code).toBe("TWIN_STORE_FAILED");
    expect(link.isOpen).toBe(false);
  });

  test("cannot be reached: it is asked again after a while, not each time", async () => {
    const clock = createManualClock();
    let dials = 0;
    const store = createTwinShardStore({ name: "away", domain: "away", clock }, async () => {
      dials++;
      throw new TwinError("TWIN_PEER_OFFLINE", "Nobody answers.");
    });
    for (let turn = 0; turn < 5; turn++)
      await expect(store.stat("a")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    expect(dials).toBe(1);
    clock.advance(LIMITS.vault.storeSuspectMs);
    await expect(store.stat("a")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    expect(dials).toBe(2);
  });
});
