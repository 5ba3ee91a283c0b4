import { expect, test } from "vitest";
import { createContactsPhonebook } from "../../../host/phonebook/contacts-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { phonebookSuite } from "../../conformance/phonebook.suite.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { testIdentity } from "../../support/test-identity.ts";

phonebookSuite("the contacts phonebook", async () => createContactsPhonebook(createMemoryTables()));

const content = { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts: [] };

test("knows after a restart what it knew before", async () => {
  const rows = new Map();
  const signed = signTwinRecord(testIdentity(1), content);
  await createContactsPhonebook(createMemoryTables(rows)).publish(signed);
  const reopened = createContactsPhonebook(createMemoryTables(rows));
  expect(await reopened.signedRecord(testIdentity(1).id)).toEqual(signed);
});

test("lists all twins in the order of their ids", async () => {
  const phonebook = createContactsPhonebook(createMemoryTables());
  const twins = [3, 1, 2].map((number) => testIdentity(number));
  for (const twin of twins) await phonebook.publish(signTwinRecord(twin, content));
  expect((await phonebook.records()).map(({ twin }) => twin)).toEqual(twins.map(({ id }) => id).toSorted());
});
