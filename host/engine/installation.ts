// Capabilities come and go. An install judges the whole package before anything is written; the
// file stands before the row that names it.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { checkDependencies } from "../packages/dependencies.ts";
import type { CapabilityPackage, InstalledCapability, RemovedCapability } from "../packages/manifest.ts";
import { packageFile, readPackage } from "../packages/package-file.ts";
import { checkPublisher } from "../packages/package-policy.ts";
import type { Review } from "../packages/review.ts";
import { type CapabilityRecord, describeCapability, nameFor, unknownCapability } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { keepGrants, keptGrants } from "./installation-history.ts";
import { commitChange, startTrial } from "./installation-steps.ts";
import { upgradeCapability } from "./installation-upgrade.ts";
import { checkUnneeded } from "./installation-users.ts";
import { readPackagePolicy } from "./package-rule.ts";

/**
 * Installs the package, or a higher version of an installed one; throws as {@link upgradeCapability}. The
 * same package again changes nothing, but repairs its file and brings new reviews.
 */
export async function installCapability(core: EngineCore, packageBytes: Uint8Array): Promise<InstalledCapability> {
  const pack = readPackage(packageBytes, core.kernels);
  const name = nameFor(core.register, pack.manifest, false);
  const current = core.register.find(name);
  if (current?.hash === pack.hash) return await installAgain(core, current, pack);
  await upgradeCapability(core, { packageBytes });
  return describeCapability(core.register.find(name)!);
}

async function installAgain(
  core: EngineCore,
  current: CapabilityRecord,
  pack: CapabilityPackage,
): Promise<InstalledCapability> {
  startTrial(core, current, pack);
  core.packages.write(pack);
  const known = current.reviews ?? [];
  const fresh = pack.reviews.filter((review) => !isKnown(known, review));
  if (fresh.length === 0) return core.whenDurable(() => describeCapability(current));
  const record = { ...current, reviews: [...known, ...fresh].slice(0, LIMITS.packages.reviewCount) };
  await commitChange(core, [core.register.prepare(record)]);
  return describeCapability(record);
}

function isKnown(known: readonly Review[], { reviewer }: Review): boolean {
  return known.some((other) => other.reviewer === reviewer);
}

/**
 * Removes the capability and ends every grant for it and of it. Its tables and its row stay, the tables
 * for `LIMITS.packages.removedKeptMs`. Throws `TWIN_PACKAGE_UNKNOWN`, and `TWIN_PACKAGE_NEEDED` while
 * others call it or depend on it.
 */
export async function removeCapability(core: EngineCore, name: string): Promise<void> {
  const record = core.register.find(name);
  if (record === undefined) throw unknownCapability();
  checkUnneeded(core, name);
  const ended = core.grants
    .list()
    .filter(({ capability, holder }) => capability === name || holder === `capability:${name}`);
  await commitChange(core, [
    core.register.prepare({ ...record, removedAtMs: core.clock.nowMs() }),
    keepGrants(name, ended),
    ...ended.map(({ id }) => core.grants.prepareRevoke(id)),
  ]);
  core.shelf.evict(name);
}

/**
 * Takes a removal back, with the data and the grants that it ended. Throws `TWIN_PACKAGE_UNKNOWN` when
 * nothing of that name was removed in the last 30 days, `TWIN_PACKAGE_REFUSED` when the owner refuses its
 * publisher by now, and `TWIN_PACKAGE_DEPENDENCY` when what it needs has gone.
 */
export async function restoreCapability(core: EngineCore, name: string): Promise<InstalledCapability> {
  const row = core.register.findRow(name);
  if (row === undefined || !isRestorable(core, row)) {
    const message = "No capability of that name was removed, or too long ago: its data is deleted after 30 days.";
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", message);
  }
  checkPublisher({ name, publisher: row.publisher }, readPackagePolicy(core.store));
  checkDependencies(row.manifest, core.register.list());
  const record: CapabilityRecord = { ...row, removedAtMs: undefined };
  startTrial(core, record, core.packages.read(record.hash));
  const nowMs = core.clock.nowMs();
  const again = keptGrants(core.store, name).filter(({ expiresAtMs = Infinity }) => nowMs < expiresAtMs);
  await commitChange(core, [
    core.register.prepare(record),
    keepGrants(name, []),
    ...again.map((grant) => core.grants.prepare(grant, nowMs).write),
  ]);
  return describeCapability(record);
}

/** What can be restored, the last removed first. */
export function listRemoved(core: EngineCore): RemovedCapability[] {
  return core.register
    .rows()
    .filter((row) => isRestorable(core, row))
    .map(({ name, manifest: { version, title }, removedAtMs = 0 }) => {
      return { name, version, title, removedAtMs, keptUntilMs: removedAtMs + LIMITS.packages.removedKeptMs };
    })
    .toSorted((left, right) => right.removedAtMs - left.removedAtMs);
}

/** The package file of an installed capability, with all its reviews. Throws `TWIN_PACKAGE_UNKNOWN`. */
export function readPackageFile(core: EngineCore, address: string): Uint8Array<ArrayBuffer> {
  const record = core.register.resolve(address);
  if (record === undefined) throw unknownCapability();
  return packageFile({ ...core.packages.read(record.hash), reviews: record.reviews ?? [] });
}

function isRestorable(core: EngineCore, { removedAtMs, swept }: CapabilityRecord): boolean {
  if (removedAtMs === undefined || swept === true) return false;
  return core.clock.nowMs() < removedAtMs + LIMITS.packages.removedKeptMs;
}
