// A version is tried before it takes the place of another: it starts, and its migration runs on a fork
// (a write set over the live tables) under full metering.

import { concatBytes, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import type { CapabilityPackage, Manifest } from "../packages/manifest.ts";
import type { MigrationReport } from "../packages/upgrade-report.ts";
import type { StateEntry, StateWrite } from "../state/state-store.ts";
import type { CallRun } from "./call-run.ts";
import type { CapabilityRecord } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { callFuelOf, type LoadedCapability } from "./guest-shelf.ts";
import { startTrial } from "./installation-steps.ts";

/** A version and the one in whose place it would stand, with the data of that one. */
export interface VersionStep {
  readonly record: CapabilityRecord;
  readonly pack: CapabilityPackage;
  readonly before: CapabilityRecord | undefined;
}

/** A version that has started, its migration done in `run`, which is not committed. */
export interface Trial {
  readonly run: CallRun;
  readonly loaded: LoadedCapability;
  readonly migration: MigrationReport | undefined;
}

/** The method that moves data from one data version to the next. */
export const MIGRATE = "migrate";
const COUNT_PAGE_LENGTH = 16;
const ZERO = Uint8Array.of(0);

/**
 * Starts the module and runs its migration, if it has one to run. Throws `TWIN_PACKAGE_MIGRATION` when
 * that fails, or breaks what it declares.
 */
export function tryVersion(core: EngineCore, { record, pack, before }: VersionStep): Trial {
  const { run, loaded } = startTrial(core, record, pack);
  const [from, to] = [before?.manifest.dataVersion, record.manifest.dataVersion];
  if (from === undefined || from === to) return { run, loaded, migration: undefined };
  const { name, manifest } = record;
  try {
    if (manifest.migration === undefined) {
      throw new TwinError(
        "TWIN_PACKAGE_MIGRATION",
        `The data version grows from ${from} to ${to}, but there is no migration.`,
      );
    }
    const { fuel } = core.runner.invoke(run, {
      loaded,
      method: MIGRATE,
      caller: { kind: "owner" },
      payload: jsonEncode({ from }),
      fuel: callFuelOf(manifest),
    });
    const writes = run.writes.writes();
    checkReach(name, run, writes);
    checkKept(core, run, { name, prefixes: keptPrefixes(before!.manifest, manifest) });
    return { run, loaded, migration: { fromDataVersion: from, toDataVersion: to, fuel, rowsChanged: writes.length } };
  } catch (thrown) {
    dropParticipants(core, run);
    const error = toTwinError(thrown);
    const message = `The migration to ${name} ${manifest.version} did not hold, so nothing was changed: ${error.message}`;
    throw new TwinError(
      "TWIN_PACKAGE_MIGRATION",
      message,
      { name, version: manifest.version, code: error.code },
      thrown,
    );
  }
}

/** Makes every guest forget that took part in a run that is not committed. */
export function dropParticipants(core: EngineCore, { participants }: CallRun): void {
  for (const loaded of participants) core.shelf.drop(loaded);
}

function checkReach(name: string, run: CallRun, writes: readonly StateWrite[]): void {
  const outside = writes.find(({ namespace }) => namespace !== name && namespace !== `$links:${name}`);
  const { scheduled, unscheduled } = run.timers;
  const effects = run.sends.length + run.events.length + scheduled.size + unscheduled.size;
  if (outside === undefined && effects === 0) return;
  throw new TwinError(
    "TWIN_PACKAGE_MIGRATION",
    "A migration changes its own data alone; it sends, emits, schedules and calls nothing.",
  );
}

/** What either version declares to survive. */
function keptPrefixes(...manifests: readonly Manifest[]): string[] {
  return [...new Set(manifests.flatMap(({ migration }) => migration?.keeps ?? []))];
}

function checkKept(
  core: EngineCore,
  run: CallRun,
  about: { readonly name: string; readonly prefixes: readonly string[] },
): void {
  for (const prefix of about.prefixes) {
    const range = prefixRange(about.name, prefix);
    const before = countRows((start, limit) => core.store.scan({ ...range, start, limit }), range.start);
    const after = countRows((start, limit) => run.writes.scan({ ...range, start, limit }, () => {}), range.start);
    if (after >= before) continue;
    const message = `it declares to keep all rows of ${JSON.stringify(prefix)} and left ${after} of ${before}`;
    throw new TwinError("TWIN_PACKAGE_MIGRATION", message);
  }
}

function prefixRange(
  namespace: string,
  prefix: string,
): { namespace: string; start: Uint8Array; end: Uint8Array | undefined } {
  const start = utf8Encode(prefix);
  if (start.length === 0) return { namespace, start, end: undefined };
  // UTF-8 has no byte 0xff, so the last one can always be raised.
  const end = start.slice();
  end[end.length - 1]! += 1;
  return { namespace, start, end };
}

function countRows(scan: (start: Uint8Array, limit: number) => readonly StateEntry[], first: Uint8Array): number {
  let count = 0;
  for (let start = first; ;) {
    const page = scan(start, COUNT_PAGE_LENGTH);
    count += page.length;
    if (page.length < COUNT_PAGE_LENGTH) return count;
    start = concatBytes(page.at(-1)!.key, ZERO);
  }
}
