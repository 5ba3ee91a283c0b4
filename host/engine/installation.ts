// Capabilities come and go. An install judges the whole package before anything is written; the
// file stands before the row that names it.

import { TwinError } from "../base/errors.ts";
import type { InstalledCapability, Manifest } from "../packages/manifest.ts";
import { readPackage } from "../packages/package-file.ts";
import { type CapabilityRecord, describeCapability } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import { keepGrants, keptGrants } from "./installation-history.ts";
import { commitChange, startTrial } from "./installation-steps.ts";
import { upgradeCapability } from "./installation-upgrade.ts";

/** Installs the package, or a higher version of an installed one. The same package again changes nothing, but repairs its file. */
export async function installCapability(core: EngineCore, packageBytes: Uint8Array): Promise<InstalledCapability> {
  const pack = readPackage(packageBytes, core.kernels);
  const { name } = pack.manifest;
  const current = core.register.find(name);
  if (current?.hash === pack.hash) {
    startTrial(core, current, pack);
    core.packages.write(pack);
    return core.whenDurable(() => describeCapability(current));
  }
  await upgradeCapability(core, { packageBytes });
  return describeCapability(core.register.find(name)!);
}

/**
 * Removes the capability and ends every grant for it and of it. Its tables and its row stay. Throws
 * `TWIN_PACKAGE_UNKNOWN`, and `TWIN_PACKAGE_NEEDED` while another one calls it.
 */
export async function removeCapability(core: EngineCore, name: string): Promise<void> {
  const record = core.register.find(name);
  if (record === undefined) {
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", "There is no such capability; see the list of installed ones.");
  }
  const user = core.register.list().find(({ manifest }) => manifest.name !== name && calls(manifest, name));
  if (user !== undefined) {
    const by = user.manifest.name;
    throw new TwinError("TWIN_PACKAGE_NEEDED", `${by} calls ${name}. Remove ${by} first.`, { by });
  }
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

/** Takes a removal back, with the data and the grants that it ended. Throws `TWIN_PACKAGE_UNKNOWN` when nothing of that name was removed. */
export async function restoreCapability(core: EngineCore, name: string): Promise<InstalledCapability> {
  const row = core.register.findRow(name);
  if (row?.removedAtMs === undefined) {
    throw new TwinError("TWIN_PACKAGE_UNKNOWN", "No capability of that name was removed.");
  }
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

function calls({ permissions }: Manifest, name: string): boolean {
  return permissions.some(({ permission }) => typeof permission === "object" && permission.call === name);
}
