// Steps that installing, upgrading, rolling back and restoring have in common.

import { LIMITS } from "../base/limits.ts";
import type { GrantRequest } from "../grants/grant-book.ts";
import type { CapabilityPackage, Manifest } from "../packages/manifest.ts";
import type { StateWrite } from "../state/state-store.ts";
import type { CallRun } from "./call-run.ts";
import type { CapabilityRecord } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import type { LoadedCapability } from "./guest-shelf.ts";

/** Makes what was committed count at once: what runs next already sees it, and waits for it before it answers. */
export function commitChange(core: EngineCore, writes: readonly StateWrite[]): Promise<void> {
  const durable = core.commit(writes);
  core.register.reload();
  core.grants.reload();
  return durable;
}

/** Admits, compiles and starts the module once, so that what cannot run is never installed. The run is not to be committed unless it is wanted. */
export function startTrial(
  core: EngineCore,
  record: CapabilityRecord,
  pack: CapabilityPackage,
): { readonly run: CallRun; readonly loaded: LoadedCapability } {
  const { name } = record;
  try {
    const loaded = core.shelf.load(record, pack);
    const run = core.createRun(LIMITS.sandbox.callTimeoutMs);
    const fuel = LIMITS.sandbox.callFuel;
    const nobody = { method: "", caller: { kind: "owner" }, payload: new Uint8Array() } as const;
    core.runner.start(run, { loaded, ...nobody, fuel });
    return { run, loaded };
  } catch (thrown) {
    // What was here before is loaded again from its file when it is called.
    core.shelf.evict(name);
    throw thrown;
  }
}

/** The writes that grant circles what its manifest exposes to them, and the one before did not. */
export function exposureWrites(core: EngineCore, record: CapabilityRecord, before: Manifest | undefined): StateWrite[] {
  const nowMs = core.clock.nowMs();
  return exposures(record, before).map((request) => core.grants.prepare(request, nowMs).write);
}

/** A grant per circle for the methods that the manifest exposes to it, and that the one before did not. */
function exposures({ name, manifest }: CapabilityRecord, before: Manifest | undefined): GrantRequest[] {
  const exposed = exposedMethods(manifest);
  const known = before === undefined ? new Map<string, string[]>() : exposedMethods(before);
  return [...exposed].flatMap(([circle, all]) => {
    const methods = all.filter((method) => known.get(circle)?.includes(method) !== true);
    if (methods.length === 0) return [];
    const reason = `${manifest.title} ${manifest.version} lets the circle ${circle} call this from their twins.`;
    return [{ holder: `circle:${circle}` as const, capability: name, methods, reason }];
  });
}

function exposedMethods({ methods }: Manifest): Map<string, string[]> {
  const exposed = new Map<string, string[]>();
  for (const [name, { exposeTo = [] }] of Object.entries(methods)) {
    for (const circle of exposeTo) exposed.getOrInsertComputed(circle, () => []).push(name);
  }
  return exposed;
}
