// One version in the place of another: the migration runs on a fork (a write set over the live tables)
// under full metering, the owner sees the difference, and code, data and what a rollback needs are
// committed in one record. Whatever fails leaves everything as it was.

import { concatBytes, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import type { CapabilityPackage, InstalledCapability, Manifest } from "../packages/manifest.ts";
import { readPackage } from "../packages/package-file.ts";
import {
  compareManifests,
  type MethodUse,
  type MigrationReport,
  type UpgradeReport,
} from "../packages/upgrade-report.ts";
import type { StateEntry, StateWrite } from "../state/state-store.ts";
import type { CallRun } from "./call-run.ts";
import { type CapabilityRecord, checkSuccession, describeCapability } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { callFuelOf } from "./guest-shelf.ts";
import { keepRecord, keepTables, keptRecord, lockedHash, lockVersion, swapTables } from "./installation-history.ts";
import { commitChange, exposureWrites, startTrial } from "./installation-steps.ts";

/** What the owner says yes to: rights that grow, and users of methods that would fail. */
export type UpgradeConsent = "permissions" | "breaks";

/** An upgrade, or with `dryRun` only the look at it. */
export interface UpgradeRequest {
  readonly packageBytes: Uint8Array;
  readonly dryRun?: boolean | undefined;
  readonly accept?: readonly UpgradeConsent[] | undefined;
}

/** The method that moves data from one data version to the next. */
const MIGRATE = "migrate";
const COUNT_PAGE_LENGTH = 16;
const ZERO = Uint8Array.of(0);

/**
 * Installs the package in the place of the version that is there, or anew. Throws
 * `TWIN_PACKAGE_CONFLICT` for what may not follow, `TWIN_PACKAGE_MIGRATION` when the migration fails or
 * breaks what it declares, `TWIN_PACKAGE_CONSENT` for rights that grow and `TWIN_PACKAGE_NEEDED` for
 * methods that others use, unless they are accepted. Nothing is changed then.
 */
export async function upgradeCapability(core: EngineCore, request: UpgradeRequest): Promise<UpgradeReport> {
  const { accept = [], dryRun = false } = request;
  const pack = readPackage(request.packageBytes, core.kernels);
  const { name } = pack.manifest;
  const current = core.register.findRow(name);
  checkLock(core, current, pack);
  const record = recordOf(core, pack, current);
  const trial = tryUpgrade(core, { record, pack, current });
  const report: UpgradeReport = {
    ...compareManifests({ from: current, to: record, uses: current === undefined ? [] : usesOf(core, name) }),
    migration: trial.migration,
  };
  try {
    if (dryRun) return report;
    checkConsent(report, accept);
    core.packages.write(pack);
    await commitChange(core, [
      ...trial.run.writes.writes(),
      ...(current === undefined || current.hash === record.hash
        ? []
        : [...keepTables(core.store, name), keepRecord(name, { ...current, removedAtMs: undefined })]),
      core.register.prepare(record),
      lockVersion(record),
      ...exposureWrites(core, record.manifest, current?.removedAtMs === undefined ? current?.manifest : undefined),
    ]);
    return report;
  } finally {
    // The guest of the trial may remember what was not committed.
    core.shelf.evict(name);
  }
}

/**
 * Goes back to the version before, with its data as it was when it was left; the version that is left
 * is kept in turn. Throws `TWIN_PACKAGE_UNKNOWN`, and `TWIN_PACKAGE_CONFLICT` when none is kept.
 */
export async function rollBackCapability(core: EngineCore, name: string): Promise<InstalledCapability> {
  const current = core.register.find(name);
  if (current === undefined) throw new TwinError("TWIN_PACKAGE_UNKNOWN", "There is no such capability to roll back.");
  const before = keptRecord(core.store, name);
  if (before === undefined) {
    const message = `${name} ${current.manifest.version} has no version before it that could be rolled back to.`;
    throw new TwinError("TWIN_PACKAGE_CONFLICT", message, { name });
  }
  startTrial(core, before, core.packages.read(before.hash));
  core.shelf.evict(name);
  const writes = [...swapTables(core.store, name), keepRecord(name, current), core.register.prepare(before)];
  await commitChange(core, writes);
  return describeCapability(before);
}

function checkLock(core: EngineCore, current: CapabilityRecord | undefined, pack: CapabilityPackage): void {
  const { name, version, dataVersion } = pack.manifest;
  checkSuccession(current, pack);
  const locked = lockedHash(core.store, name, version);
  if (locked !== undefined && locked !== pack.hash) {
    const why = `${name} ${version} was here with another content; a changed package needs a version of its own`;
    throw new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, { name, version });
  }
  if (current !== undefined && dataVersion < current.manifest.dataVersion) {
    const why = `its data version ${dataVersion} is older than the ${current.manifest.dataVersion} of the data that is here`;
    throw new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, { name, version });
  }
}

