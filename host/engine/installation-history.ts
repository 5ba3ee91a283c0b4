// What upgrades, rollbacks and a removal can be taken back to: the records of the versions that were
// left, each with the data as it was then, and the grants that a removal ended. The last few are kept of
// each capability; the hash of every version that was ever here is kept for good.

import { concatBytes, jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
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

/** A version that was left, and can be gone back to. */
export interface KeptVersion {
  readonly record: CapabilityRecord;
  /** Later ones were left later: the clock at that time, or more. */
  readonly leftAtMs: number;
  /** Names its row and its tables: `NAME@VERSION`. Of a twin of an earlier build: the name alone. */
  readonly slot: string;
}

interface KeptRow extends CapabilityRow {
  readonly leftAtMs?: number | undefined;
}

/** What leaves the place of the installed version, and when. */
export interface Leaving {
  readonly record: CapabilityRecord;
  readonly nowMs: number;
}

/** Tables of a capability, and where a copy of each is kept in the slot. */
function tablesOf(name: string, slot: string): readonly { readonly live: string; readonly kept: string }[] {
  return [
    { live: name, kept: `$kept:${slot}` },
    { live: `$links:${name}`, kept: `$kept-links:${slot}` },
  ];
}

/** The versions that `name` can go back to, the one that was left last first. */
export function keptVersions(store: Reads, name: string): KeptVersion[] {
  return [...rowsOf(store, RECORDS)]
    .map(({ key, value }): KeptVersion => {
      const { leftAtMs = 0, ...row } = jsonDecode(value) as KeptRow;
      return { record: recordOfRow(row), leftAtMs, slot: utf8Decode(key) };
    })
    .filter(({ record }) => record.name === name)
    .toSorted((left, right) => right.leftAtMs - left.leftAtMs);
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
  yield* clearTable(store, to);
  for (const { key, value } of rowsOf(store, from)) yield { namespace: to, key, value };
}

/** The writes after which the table has no row. */
function* clearTable(store: Reads, namespace: string): Generator<StateWrite, void> {
  for (const { key } of rowsOf(store, namespace)) yield { namespace, key, value: undefined };
}

/** The writes that keep `leaving`, which `next` takes the place of, with a copy of its data; and that forget what nobody goes back to any more. */
export function keepVersion(store: Reads, leaving: Leaving, next: CapabilityRecord): StateWrite[] {
  const kept = keptVersions(store, next.name);
  // Its data is made anew of what is there now.
  const redone = kept.filter(({ record }) => record.manifest.version === next.manifest.version);
  const others = kept.filter((version) => !redone.includes(version) && version.slot !== slotOf(leaving.record));
  const old = others.slice(LIMITS.packages.keptVersionCount - 1);
  return [
    ...[...redone, ...old].flatMap((version) => forgetVersion(store, version)),
    ...keepCopy(store, leaving, kept),
  ];
}

/** The writes that put the data of `target` in the place of that of `leaving`, which is kept in turn. */
export function swapVersions(store: Reads, leaving: Leaving, target: KeptVersion): StateWrite[] {
  const { name } = leaving.record;
  return [
    ...keepCopy(store, leaving, keptVersions(store, name)),
    ...tablesOf(name, target.slot).flatMap(({ live, kept }) => [...copyTable(store, kept, live)]),
    ...forgetVersion(store, target),
  ];
}

/** The writes that delete the tables of `name`, and what a rollback or a restore would need. */
export function forgetTables(store: Reads, name: string): StateWrite[] {
  return [
    ...tablesOf(name, name).flatMap(({ live }) => [...clearTable(store, live)]),
    ...keptVersions(store, name).flatMap((version) => forgetVersion(store, version)),
    keepGrants(name, []),
  ];
}

function slotOf({ name, manifest }: CapabilityRecord): string {
  return `${name}@${manifest.version}`;
}

function keepCopy(store: Reads, { record, nowMs }: Leaving, kept: readonly KeptVersion[]): StateWrite[] {
  const slot = slotOf(record);
  const row: KeptRow = {
    ...rowOfRecord({ ...record, removedAtMs: undefined }),
    leftAtMs: Math.max(nowMs, (kept[0]?.leftAtMs ?? 0) + 1),
  };
  return [
    ...tablesOf(record.name, slot).flatMap(({ live, kept: copy }) => [...copyTable(store, live, copy)]),
    { namespace: RECORDS, key: utf8Encode(slot), value: jsonEncode(row) },
  ];
}

function forgetVersion(store: Reads, { record, slot }: KeptVersion): StateWrite[] {
  return [
    ...tablesOf(record.name, slot).flatMap(({ kept }) => [...clearTable(store, kept)]),
    { namespace: RECORDS, key: utf8Encode(slot), value: undefined },
  ];
}
