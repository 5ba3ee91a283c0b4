// The phonebook of acquaintances: the newest record that each of them gave us, in a table of the
// twin's state. Works without any network.

import { utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { Phonebook, SignedTwinRecord, TwinRecord } from "./phonebook.ts";
import { decodeTwinRecord } from "./twin-record.ts";

const NAMESPACE = "$records";

/** The slice of the twin's tables that this needs; the engine's `readTable` and `writeTable` fit. */
export interface RecordTable {
  readTable(range: {
    readonly namespace: string;
    readonly start: Uint8Array;
    readonly end?: Uint8Array | undefined;
    readonly limit: number;
  }): Promise<{ readonly key: Uint8Array; readonly value: Uint8Array }[]>;
  writeTable(
    writes: readonly { readonly namespace: string; readonly key: Uint8Array; readonly value: Uint8Array | undefined }[],
  ): Promise<void>;
}

/** A {@link Phonebook} that can also list what it knows. Holds the twin's own record too. */
export interface ContactsPhonebook extends Phonebook {
  /** The signed bytes of the newest record of `twin`, to hand on, or undefined. */
  signedRecord(twin: TwinId): Promise<SignedTwinRecord | undefined>;
  /** The newest record of every twin known, in the order of their ids. */
  records(): Promise<TwinRecord[]>;
}

/** Keeps records in `table`; durable when `publish` resolves. */
export function createContactsPhonebook(table: RecordTable): ContactsPhonebook {
  // Read and write of a publish must not interleave with another's: an older record could win.
  let publishing: Promise<unknown> = Promise.resolve();

  const signedRecord = async (twin: TwinId): Promise<SignedTwinRecord | undefined> => {
    const key = utf8Encode(twin);
    const [entry] = await table.readTable({ namespace: NAMESPACE, start: key, end: successor(key), limit: 1 });
    return entry?.value;
  };
  const publish = async (signed: SignedTwinRecord): Promise<void> => {
    const record = decodeTwinRecord(signed);
    const known = await signedRecord(record.twin);
    if (known !== undefined && decodeTwinRecord(known).sequence >= record.sequence) return;
    await table.writeTable([{ namespace: NAMESPACE, key: utf8Encode(record.twin), value: signed.slice() }]);
  };

  return {
    signedRecord,
    resolve: async (twin, { signal } = {}) => {
      signal?.throwIfAborted();
      const signed = await signedRecord(twin);
      return signed === undefined ? undefined : decodeTwinRecord(signed);
    },
    publish: (signed) => {
      const published = publishing.then(() => publish(signed));
      publishing = published.catch(() => {});
      return published;
    },
    records: async () => {
      const records: TwinRecord[] = [];
      for (let start: Uint8Array = new Uint8Array(); ;) {
        const entries = await table.readTable({ namespace: NAMESPACE, start, limit: LIMITS.state.scanCount });
        records.push(...entries.map((entry) => decodeTwinRecord(entry.value)));
        const last = entries.at(-1);
        if (last === undefined || entries.length < LIMITS.state.scanCount) return records;
        start = successor(last.key);
      }
    },
  };
}

/** The first key behind `key`. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
