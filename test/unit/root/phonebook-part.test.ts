// The owner's phonebook over a chain and a web that answer what a test says: host/phonebook-part.ts.

import { expect, test } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { ChainLink } from "../../../host/phonebook/chain-link.ts";
import type { ChainAccount } from "../../../host/phonebook/chain-messages.ts";
import { createContactsPhonebook } from "../../../host/phonebook/contacts-phonebook.ts";
import { createDirectory } from "../../../host/phonebook/directory.ts";
import { createTfchainPhonebook } from "../../../host/phonebook/tfchain-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { createPhonebookPart } from "../../../host/phonebook-part.ts";
import { createSettings } from "../../../host/settings.ts";
import type { FetchRecord } from "../../../host/phonebook/tfchain-phonebook.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const ben = testIdentity(2);
const content = { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts: [], name: "Ada" };
const signed = signTwinRecord(ada, content);
const account: ChainAccount = {
  chain: "TFChain",
  genesisHash: new Uint8Array(32),
  blockHash: new Uint8Array(32),
  specVersion: 1,
  transactionVersion: 1,
  blockNumber: 1,
  nonce: 0,
  free: 1n,
  hasTwin: true,
  hasAcceptedTerms: true,
};

/** A twin's phonebook. The chain takes what it gets, for one unit each. */
function createPart(options: { readonly served?: Uint8Array; readonly offline?: boolean } = {}) {
  const tables = createMemoryTables();
  const contacts = createContactsPhonebook(tables);
  const settings = createSettings(tables);
  const submitted: Uint8Array[] = [];
  const answers = { twin: undefined, account, fee: 1n, submit: true } as const;
  const link: ChainLink = {
    ask: (kind, asked): Promise<never> => {
      if ("transaction" in asked && kind === "submit") submitted.push(asked.transaction);
      return Promise.resolve(answers[kind] as never);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const fetchRecord: FetchRecord = async () => options.served;
  const phonebook = createTfchainPhonebook({ link, fetchRecord, clock: systemClock });
  const tfchain = options.offline === true ? undefined : { url: "wss://node/", link, phonebook, fetchRecord };
  const directory = createDirectory({ contacts, outside: tfchain?.phonebook, clock: systemClock, log: silentLog });
  const twin = { identity: ada, contacts, directory, settings, tfchain };
  return { contacts, settings, submitted, part: createPhonebookPart({ twin }) };
}

test("a record is served from when its owner has announced a name, until it is withdrawn", async () => {
  const { part, contacts, submitted } = createPart({ served: signed });
  await expect(part.ownRecord()).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
  await contacts.publish(signed);
  expect(await part.ownRecord()).toEqual(signed);
  expect(await part.servedRecord()).toBeUndefined();
  const plan = await part.plan({ relay: "ada.example.org" });
  expect(plan).toMatchObject({ balance: "0.0000001", fee: "0.0000001", steps: [{ call: "update_twin" }] });
  expect(await part.servedRecord()).toBeUndefined();
  expect(submitted).toEqual([]);

  await part.announce({ relay: "Ada.Example.org" }, () => {});
  expect(submitted).toHaveLength(1);
  expect(await part.servedRecord()).toEqual(signed);
  expect(await part.status()).toMatchObject({ relay: "ada.example.org", tfchain: "wss://node/" });

  await part.announce({ relay: null }, () => {});
  expect(submitted).toHaveLength(2);
  expect(await part.servedRecord()).toBeUndefined();
});

test.each([
  ["nothing", undefined],
  ["another twin's record", signTwinRecord(ben, content)],
])("a name that serves %s is not announced, and what was served before is served still", async (_, served) => {
  const { part, contacts, settings, submitted } = createPart(served === undefined ? {} : { served });
  await contacts.publish(signed);
  await settings.set("relay", "old.example.org");
  await expect(part.announce({ relay: "new.example.org" }, () => {})).rejects.toMatchObject({
    code: "TWIN_FETCH_FAILED",
  });
  expect(submitted).toEqual([]);
  expect((await part.status()).relay).toBe("old.example.org");
});

test("what is no name is refused before anything is signed or served", async () => {
  const { part, submitted } = createPart({ served: signed });
  for (const relay of ["127.0.0.1", "localhost", "https://ada.example.org", ""]) {
    await expect(part.announce({ relay }, () => {})).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(part.plan({ relay })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  }
  expect(submitted).toEqual([]);
  expect((await part.status()).relay).toBeUndefined();
});

test("without a chain contacts are found, and nothing is announced", async () => {
  const { part, contacts } = createPart({ offline: true });
  const hosts = [{ peerId: "12D3KooWBen", multiaddrs: ["/ip4/192.0.2.1/tcp/4841"] }];
  await contacts.publish(signTwinRecord(ben, { ...content, hosts, name: "Ben" }));
  expect(await part.find(ben.id)).toMatchObject({
    name: "Ben",
    source: "contacts",
    addresses: ["/ip4/192.0.2.1/tcp/4841/p2p/12D3KooWBen"],
  });
  expect(await part.find(ada.id)).toBeUndefined();
  await expect(part.plan({ relay: "ada.example.org" })).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  await expect(part.announce({ relay: null }, () => {})).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
});
