// Which capabilities the twin has, one row each in `$capabilities`. A removed one leaves its row, so
// that nobody else's module of the same name ever gets its data. Its name is that of its manifest, or
// `name@MAJOR` when it stands beside another major version: tables, grants and calls go by that name.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { canonicalJson } from "../packages/canonical-json.ts";
import { findByAddress, nameBeside, providerOf } from "../packages/dependencies.ts";
import type { CapabilityPackage, InstalledCapability, Manifest, PermissionRequest } from "../packages/manifest.ts";
import type { Review } from "../packages/review.ts";
import { compareVersions, majorVersion } from "../packages/version.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import { FIRST_KEY } from "./row-key.ts";

const NAMESPACE = "$capabilities";

/** What a row says. */
export interface CapabilityRow {
  readonly manifest: Manifest;
  /** Whether its name is `name@MAJOR`. */
  readonly beside?: boolean | undefined;
  /** What the owner granted, when that is less than the manifest asks for. */
  readonly granted?: readonly PermissionRequest[] | undefined;
  readonly reviews?: readonly Review[] | undefined;
  /** did:key of the publisher. */
  readonly publisher: string;
  /** Hex hash of the package file. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly installedAtMs: number;
  readonly removedAtMs?: number | undefined;
  /** Whether it was removed so long ago that its data is gone. */
  readonly swept?: boolean | undefined;
}

/** A row of the register, with the name that it has here. */
export interface CapabilityRecord extends CapabilityRow {
  readonly name: string;
}

/** The record of a row. */
export function recordOfRow(row: CapabilityRow): CapabilityRecord {
  return { ...row, name: row.beside === true ? nameBeside(row.manifest) : row.manifest.name };
}

/** The row of a record. */
export function rowOfRecord(record: CapabilityRecord): CapabilityRow {
  const { name: _name, ...row } = record;
  return row;
}

/** What the capability may do. */
export function grantedTo({ granted, manifest }: CapabilityRow): readonly PermissionRequest[] {
  return granted ?? manifest.permissions;
}

/** The register of one twin. */
export interface CapabilityRegister {
  /** The installed capability of exactly that name. */
  find(name: string): CapabilityRecord | undefined;
  /** The installed capability that the address means: `name`, or `name@MAJOR` whatever it is called here. */
  resolve(address: string): CapabilityRecord | undefined;
  /** The one that answers when `user` calls `called`, by what it depends on. */
  providerOf(user: Manifest, called: string): CapabilityRecord | undefined;
  /** Also a removed one. */
  findRow(name: string): CapabilityRecord | undefined;
  /** Installed ones, by name. */
  list(): readonly CapabilityRecord[];
  /** Also removed ones. */
  rows(): readonly CapabilityRecord[];
  /** The write that records; call `reload` once it was committed. */
  prepare(record: CapabilityRecord): StateWrite;
  reload(): void;
}

/** The register over the tables of `store`. */
export function createCapabilityRegister(store: Pick<StateStore, "scan">): CapabilityRegister {
  let rows = readRows(store);
  let installed = [...rows.values()].filter(isInstalled);
  const find = (name: string): CapabilityRecord | undefined => {
    const row = rows.get(name);
    return row !== undefined && isInstalled(row) ? row : undefined;
  };
  return {
    find,
    resolve: (address) => find(address) ?? findByAddress(installed, address),
    providerOf: (user, called) => providerOf(installed, user, called),
    findRow: (name) => rows.get(name),
    list: () => installed,
    rows: () => [...rows.values()],
    prepare: (record) => ({
      namespace: NAMESPACE,
      key: utf8Encode(record.name),
      value: jsonEncode(rowOfRecord(record)),
    }),
    reload: () => {
      rows = readRows(store);
      installed = [...rows.values()].filter(isInstalled);
    },
  };
}

function isInstalled({ removedAtMs }: CapabilityRecord): boolean {
  return removedAtMs === undefined;
}

function readRows(store: Pick<StateStore, "scan">): Map<string, CapabilityRecord> {
  const entries = store.scan({ namespace: NAMESPACE, start: FIRST_KEY, limit: Number.MAX_SAFE_INTEGER });
  const records = entries.map((entry) => recordOfRow(jsonDecode(entry.value) as CapabilityRow));
  return new Map(records.map((record) => [record.name, record]));
}

/** What the owner sees of a record. */
export function describeCapability(record: CapabilityRecord): InstalledCapability {
  const { name, manifest, publisher, hash, sizeBytes, installedAtMs, reviews = [] } = record;
  const { version, title, description, methods, dependencies = {} } = manifest;
  const permissions = grantedTo(record);
  const granted = new Set(permissions.map((request) => canonicalJson(request.permission)));
  const withheld = manifest.permissions.filter(({ permission }) => !granted.has(canonicalJson(permission)));
  return {
    name,
    version,
    title,
    description,
    publisher,
    hash,
    sizeBytes,
    installedAtMs,
    permissions,
    withheld,
    dependencies,
    reviewers: reviews.map(({ reviewer }) => reviewer),
    methods,
  };
}

/**
 * The name that a package gets: `name@MAJOR` where that stands already, or when it is to stand `beside`
 * another major version that has the plain name; else the plain name.
 */
export function nameFor(register: CapabilityRegister, { name, version }: Manifest, beside: boolean): string {
  const own = nameBeside({ name, version });
  if (register.find(own) !== undefined) return own;
  const plain = beside ? register.findRow(name) : undefined;
  return plain === undefined || majorVersion(plain.manifest.version) === majorVersion(version) ? name : own;
}

/**
 * Throws `TWIN_PACKAGE_CONFLICT` unless `next` may follow `current`: the same publisher as all that
 * have had its name here, and either the very same package or a higher version. A version has one hash
 * for ever.
 */
export function checkSuccession(
  register: CapabilityRegister,
  current: CapabilityRecord | undefined,
  next: CapabilityPackage,
): void {
  const { name, version } = next.manifest;
  const other = register.rows().find((row) => row.manifest.name === name && row.publisher !== next.publisher);
  if (other !== undefined) {
    const why = `${name} is of the publisher ${other.publisher} here, whose data would fall into the hands of ${next.publisher}; its author signs it with the key of the first, or gives it another name`;
    throw conflict(why, next);
  }
  if (current === undefined || current.hash === next.hash) return;
  const order = compareVersions(version, current.manifest.version);
  if (order === 0)
    throw conflict(`${name} ${version} is here with another content; a changed package needs a higher version`, next);
  if (order < 0) {
    const why = `${current.name} ${current.manifest.version} is here, which is newer than ${version}; to go back use: twin capability rollback ${current.name}`;
    throw conflict(why, next);
  }
}

/** The error for a name that nothing installed has. */
export function unknownCapability(): TwinError {
  return new TwinError(
    "TWIN_PACKAGE_UNKNOWN",
    "There is no such capability; what is installed shows: twin capability list",
  );
}

function conflict(why: string, { manifest }: CapabilityPackage): TwinError {
  return new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, {
    name: manifest.name,
    version: manifest.version,
  });
}
