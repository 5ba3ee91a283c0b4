// Capabilities come and go. An install judges the whole package before anything is written; the
// file stands before the row that names it.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { GrantRequest } from "../grants/grant-book.ts";
import type { InstalledCapability, Manifest } from "../packages/manifest.ts";
import { readPackage } from "../packages/package-file.ts";
import type { StateWrite } from "../state/state-store.ts";
import { type CapabilityRecord, checkSuccession, describeCapability } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";

/** Installs the package, or a higher version of an installed one. The same package again changes nothing, but repairs its file. */
export async function installCapability(core: EngineCore, packageBytes: Uint8Array): Promise<InstalledCapability> {
  const pack = readPackage(packageBytes, core.kernels);
  const { manifest, publisher, hash } = pack;
  const current = core.register.findRow(manifest.name);
  checkSuccession(current, pack);
  const nowMs = core.clock.nowMs();
  const record: CapabilityRecord = {
    manifest,
    publisher,
    hash,
    sizeBytes: pack.bytes.length,
    installedAtMs: current?.hash === hash ? current.installedAtMs : nowMs,
  };
  tryStart(core, record, pack);
  core.packages.write(pack);
  if (current?.hash === hash && current.removedAtMs === undefined) {
    return core.whenDurable(() => describeCapability(current));
  }
  const before = current?.removedAtMs === undefined ? current?.manifest : undefined;
  const grants = exposures(manifest, before).map((request) => core.grants.prepare(request, nowMs).write);
  await commitChange(core, [core.register.prepare(record), ...grants]);
  return describeCapability(record);
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
    .filter(({ capability, holder }) => capability === name || holder === `capability:${name}`)
    .map(({ id }) => core.grants.prepareRevoke(id));
  await commitChange(core, [core.register.prepare({ ...record, removedAtMs: core.clock.nowMs() }), ...ended]);
  core.shelf.evict(name);
}

/** Makes what was committed count at once: what runs next already sees it, and waits for it before it answers. */
function commitChange(core: EngineCore, writes: readonly StateWrite[]): Promise<void> {
  const durable = core.commit(writes);
  core.register.reload();
  core.grants.reload();
  return durable;
}

/** Admits, compiles and starts the module once, so that what cannot run is never installed. */
function tryStart(core: EngineCore, record: CapabilityRecord, pack: ReturnType<typeof readPackage>): void {
  const { name } = record.manifest;
  try {
    const loaded = core.shelf.load(record, pack);
    const run = core.createRun(LIMITS.sandbox.callTimeoutMs);
    const fuel = LIMITS.sandbox.callFuel;
    const nobody = { method: "", caller: { kind: "owner" }, payload: new Uint8Array() } as const;
    core.runner.start(run, { loaded, ...nobody, fuel });
  } catch (thrown) {
    // What was here before is loaded again from its file when it is called.
    core.shelf.evict(name);
    throw thrown;
  }
}

function calls({ permissions }: Manifest, name: string): boolean {
  return permissions.some(({ permission }) => typeof permission === "object" && permission.call === name);
}

/** A grant per circle for the methods that the manifest exposes to it, and that the one before did not. */
function exposures(manifest: Manifest, before: Manifest | undefined): GrantRequest[] {
  const exposed = exposedMethods(manifest);
  const known = before === undefined ? new Map<string, string[]>() : exposedMethods(before);
  return [...exposed].flatMap(([circle, all]) => {
    const methods = all.filter((method) => known.get(circle)?.includes(method) !== true);
    if (methods.length === 0) return [];
    const reason = `${manifest.title} ${manifest.version} lets the circle ${circle} call this from their twins.`;
    return [{ holder: `circle:${circle}` as const, capability: manifest.name, methods, reason }];
  });
}

function exposedMethods({ methods }: Manifest): Map<string, string[]> {
  const exposed = new Map<string, string[]>();
  for (const [name, { exposeTo = [] }] of Object.entries(methods)) {
    for (const circle of exposeTo) exposed.getOrInsertComputed(circle, () => []).push(name);
  }
  return exposed;
}
