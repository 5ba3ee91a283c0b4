// The smallest phonebook: records in a map. It shows that the port's suite asks for nothing more.

import type { Phonebook, SignedTwinRecord } from "../../host/phonebook/phonebook.ts";
import { decodeTwinRecord } from "../../host/phonebook/twin-record.ts";

/** A {@link Phonebook} that forgets with the process. */
export function createMemoryPhonebook(): Phonebook {
  const newest = new Map<string, SignedTwinRecord>();
  return {
    resolve: async (twin) => {
      const signed = newest.get(twin);
      return signed === undefined ? undefined : decodeTwinRecord(signed);
    },
    publish: async (signed) => {
      const record = decodeTwinRecord(signed);
      const known = newest.get(record.twin);
      if (known === undefined || decodeTwinRecord(known).sequence < record.sequence)
        newest.set(record.twin, signed.slice());
    },
  };
}
