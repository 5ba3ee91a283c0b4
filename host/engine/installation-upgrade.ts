// One version in the place of another: the owner sees the difference, and code, data and what a
// rollback needs are committed in one record. Whatever fails leaves everything as it was.

import { TwinError } from "../base/errors.ts";
import { checkDependencies } from "../packages/dependencies.ts";
import { heldPermissions } from "../packages/held-permissions.ts";
import type { CapabilityPackage, InstalledCapability } from "../packages/manifest.ts";
import { readPackage } from "../packages/package-file.ts";
import { checkPackage } from "../packages/package-policy.ts";
import { compareManifests, type UpgradeReport } from "../packages/upgrade-report.ts";
import {
  type CapabilityRecord,
  checkSuccession,
  describeCapability,
  grantedTo,
  nameFor,
  unknownCapability,
} from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { measureFuel } from "./installation-fuel.ts";
import {
  keepVersion,
  type KeptVersion,
  keptVersions,
  lockedHash,
  lockVersion,
  swapVersions,
} from "./installation-history.ts";
import { commitChange, exposureWrites, startTrial } from "./installation-steps.ts";
import { sweepPackages } from "./installation-sweep.ts";
import { dropParticipants, type Trial, tryVersion, type VersionStep } from "./installation-trial.ts";
import { checkConsent, dependentsOf, usesOf } from "./installation-users.ts";
import { readPackagePolicy } from "./package-rule.ts";
import type { RollBackRequest, UpgradeRequest } from "./version-change.ts";

/**
 * Installs the package in the place of the version that is there, beside it, or anew. Throws
 * `TWIN_PACKAGE_CONFLICT` for what may not follow, `TWIN_PACKAGE_REFUSED` for a publisher whom the owner
 * refuses, `TWIN_PACKAGE_REVIEW` and `TWIN_PACKAGE_DEPENDENCY` for what is missing, `TWIN_PACKAGE_MIGRATION` when the migration fails or breaks what it declares,
 * `TWIN_PACKAGE_CONSENT` for rights that grow and `TWIN_PACKAGE_NEEDED` for what others use, unless these
 * are accepted. Nothing is changed then.
 */
export async function upgradeCapability(core: EngineCore, request: UpgradeRequest): Promise<UpgradeReport> {
  const { accept = [], dryRun = false, withhold = false } = request;
  const step = judgePackage(core, request);
  const { record, pack, before } = step;
  const trial = tryVersion(core, step);
  try {
    const report = reportOf(core, step, trial);
    if (dryRun) return before === undefined ? report : { ...report, fuel: measureFuel(core, before, trial) };
    checkConsent(report, withhold ? [...accept, "permissions"] : accept);
    core.packages.write(pack);
    const current = before?.removedAtMs === undefined ? before : undefined;
    await commitChange(core, [
      ...trial.run.writes.writes(),
      ...(before === undefined || before.hash === record.hash
        ? []
        : keepVersion(core.store, { record: before, nowMs: core.clock.nowMs() }, record)),
      core.register.prepare(record),
      lockVersion(record),
      ...exposureWrites(core, record, current?.manifest),
    ]);
    sweepPackages(core);
    return report;
  } finally {
    // The guests of the trial may remember what was not committed.
    dropParticipants(core, trial.run);
    core.shelf.evict(record.name);
  }
}

/**
 * Goes back to a version that was left, with its data as it was then; the version that is left now is
 * kept in turn. Throws `TWIN_PACKAGE_UNKNOWN`, `TWIN_PACKAGE_CONFLICT` when it is not kept, and
 * `TWIN_PACKAGE_NEEDED` for what others use of the version that is left, unless `breaks` is accepted.
 */
