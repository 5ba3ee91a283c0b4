// Where twins are looked for: in what their contacts gave, then outside. Acquaintances never wait for the outside.

import type { Clock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { ContactsPhonebook } from "./contacts-phonebook.ts";
import type { TwinRecord } from "./phonebook.ts";
import type { TfchainPhonebook } from "./tfchain-phonebook.ts";

/** What a directory is made of. */
export interface DirectoryParts {
  readonly contacts: ContactsPhonebook;
  /** Absent: nobody outside is asked. */
  readonly outside?: TfchainPhonebook | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A record and where it was found. */
interface LocatedRecord {
  readonly record: TwinRecord;
  readonly source: "contacts" | "tfchain";
}

/** Finds twins, in the order of its sources. */
export interface Directory {
  /** What a contact gave at once, even when it has expired; else what is found outside. Undefined when nobody knows of it. Rejects when nobody does and the outside cannot be asked. */
  find(twin: TwinId, options?: { readonly signal?: AbortSignal | undefined }): Promise<LocatedRecord | undefined>;
  /** The record of a contact does not lead to it: if the outside has a newer one, that is kept from now on. Returns at once and never throws. */
  doubt(twin: TwinId): void;
}

/** The directory of one twin. */
export function createDirectory({ contacts, outside, clock, log }: DirectoryParts): Directory {
  const renew = async (twin: TwinId): Promise<void> => {
    // Only of contacts: strangers are not kept.
    const known = await contacts.resolve(twin);
    if (known === undefined || outside === undefined) return;
    const found = await outside.refresh(twin);
    if (found !== undefined) await contacts.publish(found.signed);
  };
  const doubt = (twin: TwinId): void => {
    if (outside === undefined) return;
    renew(twin).catch((thrown: unknown) => {
      const { code, message } = toTwinError(thrown);
      log.debug({ peer: twin, code }, message);
    });
  };
  return {
    find: async (twin, options) => {
      const known = await contacts.resolve(twin, options);
      if (known !== undefined) {
        if (known.expiresAtMs < clock.nowMs()) doubt(twin);
        return { record: known, source: "contacts" };
      }
      const found = await outside?.resolve(twin, options);
      return found === undefined ? undefined : { record: found, source: "tfchain" };
    },
    doubt,
  };
}
