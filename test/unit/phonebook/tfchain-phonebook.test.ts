// The phonebook over a chain and a web that answer what a test says. With a real worker: tfchain.test.ts.

import { describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { publicKeyOf, type TwinId, twinIdOf } from "../../../host/identity/twin-id.ts";
import type { ChainTwin } from "../../../host/phonebook/chain-messages.ts";
import { createTfchainPhonebook, type TfchainPhonebook } from "../../../host/phonebook/tfchain-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { phonebookSuite } from "../../conformance/phonebook.suite.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const ben = testIdentity(2);
const { lookupLifetimeMs, lookupRefreshMs, lookupFailureMs, lookupCount } = LIMITS.phonebook;
const content = { sequence: 5, issuedAtMs: 1, expiresAtMs: 2, hosts: [], name: "Ada" };
const relay = utf8Encode("ada.example.org");
const listed: ChainTwin = { account: publicKeyOf(ada.id), relay, pk: ada.agreementKey };

/** A chain and a web with what they say, and what they were asked. */
interface World {
  chain(): Promise<ChainTwin | undefined>;
  web(): Promise<Uint8Array | undefined>;
  readonly clock: ManualClock;
  readonly asked: string[];
  readonly phonebook: TfchainPhonebook;
}

/** In which Ada is listed and served. */
function createWorld(): World {
  const clock = createManualClock();
  const asked: string[] = [];
  const world: World = {
    clock,
    asked,
    chain: async () => listed,
    web: async () => signTwinRecord(ada, content),
    phonebook: createTfchainPhonebook({
      clock,
      link: {
        ask: (kind) => {
          asked.push(kind);
          return world.chain();
        },
      },
      fetchRecord: (name, twin) => {
        asked.push(`${name} ${twin}`);
        return world.web();
      },
    }),
  };
  return world;
}

phonebookSuite("the phonebook of TFChain", async () => {
  const world = createWorld();
  world.chain = async () => undefined;
  return world.phonebook;
});

const offline = async (): Promise<never> => {
  throw new TwinError("TWIN_CHAIN_FAILED", "Nobody answers.");
};

test("finds who it does not know by the chain and the name there", async () => {
  const { phonebook, asked } = createWorld();
  expect((await phonebook.resolve(ada.id))?.name).toBe("Ada");
  expect(asked).toEqual(["twin", `ada.example.org ${ada.id}`]);
});

test("takes an entry without a key", async () => {
  const world = createWorld();
  world.chain = async () => ({ account: publicKeyOf(ada.id), relay });
  expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
});

test("asks once for many who ask at once, and not again for a while", async () => {
  const { phonebook, asked, clock } = createWorld();
  await Promise.all([phonebook.resolve(ada.id), phonebook.resolve(ada.id), phonebook.refresh(ada.id)]);
  clock.advance(lookupLifetimeMs - 1);
  await phonebook.resolve(ada.id);
  expect(asked).toHaveLength(2);
  clock.advance(1);
  await phonebook.resolve(ada.id);
  expect(asked).toHaveLength(4);
});

test("asks sooner when an address is in doubt", async () => {
  const world = createWorld();
  await world.phonebook.resolve(ada.id);
  world.web = async () => signTwinRecord(ada, { ...content, sequence: 6, name: "Moved" });
  world.clock.advance(lookupRefreshMs);
  expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
  expect((await world.phonebook.refresh(ada.id))?.record.name).toBe("Moved");
});

test("remembers for a while that somebody is not there", async () => {
  const world = createWorld();
  world.chain = async () => undefined;
  expect(await world.phonebook.resolve(ada.id)).toBeUndefined();
  world.chain = async () => listed;
  expect(await world.phonebook.resolve(ada.id)).toBeUndefined();
  expect(world.asked).toEqual(["twin"]);
  world.clock.advance(lookupRefreshMs);
  expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
});

test("answers what it knew while the chain or the name does not answer", async () => {
  for (const broken of ["chain", "web"] as const) {
    const world = createWorld();
    await world.phonebook.resolve(ada.id);
    world[broken] = offline;
    world.clock.advance(lookupLifetimeMs);
    expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
  }
});

test("says that the chain does not answer, and spares it for a moment", async () => {
  const world = createWorld();
  world.chain = offline;
  await expect(world.phonebook.resolve(ada.id)).rejects.toMatchObject({ code: "TWIN_CHAIN_FAILED" });
  world.chain = async () => listed;
  await expect(world.phonebook.resolve(ada.id)).rejects.toMatchObject({ code: "TWIN_CHAIN_FAILED" });
  expect(world.asked).toEqual(["twin"]);
  world.clock.advance(lookupFailureMs);
  expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
});

test("lets go of who does not want to wait, and serves the others", async () => {
  const world = createWorld();
  const { promise, resolve } = Promise.withResolvers<ChainTwin>();
  world.chain = () => promise;
  const stop = new AbortController();
  const gone = world.phonebook.resolve(ada.id, { signal: stop.signal });
  const patient = world.phonebook.resolve(ada.id);
  stop.abort(new Error("enough"));
  await expect(gone).rejects.toThrow("enough");
  resolve(listed);
  expect((await patient)?.name).toBe("Ada");
  await expect(world.phonebook.resolve(ada.id, { signal: stop.signal })).rejects.toThrow("enough");
});

test("knows a bounded number of twins and keeps those that were used last", async () => {
  const world = createWorld();
  world.chain = async () => undefined;
  await world.phonebook.publish(signTwinRecord(ada, content));
  for (let number = 2; number < 3 + lookupCount / 64; number++) {
    // A look at Ada now and then keeps her.
    await world.phonebook.resolve(ada.id);
    for (let other = 0; other < 64; other++) await world.phonebook.resolve(strangerOf(number * 64 + other));
  }
  const asked = world.asked.length;
  expect((await world.phonebook.resolve(ada.id))?.name).toBe("Ada");
  expect(world.asked).toHaveLength(asked);
  await world.phonebook.resolve(strangerOf(2 * 64));
  expect(world.asked).toHaveLength(asked + 1);
});

describe("what is not of the twin is not believed:", () => {
  const lies: Readonly<Record<string, Partial<Pick<World, "chain" | "web">>>> = {
    "another account's entry": { chain: async () => ({ ...listed, account: publicKeyOf(ben.id) }) },
    "another key than the record's": { chain: async () => ({ ...listed, pk: ben.agreementKey }) },
    "another twin's record": { web: async () => signTwinRecord(ben, content) },
    "a record that somebody changed": {
      web: async () => {
        const signed = signTwinRecord(ada, content);
        signed[20]! ^= 1;
        return signed;
      },
    },
    "a record without an end": { web: async () => new Uint8Array(1024 * 1024) },
    "a page": { web: async () => utf8Encode("<!doctype html>") },
  };
  test.each(Object.entries(lies))("%s", async (_, lie) => {
    const world = Object.assign(createWorld(), lie);
    await expect(world.phonebook.resolve(ada.id)).rejects.toMatchObject({ code: "TWIN_RECORD_INVALID" });
    // Nor does it displace what is known.
    await world.phonebook.publish(signTwinRecord(ada, { ...content, sequence: 1 }));
    world.clock.advance(lookupLifetimeMs);
    expect((await world.phonebook.resolve(ada.id))?.sequence).toBe(1);
  });

  test("an older record than the one that is known", async () => {
    const world = createWorld();
    await world.phonebook.publish(signTwinRecord(ada, { ...content, sequence: 9, name: "Newest" }));
    world.clock.advance(lookupLifetimeMs);
    expect((await world.phonebook.resolve(ada.id))?.name).toBe("Newest");
    expect(world.asked).toHaveLength(2);
  });

  const noRelays: Readonly<Record<string, Partial<ChainTwin>>> = {
    "no relay": { relay: undefined },
    "an address": { relay: utf8Encode("127.0.0.1") },
    "an address of the cloud": { relay: utf8Encode("169.254.169.254") },
    "this machine": { relay: utf8Encode("localhost") },
    "a URL": { relay: utf8Encode("https://ada.example.org") },
    "no text": { relay: Uint8Array.of(0xff, 0xfe) },
    "an endless relay": { relay: new Uint8Array(1024 * 1024).fill(97) },
    "an oversized key": { pk: new Uint8Array(129) },
    "a key of another program": { pk: new Uint8Array(33) },
  };
  test.each(Object.entries(noRelays))("%s leads nowhere, and nothing is fetched", async (_, entry) => {
    const world = createWorld();
    world.chain = async () => ({ ...listed, ...entry });
    expect(await world.phonebook.resolve(ada.id)).toBeUndefined();
    expect(world.asked).toEqual(["twin"]);
  });
});

/** An id whose secret nobody has. */
function strangerOf(number: number): TwinId {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, number);
  return twinIdOf(key);
}
