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

interface Entry {
  readonly signed: SignedTwinRecord;
  readonly record: TwinRecord;
}

/**
 * Keeps records in `table`; durable when `publish` resolves. The table is read and checked once, at
 * the first use, then answered from memory: nothing else may write it.
 */
export function createContactsPhonebook(table: RecordTable): ContactsPhonebook {
  let loading: Promise<Map<TwinId, Entry>> | undefined;
  // Publishing must not interleave: of two records the older one could win.
  let publishing: Promise<unknown> = Promise.resolve();

  const entries = (): Promise<Map<TwinId, Entry>> => {
    loading ??= loadEntries(table).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const publish = async (signed: SignedTwinRecord): Promise<void> => {
    const record = decodeTwinRecord(signed);
    const known = await entries();
    if ((known.get(record.twin)?.record.sequence ?? 0) >= record.sequence) return;
    const entry = { signed: signed.slice(), record };
    // The table's own copy: what is written becomes the table's.
    await table.writeTable([{ namespace: NAMESPACE, key: utf8Encode(record.twin), value: entry.signed.slice() }]);
    known.set(record.twin, entry);
  };

  return {
    signedRecord: async (twin) => (await entries()).get(twin)?.signed.slice(),
    resolve: async (twin, { signal } = {}) => {
      signal?.throwIfAborted();
      return (await entries()).get(twin)?.record;
    },
    publish: (signed) => {
      const published = publishing.then(() => publish(signed));
      publishing = published.catch(() => {});
      return published;
    },
    records: async () => {
      const records = [...(await entries()).values()].map(({ record }) => record);
      return records.toSorted((left, right) => (left.twin < right.twin ? -1 : 1));
    },
  };
}

async function loadEntries(table: RecordTable): Promise<Map<TwinId, Entry>> {
  const known = new Map<TwinId, Entry>();
  for (let start: Uint8Array = new Uint8Array(); ;) {
    const page = await table.readTable({ namespace: NAMESPACE, start, limit: LIMITS.state.scanCount });
    for (const { value } of page) {
      const record = decodeTwinRecord(value);
      known.set(record.twin, { signed: value, record });
    }
    const last = page.at(-1);
    if (last === undefined || page.length < LIMITS.state.scanCount) return known;
    start = successor(last.key);
  }
}

/** The first key behind `key`. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
