import { expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { createContactsPhonebook } from "../../../host/phonebook/contacts-phonebook.ts";
import { createDirectory } from "../../../host/phonebook/directory.ts";
import type { TfchainPhonebook } from "../../../host/phonebook/tfchain-phonebook.ts";
import { decodeTwinRecord, signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const clock = createManualClock();
const content = { sequence: 5, issuedAtMs: 1, expiresAtMs: clock.nowMs() + 1_000, hosts: [] };

/** A directory, and an outside that knows one record of Ada and counts its questions. */
function createWorld(outsideRecord: Uint8Array | Error | undefined) {
  const contacts = createContactsPhonebook(createMemoryTables());
  const asked: string[] = [];
  const answer = async (how: string) => {
    asked.push(how);
    if (outsideRecord instanceof Error) throw outsideRecord;
    return outsideRecord && { record: decodeTwinRecord(outsideRecord), signed: outsideRecord };
  };
  const outside: TfchainPhonebook = {
    resolve: async () => (await answer("resolve"))?.record,
    refresh: () => answer("refresh"),
    publish: async () => {},
  };
  return { contacts, asked, directory: createDirectory({ contacts, outside, clock, log: silentLog }) };
}

test("nobody outside is asked for a contact whose record holds", async () => {
  const { contacts, asked, directory } = createWorld(undefined);
  await contacts.publish(signTwinRecord(ada, content));
  expect(await directory.find(ada.id)).toMatchObject({ source: "contacts", record: { sequence: 5 } });
  expect(asked).toEqual([]);
});

test("an expired record of a contact is the answer at once, and a newer one is looked for behind its back", async () => {
  const { contacts, asked, directory } = createWorld(signTwinRecord(ada, { ...content, sequence: 6 }));
  await contacts.publish(signTwinRecord(ada, { ...content, expiresAtMs: 2 }));
  expect((await directory.find(ada.id))?.record.sequence).toBe(5);
  await expect.poll(async () => (await contacts.resolve(ada.id))?.sequence).toBe(6);
  expect(asked).toEqual(["refresh"]);
});

test("doubt brings a contact's newer record, and never an older one or one of a stranger", async () => {
  for (const [sequence, kept] of [
    [6, 6],
    [4, 5],
  ] as const) {
    const { contacts, directory, asked } = createWorld(signTwinRecord(ada, { ...content, sequence }));
    directory.doubt(ada.id);
    await contacts.publish(signTwinRecord(ada, content));
    directory.doubt(ada.id);
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    await expect.poll(async () => (await contacts.resolve(ada.id))?.sequence).toBe(kept);
  }
});

test("strangers are found outside and not kept", async () => {
  const { contacts, directory } = createWorld(signTwinRecord(ada, content));
  expect(await directory.find(ada.id)).toMatchObject({ source: "tfchain" });
  expect(await contacts.records()).toEqual([]);
});

test("an outside that fails is told of to who looks for a stranger, and to nobody who knows the twin", async () => {
  const { contacts, directory } = createWorld(new Error("down"));
  await expect(directory.find(ada.id)).rejects.toThrow("down");
  await contacts.publish(signTwinRecord(ada, { ...content, expiresAtMs: 2 }));
  expect((await directory.find(ada.id))?.source).toBe("contacts");
  directory.doubt(ada.id);
});
