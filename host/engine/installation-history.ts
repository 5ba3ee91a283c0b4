// What an upgrade or a removal can be taken back to: the record of the version before with the data
// as it was, and the grants that a removal ended. One step is kept for each capability; the hash of
// every version that was ever here is kept for good.

import { concatBytes, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import type { Grant } from "../grants/grant.ts";
import type { StateEntry, StateKey, StateStore, StateWrite } from "../state/state-store.ts";
import { type CapabilityRecord, type CapabilityRow, recordOfRow, rowOfRecord } from "./capability-register.ts";
import { FIRST_KEY } from "./row-key.ts";

const RECORDS = "$kept-records";
const GRANTS = "$kept-grants";
const LOCK = "$package-hashes";
const ZERO = Uint8Array.of(0);
/** A page of the largest values stays in small memory. */
const PAGE_LENGTH = 64;

type Reads = Pick<StateStore, "get" | "scan">;

/** Tables of a capability, and where a copy of each is kept. */
function tablesOf(name: string): readonly { readonly live: string; readonly kept: string }[] {
  return [
    { live: name, kept: `$kept:${name}` },
    { live: `$links:${name}`, kept: `$kept-links:${name}` },
  ];
}

/** The version that a rollback of `name` leads to. */
export function keptRecord(store: Reads, name: string): CapabilityRecord | undefined {
  const row = store.get({ namespace: RECORDS, key: utf8Encode(name) });
  return row === undefined ? undefined : recordOfRow(jsonDecode(row) as CapabilityRow);
}

/** Keeps `record` as what a rollback leads to. */
export function keepRecord(record: CapabilityRecord): StateWrite {
  return { namespace: RECORDS, key: utf8Encode(record.name), value: jsonEncode(rowOfRecord(record)) };
}

/** The grants that the removal of `name` ended. */
export function keptGrants(store: Reads, name: string): readonly Grant[] {
  const row = store.get({ namespace: GRANTS, key: utf8Encode(name) });
  return row === undefined ? [] : (jsonDecode(row) as Grant[]);
}

/** Keeps grants for the day that the removal is taken back. */
export function keepGrants(name: string, grants: readonly Grant[]): StateWrite {
  return { namespace: GRANTS, key: utf8Encode(name), value: grants.length === 0 ? undefined : jsonEncode(grants) };
}

/** The hash that this version of the capability has had here: it can never have another. */
export function lockedHash(store: Reads, name: string, version: string): string | undefined {
  const row = store.get(lockKey(name, version));
  return row === undefined ? undefined : (jsonDecode(row) as string);
}

/** Fixes the hash of a version for ever. */
export function lockVersion({ manifest, hash }: Pick<CapabilityRecord, "manifest" | "hash">): StateWrite {
  return { ...lockKey(manifest.name, manifest.version), value: jsonEncode(hash) };
}

function lockKey(name: string, version: string): StateKey {
  return { namespace: LOCK, key: utf8Encode(`${name}@${version}`) };
}

/** All rows of a table, read in pages. */
function* rowsOf(store: Reads, namespace: string): Generator<StateEntry, void> {
  let start: Uint8Array = FIRST_KEY;
  for (;;) {
    const page = store.scan({ namespace, start, limit: PAGE_LENGTH });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_LENGTH) return;
    start = concatBytes(last.key, ZERO);
  }
}

/** The writes after which the table `to` holds exactly what `from` holds now. */
function* copyTable(store: Reads, from: string, to: string): Generator<StateWrite, void> {
  for (const { key } of rowsOf(store, to)) yield { namespace: to, key, value: undefined };
  for (const { key, value } of rowsOf(store, from)) yield { namespace: to, key, value };
}

/** The writes that keep a copy of the tables of `name`, in place of an older copy. */
export function keepTables(store: Reads, name: string): StateWrite[] {
  return tablesOf(name).flatMap(({ live, kept }) => [...copyTable(store, live, kept)]);
}

/** The writes that put the kept copy in the place of the tables, and these in the place of the copy. */
export function swapTables(store: Reads, name: string): StateWrite[] {
  return tablesOf(name).flatMap(({ live, kept }) => [...copyTable(store, kept, live), ...copyTable(store, live, kept)]);
}

/** The writes that delete the tables of `name`, their copy, and what a rollback or a restore would need. */
export function forgetTables(store: Reads, name: string): StateWrite[] {
  const tables = tablesOf(name).flatMap(({ live, kept }) => [live, kept]);
  return [
    ...tables.flatMap((namespace) =>
      [...rowsOf(store, namespace)].map(({ key }) => ({ namespace, key, value: undefined })),
    ),
    { namespace: RECORDS, key: utf8Encode(name), value: undefined },
    keepGrants(name, []),
  ];
}