export async function rollBackCapability(
  core: EngineCore,
  { name, version, accept = [] }: RollBackRequest,
): Promise<InstalledCapability> {
  const current = core.register.find(name);
  if (current === undefined) throw unknownCapability();
  const target = findTarget(core, current, version);
  const before = target.record;
  checkDependencies(before.manifest, core.register.list());
  const compared = compareManifests({ from: current, to: before, held: grantedTo(current), uses: usesOf(core, name) });
  // What it was granted once it may have again.
  checkConsent({ ...compared, dependents: dependentsOf(core, name, before) }, [...accept, "permissions"]);
  startTrial(core, before, core.packages.read(before.hash));
  core.shelf.evict(name);
  const leaving = { record: current, nowMs: core.clock.nowMs() };
  await commitChange(core, [...swapVersions(core.store, leaving, target), core.register.prepare(before)]);
  return describeCapability(before);
}

function findTarget(core: EngineCore, { name, manifest }: CapabilityRecord, version: string | undefined): KeptVersion {
  const kept = keptVersions(core.store, name);
  const target = version === undefined ? kept[0] : kept.find(({ record }) => record.manifest.version === version);
  if (target !== undefined) return target;
  const others = kept.map(({ record }) => record.manifest.version).join(", ");
  const message =
    others === ""
      ? `${name} ${manifest.version} has no version before it that could be rolled back to.`
      : `${name} is ${manifest.version} and has no ${version} to go back to. Kept are: ${others}.`;
  throw new TwinError("TWIN_PACKAGE_CONFLICT", message, { name });
}

/** What can be said of a package without running it: who may follow whom, reviews, dependencies. */
function judgePackage(core: EngineCore, request: UpgradeRequest): VersionStep {
  const { withhold = false, beside = false } = request;
  const pack = readPackage(request.packageBytes, core.kernels);
  const name = nameFor(core.register, pack.manifest, beside);
  const row = core.register.findRow(name);
  checkLock(core, row, pack);
  const current = row?.removedAtMs === undefined ? row : undefined;
  if (current?.hash !== pack.hash) checkPackage(pack, readPackagePolicy(core.store));
  checkDependencies(
    pack.manifest,
    core.register.list().filter((other) => other.name !== name),
  );
  const record = recordOf(core, pack, { name, row });
  const before = row?.swept === true ? undefined : row;
  if (!withhold || before === undefined) return { record, pack, before };
  return {
    record: { ...record, granted: heldPermissions(pack.manifest.permissions, grantedTo(before)) },
    pack,
    before,
  };
}

function reportOf(core: EngineCore, { record, before }: VersionStep, trial: Trial): UpgradeReport {
  const { name } = record;
  const held = before === undefined ? [] : grantedTo(before);
  return {
    ...compareManifests({ from: before, to: record, held, uses: before === undefined ? [] : usesOf(core, name) }),
    dependents: dependentsOf(core, name, record),
    migration: trial.migration,
  };
}

function checkLock(core: EngineCore, row: CapabilityRecord | undefined, pack: CapabilityPackage): void {
  const { name, version, dataVersion } = pack.manifest;
  checkSuccession(core.register, row?.swept === true ? undefined : row, pack);
  const locked = lockedHash(core.store, name, version);
  if (locked !== undefined && locked !== pack.hash) {
    const why = `${name} ${version} was here with another content; a changed package needs a version of its own`;
    throw new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, { name, version });
  }
  if (row !== undefined && row.swept !== true && dataVersion < row.manifest.dataVersion) {
    const why = `its data version ${dataVersion} is older than the ${row.manifest.dataVersion} of the data that is here`;
    throw new TwinError("TWIN_PACKAGE_CONFLICT", `This package cannot be installed: ${why}.`, { name, version });
  }
}

function recordOf(
  core: EngineCore,
  { manifest, publisher, hash, bytes, reviews }: CapabilityPackage,
  { name, row }: { readonly name: string; readonly row: CapabilityRecord | undefined },
): CapabilityRecord {
  return {
    name,
    ...(name === manifest.name ? {} : { beside: true }),
    manifest,
    publisher,
    hash,
    sizeBytes: bytes.length,
    installedAtMs: row?.hash === hash ? row.installedAtMs : core.clock.nowMs(),
    ...(reviews.length === 0 ? {} : { reviews }),
  };
}
