// Which capabilities the twin has, one row each in `$capabilities`. A removed one leaves its row, so
// that nobody else's module of the same name ever gets its data.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { CapabilityPackage, InstalledCapability, Manifest } from "../packages/manifest.ts";
import { compareVersions } from "../packages/version.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import { FIRST_KEY } from "./row-key.ts";

const NAMESPACE = "$capabilities";

/** A row of the register. */
export interface CapabilityRecord {
  readonly manifest: Manifest;
  /** did:key of the publisher. */
  readonly publisher: string;
  /** Hex hash of the package file. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly installedAtMs: number;
  readonly removedAtMs?: number | undefined;
}

/** The register of one twin. */
export interface CapabilityRegister {
  /** The installed capability of that name. */
  find(name: string): CapabilityRecord | undefined;
  /** Also a removed one. */
  findRow(name: string): CapabilityRecord | undefined;
  /** Installed ones, by name. */
  list(): CapabilityRecord[];
  /** The write that records; call `reload` once it was committed. */
  prepare(record: CapabilityRecord): StateWrite;
  reload(): void;
}

/** The register over the tables of `store`. */
export function createCapabilityRegister(store: Pick<StateStore, "scan">): CapabilityRegister {
  let rows = readRows(store);
  const find = (name: string): CapabilityRecord | undefined => {
    const row = rows.get(name);
    return row?.removedAtMs === undefined ? row : undefined;
  };
  return {
    find,
    findRow: (name) => rows.get(name),
    list: () => [...rows.values()].filter((row) => row.removedAtMs === undefined),
    prepare: (record) => ({
      namespace: NAMESPACE,
      key: utf8Encode(record.manifest.name),
      value: jsonEncode(record),
    }),
    reload: () => {
      rows = readRows(store);
    },
  };
}

function readRows(store: Pick<StateStore, "scan">): Map<string, CapabilityRecord> {
  const entries = store.scan({ namespace: NAMESPACE, start: FIRST_KEY, limit: Number.MAX_SAFE_INTEGER });
  const records = entries.map((entry) => jsonDecode(entry.value) as CapabilityRecord);
  return new Map(records.map((record) => [record.manifest.name, record]));
}

/** What the owner sees of a record. */
export function describeCapability(record: CapabilityRecord): InstalledCapability {
  const { manifest, publisher, hash, sizeBytes, installedAtMs } = record;
  const { name, version, title, description, permissions, methods } = manifest;
  return { name, version, title, description, publisher, hash, sizeBytes, installedAtMs, permissions, methods };
}

/**
 * Throws `TWIN_PACKAGE_CONFLICT` unless `next` may follow `current`: the same publisher, and either
 * the very same package or a higher version. A version has one hash for ever.
 */
export function checkSuccession(current: CapabilityRecord | undefined, next: CapabilityPackage): void {
  if (current === undefined || current.hash === next.hash) return;
  const { name, version } = next.manifest;
  if (current.publisher !== next.publisher) {
    throw conflict(`${name} is of another publisher here; its data would fall into the hands of this one`, next);
  }
  const order = compareVersions(version, current.manifest.version);
  if (order === 0)
    throw conflict(`${name} ${version} is here with another content; a changed package needs a higher version`, next);
  if (order < 0) throw conflict(`${name} ${current.manifest.version} is here, which is newer than ${version}`, next);
}

function conflict(why: string, { manifest }: CapabilityPackage): TwinError {
  return new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, {
    name: manifest.name,
    version: manifest.version,
  });
}
