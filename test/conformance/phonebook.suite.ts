// What every phonebook promises.

import { describe, expect, test } from "vitest";
import type { Phonebook } from "../../host/phonebook/phonebook.ts";
import { signTwinRecord, type TwinRecordContent } from "../../host/phonebook/twin-record.ts";
import { testIdentity } from "../support/test-identity.ts";

const ada = testIdentity(1);
const ben = testIdentity(2);
const content: TwinRecordContent = {
  sequence: 5,
  issuedAtMs: 1_000,
  expiresAtMs: 2_000,
  hosts: [{ peerId: "12D3KooWAda", multiaddrs: ["/ip4/192.0.2.1/tcp/4841"] }],
  name: "Ada",
};

/** Runs the suite; `open` gives a phonebook that knows nobody. */
export function phonebookSuite(name: string, open: () => Promise<Phonebook>): void {
  describe(`${name} keeps the promises of a phonebook`, () => {
    test("does not know whom nobody published", async () => {
      expect(await (await open()).resolve(ada.id)).toBeUndefined();
    });

    test("gives back what was published, also when it has expired", async () => {
      const phonebook = await open();
      await phonebook.publish(signTwinRecord(ada, content));
      expect(await phonebook.resolve(ada.id)).toEqual({ twin: ada.id, agreementKey: ada.agreementKey, ...content });
      expect(await phonebook.resolve(ben.id)).toBeUndefined();
    });

    test("keeps the highest sequence, in whichever order records come", async () => {
      for (const order of [
        [5, 6, 7],
        [7, 6, 5],
        [6, 7, 5],
      ]) {
        const phonebook = await open();
        await Promise.all(order.map((sequence) => phonebook.publish(signTwinRecord(ada, { ...content, sequence }))));
        expect((await phonebook.resolve(ada.id))?.sequence).toBe(7);
      }
    });

    test("keeps the first of two records with one sequence", async () => {
      const phonebook = await open();
      await phonebook.publish(signTwinRecord(ada, content));
      await phonebook.publish(signTwinRecord(ada, { ...content, name: "Someone" }));
      expect((await phonebook.resolve(ada.id))?.name).toBe("Ada");
    });

    test("refuses a record that its twin did not sign and keeps what it has", async () => {
      const phonebook = await open();
      await phonebook.publish(signTwinRecord(ada, content));
      const forged = signTwinRecord({ ...ben, id: ben.id }, { ...content, sequence: 9 });
      forged[forged.length - 1]! ^= 1;
      await expect(phonebook.publish(forged)).rejects.toMatchObject({ code: "TWIN_RECORD_INVALID" });
      await expect(phonebook.publish(new Uint8Array())).rejects.toMatchObject({ code: "TWIN_RECORD_INVALID" });
      expect(await phonebook.resolve(ben.id)).toBeUndefined();
      expect((await phonebook.resolve(ada.id))?.sequence).toBe(5);
    });

    test("owns what it keeps: later changes of the caller's bytes do not matter", async () => {
      const phonebook = await open();
      const signed = signTwinRecord(ada, content);
      await phonebook.publish(signed);
      signed.fill(0);
      expect((await phonebook.resolve(ada.id))?.name).toBe("Ada");
    });
  });
}
