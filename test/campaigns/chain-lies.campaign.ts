// Nodes of a chain that lie, hang and flood, each with a worker of its own that has loaded @polkadot/api.
// What is asked of them fails by its code, nothing is signed that was not wanted, and the next node is asked as ever.

import { describe, expect, test } from "vitest";
import { hexEncode, utf8Encode } from "../../host/base/bytes.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { silentLog } from "../../host/base/log.ts";
import { publicKeyOf } from "../../host/identity/twin-id.ts";
import { announceRelay } from "../../host/phonebook/announce-relay.ts";
import { SIGNED_EXTENSIONS } from "../../host/phonebook/chain-call.ts";
import { createChainLink } from "../../host/phonebook/chain-link.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { ODD } from "../support/odd-chain-worker.ts";
import { openTestChain, type TestChainFaults } from "../support/test-chain.ts";
import { testIdentity } from "../support/test-identity.ts";

const ada = testIdentity(1);
const account = publicKeyOf(ada.id);
const failed = { code: "TWIN_CHAIN_FAILED" };
const refused = { code: "TWIN_CHAIN_REFUSED" };

async function openWorld(faults: TestChainFaults) {
  const stack = new AsyncDisposableStack();
  const chain = stack.use(await openTestChain(faults));
  const clock = createManualClock();
  const link = stack.use(createChainLink({ url: chain.url, clock, log: silentLog }));
  chain.twins.set(hexEncode(account), { id: 7, account, relay: utf8Encode("a.example.org"), pk: ada.agreementKey });
  chain.balances.set(hexEncode(account), 1_000_000n);
  return { chain, clock, link, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("a runtime that is not TFChain's gets no signature:", () => {
  const lies: Readonly<Record<string, TestChainFaults["lies"]>> = {
    "create_twin is another call": { createTwin: 3 },
    "the pallet has another name": { palletName: "Balances" },
    "an extension is missing": { extensions: SIGNED_EXTENSIONS.slice(0, -1) },
    "extensions stand in another order": { extensions: SIGNED_EXTENSIONS.toReversed() },
  };
  test.each(Object.entries(lies))("%s", async (_, told) => {
    await using world = await openWorld({ lies: told });
    const { chain, link } = world;
    const announced = announceRelay({ link, identity: ada }, { relay: "b.example.org" });
    await expect(announced).rejects.toMatchObject({ code: expect.stringMatching(/^TWIN_CHAIN_/u) });
    expect(chain.asked.get("author_submitAndWatchExtrinsic")).toBeUndefined();
  });
});

test("a twin of wrong types is not read as one", async () => {
  await using world = await openWorld({ lies: { relay: "u32" } });
  await expect(world.link.ask("twin", { account })).rejects.toMatchObject({
    code: expect.stringMatching(/^TWIN_CHAIN_/u),
  });
});

test("a type that contains itself holds nobody up for longer than a question may take", async () => {
  await using world = await openWorld({ lies: { relay: "twin" } });
  const { chain, clock, link } = world;
  const outcome = expect(link.ask("twin", { account })).rejects.toMatchObject(failed);
  await expect.poll(() => chain.asked.get("state_getMetadata") ?? 0).toBeGreaterThan(0);
  clock.advance(LIMITS.phonebook.chainReadTimeoutMs);
  await outcome;
});

test.each(["state_getMetadata", "chain_getBlockHash", "state_queryStorageAt"])(
  "silence after %s ends with the time that a question may take",
  async (method) => {
    await using world = await openWorld({ silent: [method] });
    const { chain, clock, link } = world;
    const asked = link.ask("twin", { account });
    const outcome = expect(asked).rejects.toMatchObject(failed);
    await expect.poll(() => chain.asked.get(method) ?? 0).toBeGreaterThan(0);
    clock.advance(LIMITS.phonebook.chainReadTimeoutMs);
    await outcome;
    chain.faults = {};
    clock.advance(LIMITS.phonebook.chainRestMs);
    expect(await link.ask("twin", { account })).toMatchObject({ account });
  },
);

test.each(["state_getMetadata", "state_queryStorageAt", "system_chain"])(
  "a flood instead of %s ends the connection",
  async (method) => {
    await using world = await openWorld({ flood: { [method]: LIMITS.phonebook.chainMessageSizeBytes + 1 } });
    await expect(world.link.ask("twin", { account })).rejects.toMatchObject(failed);
  },
);

test("a node that goes away and comes back is asked again after a rest", async () => {
  await using world = await openWorld({});
  const { chain, clock, link } = world;
  expect(await link.ask("twin", { account })).toMatchObject({ account });
  chain.hangUp();
  await expect.poll(() => link.ask("twin", { account }).catch((thrown: unknown) => thrown)).toMatchObject(failed);
  clock.advance(LIMITS.phonebook.chainRestMs);
  expect(await link.ask("twin", { account })).toMatchObject({ account });
});

test("nobody listens", async () => {
  const clock = createManualClock();
  await using link = createChainLink({ url: "ws://127.0.0.1:1", clock, log: silentLog });
  await expect(link.ask("twin", { account })).rejects.toMatchObject(failed);
});

test("money that is not there is not spent", async () => {
  await using world = await openWorld({});
  world.chain.balances.set(hexEncode(account), 1n);
  const announced = announceRelay({ link: world.link, identity: ada }, { relay: "b.example.org" });
  await expect(announced).rejects.toMatchObject(refused);
  expect(world.chain.asked.get("author_submitAndWatchExtrinsic")).toBeUndefined();
});

test("a worker that fills its memory dies of its bound, and another one answers", async () => {
  const clock = createManualClock();
  const entry = new URL("../support/odd-chain-worker.ts", import.meta.url);
  await using link = createChainLink({ url: "ws://127.0.0.1:1", clock, log: silentLog, entry });
  await expect(link.ask("twin", { account: Uint8Array.of(ODD.heap) })).rejects.toMatchObject(failed);
  clock.advance(LIMITS.phonebook.chainRestMs);
  expect(await link.ask("twin", { account: Uint8Array.of(ODD.echo) })).toBeDefined();
});
