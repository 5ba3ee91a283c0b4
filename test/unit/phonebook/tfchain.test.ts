// A twin is announced and found through @polkadot/api and a node of the test's own. The one test file that
// pays for loading that library: the ways in which a node can lie are in test/campaigns/chain-lies.campaign.ts.

import { afterAll, beforeAll, expect, test } from "vitest";
import { hexEncode, utf8Decode } from "../../../host/base/bytes.ts";
import { systemClock } from "../../../host/base/clock.ts";
import { silentLog } from "../../../host/base/log.ts";
import { publicKeyOf } from "../../../host/identity/twin-id.ts";
import { announceRelay, planAnnouncement } from "../../../host/phonebook/announce-relay.ts";
import { type ChainLink, createChainLink } from "../../../host/phonebook/chain-link.ts";
import { createTfchainPhonebook } from "../../../host/phonebook/tfchain-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { openTestChain, type TestChain } from "../../support/test-chain.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const account = hexEncode(publicKeyOf(ada.id));
const signed = signTwinRecord(ada, { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts: [], name: "Ada" });
/** With its record's name the payload has more than 256 bytes, and is signed by its hash. */
const longName = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.example.org`;
const terms = { link: "https://example.org/terms", hash: "d41d8cd98f00b204e9800998ecf8427e" };

let chain: TestChain;
let link: ChainLink;
beforeAll(async () => {
  chain = await openTestChain();
  // By this clock a busy machine is never too slow.
  link = createChainLink({ url: chain.url, clock: createManualClock(), log: silentLog });
});
afterAll(async () => {
  await link[Symbol.asyncDispose]();
  await chain[Symbol.asyncDispose]();
});

test("a twin is announced by transactions that the chain takes, and then found by a stranger", async () => {
  const parts = { link, identity: ada };
  const phonebook = () =>
    createTfchainPhonebook({
      link,
      clock: systemClock,
      fetchRecord: async (name, twin) => (name === longName && twin === ada.id ? signed : undefined),
    });
  expect(await phonebook().resolve(ada.id)).toBeUndefined();
  // Without terms, and without money.
  await expect(planAnnouncement(parts, { relay: longName })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  const wanted = { relay: longName, terms };
  expect(await planAnnouncement(parts, wanted)).toEqual({
    chain: "TFChain Testnet",
    account: expect.stringMatching(/^5[1-9A-HJ-NP-Za-km-z]{47}$/u),
    free: 0n,
    steps: [
      { call: "user_accept_tc", fee: 12_345n },
      { call: "create_twin", fee: 12_345n },
    ],
    fee: 24_690n,
  });
  expect(chain.executed).toEqual([]);
  await expect(announceRelay(parts, wanted)).rejects.toMatchObject({ code: "TWIN_CHAIN_REFUSED" });

  chain.balances.set(account, 30_000n);
  const heard: number[][] = [];
  await announceRelay(parts, wanted, (...progress) => void heard.push(progress));
  expect(heard).toEqual([
    [1, 2],
    [2, 2],
  ]);
  expect(chain.balances.get(account)).toBe(30_000n - 24_690n);
  expect(chain.executed.map(({ call, tip }) => [call, tip])).toEqual([
    ["tfgridModule.userAcceptTc", "0"],
    ["tfgridModule.createTwin", "0"],
  ]);
  expect(utf8Decode(chain.twins.get(account)!.relay!)).toBe(longName);
  expect((await phonebook().resolve(ada.id))?.name).toBe("Ada");

  // Once it is there, a step is enough, and the same takes it away again.
  chain.balances.set(account, 30_000n);
  await announceRelay(parts, { relay: "other.example.org" });
  expect(utf8Decode(chain.twins.get(account)!.relay!)).toBe("other.example.org");
  expect(await phonebook().resolve(ada.id)).toBeUndefined();
  await announceRelay(parts, {});
  expect(chain.twins.get(account)).toMatchObject({ relay: undefined, pk: undefined });
  expect(chain.executed.map(({ call }) => call).slice(2)).toEqual([
    "tfgridModule.updateTwin",
    "tfgridModule.updateTwin",
  ]);

  // A node may refuse, and what is in a block may have failed there.
  chain.balances.set(account, 30_000n);
  chain.faults = { refuses: true };
  await expect(announceRelay(parts, { relay: longName })).rejects.toMatchObject({
    code: "TWIN_CHAIN_REFUSED",
    message: expect.stringContaining("Invalid Transaction"),
  });
  chain.faults = { fails: true };
  await expect(announceRelay(parts, { relay: longName })).rejects.toMatchObject({
    code: "TWIN_CHAIN_REFUSED",
    message: expect.stringContaining("tfgridModule.TwinWithPubkeyExists"),
  });
});