function recordOf(core: EngineCore, pack: CapabilityPackage, current: CapabilityRecord | undefined): CapabilityRecord {
  const { manifest, publisher, hash, bytes } = pack;
  const installedAtMs = current?.hash === hash ? current.installedAtMs : core.clock.nowMs();
  return { manifest, publisher, hash, sizeBytes: bytes.length, installedAtMs };
}

/** Starts the module and runs its migration, if it has one to run, in a run that is not committed. */
function tryUpgrade(
  core: EngineCore,
  {
    record,
    pack,
    current,
  }: { record: CapabilityRecord; pack: CapabilityPackage; current: CapabilityRecord | undefined },
): { readonly run: CallRun; readonly migration: MigrationReport | undefined } {
  const { run, loaded } = startTrial(core, record, pack);
  const [from, to] = [current?.manifest.dataVersion, record.manifest.dataVersion];
  if (from === undefined || from === to) return { run, migration: undefined };
  const { name, version } = record.manifest;
  try {
    if (record.manifest.migration === undefined) {
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
      fuel: callFuelOf(record.manifest),
    });
    const writes = run.writes.writes();
    checkReach(name, run, writes);
    checkKept(core, run, { name, prefixes: keptPrefixes(current!.manifest, record.manifest) });
    return { run, migration: { fromDataVersion: from, toDataVersion: to, fuel, rowsChanged: writes.length } };
  } catch (thrown) {
    core.shelf.evict(name);
    const error = toTwinError(thrown);
    const message = `The migration to ${name} ${version} did not hold, so nothing was changed: ${error.message}`;
    throw new TwinError("TWIN_PACKAGE_MIGRATION", message, { name, version, code: error.code }, thrown);
  }
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

/** Which methods others were given: capabilities by what they ask for, experiences by their grants. */
function usesOf(core: EngineCore, name: string): MethodUse[] {
  const ofCapabilities = core.register
    .list()
    .flatMap(({ manifest }) =>
      manifest.permissions.flatMap(({ permission }) =>
        typeof permission === "object" && permission.call === name
          ? permission.methods.map((method) => ({ user: `capability:${manifest.name}`, method }))
          : [],
      ),
    );
  const ofExperiences = core.grants
    .list()
    .filter(({ holder, capability }) => capability === name && holder.startsWith("experience:"))
    .flatMap(({ holder, methods }) => methods.map((method) => ({ user: holder, method })));
  return [...ofCapabilities, ...ofExperiences];
}

function checkConsent(report: UpgradeReport, accept: readonly UpgradeConsent[]): void {
  const { name, fromVersion, toVersion, permissionsAdded, breaks } = report;
  if (fromVersion === undefined) return;
  if (permissionsAdded.length > 0 && !accept.includes("permissions")) {
    const more = permissionsAdded.map(({ permission }) =>
      typeof permission === "string" ? permission : `call ${permission.call}`,
    );
    const message = `${name} ${toVersion} asks for more than ${fromVersion}: ${more.join(", ")}. The owner has to accept it.`;
    throw new TwinError("TWIN_PACKAGE_CONSENT", message, { permissions: more.join(", ") });
  }
  if (breaks.length > 0 && !accept.includes("breaks")) {
    const users = [...new Set(breaks.map(({ user, method }) => `${user} (${method})`))];
    const message = `${name} ${toVersion} would break ${users.join(", ")}. Upgrade or remove them first, or accept it.`;
    throw new TwinError("TWIN_PACKAGE_NEEDED", message, { by: users.join(", ") });
  }
}
