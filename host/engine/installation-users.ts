// Who would feel it when a capability changes or goes: other capabilities by what they ask for and
// depend on, experiences by what they need and were granted.

import { TwinError } from "../base/errors.ts";
import { brokenDependents, type Dependent } from "../packages/dependencies.ts";
import { readExperiences } from "../packages/experience-shelf.ts";
import { callableMethods, permissionName } from "../packages/permission.ts";
import type { MethodUse, UpgradeConsent, UpgradeReport } from "../packages/upgrade-report.ts";
import type { CapabilityRecord } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";

/** Which methods of the capability others use, each once. */
export function usesOf(core: EngineCore, name: string): MethodUse[] {
  const ofCapabilities = core.register.list().flatMap((user) =>
    user.manifest.permissions.flatMap(({ permission }) => {
      if (typeof permission === "string" || !("call" in permission)) return [];
      if (core.register.providerOf(user.manifest, permission.call)?.name !== name) return [];
      return callableMethods(permission, permission.call).map((method) => ({
        user: `capability:${user.name}`,
        method,
      }));
    }),
  );
  const granted = core.grants
    .list()
    .filter(({ holder, capability }) => capability === name && holder.startsWith("experience:"))
    .flatMap(({ holder, methods }) => methods.map((method) => ({ user: holder, method })));
  // Also those that were never opened, and hold no grant yet.
  const needed = readExperiences(core.store).flatMap(({ name: experience, needs }) =>
    needs
      .filter(({ capability }) => core.register.resolve(capability)?.name === name)
      .flatMap(({ methods }) => methods.map((method) => ({ user: `experience:${experience}`, method }))),
  );
  const uses = [...ofCapabilities, ...granted, ...needed];
  return [...new Map(uses.map((use) => [`${use.user} ${use.method}`, use])).values()];
}

/** Whose dependencies would no longer be met with `next` in the place of the capability called `name`; undefined: with it gone. */
export function dependentsOf(core: EngineCore, name: string, next: CapabilityRecord | undefined): Dependent[] {
  const before = core.register.list();
  const others = before.filter((record) => record.name !== name);
  return brokenDependents(before, next === undefined ? others : [...others, next]);
}

/** Throws `TWIN_PACKAGE_NEEDED` when the capability is called or depended on by others. */
export function checkUnneeded(core: EngineCore, name: string): void {
  const callers = usesOf(core, name).filter(({ user }) => user.startsWith("capability:"));
  const users = [...callers, ...dependentsOf(core, name, undefined)].map(({ user }) => user.replace("capability:", ""));
  const by = [...new Set(users)].filter((user) => user !== name).join(", ");
  if (by === "") return;
  throw new TwinError("TWIN_PACKAGE_NEEDED", `${name} is needed by ${by}. Remove ${by} first.`, { by });
}

/** Throws `TWIN_PACKAGE_CONSENT` for rights that grow and `TWIN_PACKAGE_NEEDED` for what others use, unless the owner has accepted it. */
export function checkConsent(
  report: Pick<UpgradeReport, "name" | "fromVersion" | "toVersion" | "permissionsAdded" | "breaks" | "dependents">,
  accept: readonly UpgradeConsent[],
): void {
  const { name, fromVersion, toVersion, permissionsAdded, breaks, dependents } = report;
  if (fromVersion === undefined) return;
  if (permissionsAdded.length > 0 && !accept.includes("permissions")) {
    const more = permissionsAdded.map(({ permission }) => permissionName(permission)).join(", ");
    const message = `${name} ${toVersion} asks for more than ${fromVersion}: ${more}. The owner has to accept it, or take the version without it.`;
    throw new TwinError("TWIN_PACKAGE_CONSENT", message, { permissions: more });
  }
  if (accept.includes("breaks")) return;
  const users = [
    ...breaks.map(({ user, method }) => `${user} (${method})`),
    ...dependents.map(({ user, needs }) => `capability:${user} (needs ${needs})`),
  ];
  if (users.length === 0) return;
  const by = [...new Set(users)].join(", ");
  const beside = dependents.length > 0 ? "install it beside this one, " : "";
  const message = `${name} ${toVersion} would break ${by}. Upgrade or remove them first, ${beside}or accept it.`;
  throw new TwinError("TWIN_PACKAGE_NEEDED", message, { by });
}
