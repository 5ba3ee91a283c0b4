// What changes when one version of a capability takes the place of another: what the owner is shown
// before it happens.

import { LIMITS } from "../base/limits.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { Dependent } from "./dependencies.ts";
import type { Manifest, MethodKind, PermissionRequest } from "./manifest.ts";
import { isCoveredBy } from "./permission.ts";
import { isSubschema } from "./subschema.ts";

/** Who uses a method: `experience:guests` or `capability:agenda`. */
export interface MethodUse {
  readonly user: string;
  readonly method: string;
}

/** What the owner says yes to: rights that grow, and users of methods that would fail. */
export type UpgradeConsent = "permissions" | "breaks";

/** What a call of a method burns, before and after. */
export interface MethodFuel {
  readonly method: string;
  /** What it was called with: the owner's last recorded input, or the smallest that both versions accept. */
  readonly input: "recorded" | "smallest";
  readonly before: number;
  readonly after: number;
}

/** A limit that is another; what a manifest does not say is the host's own. */
interface LimitChange {
  readonly limit: "memorySizeBytes" | "callFuel";
  readonly before: number;
  readonly after: number;
}

/** What a migration did, on a fork of the data. */
export interface MigrationReport {
  readonly fromDataVersion: number;
  readonly toDataVersion: number;
  readonly fuel: number;
  /** Rows that it wrote or deleted. */
  readonly rowsChanged: number;
}

/** The difference between two versions. JSON. */
export interface UpgradeReport {
  /** What the capability is called by here. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** did:key of who signed the newer one. */
  readonly publisher: string;
  /** Absent for a capability that was not there. */
  readonly fromVersion?: string | undefined;
  readonly toVersion: string;
  readonly fromSizeBytes?: number | undefined;
  readonly toSizeBytes: number;
  /** Asked for now, and not before: these need the owner's word. */
  readonly permissionsAdded: readonly PermissionRequest[];
  readonly permissionsRemoved: readonly PermissionRequest[];
  readonly limitsChanged: readonly LimitChange[];
  readonly methodsAdded: readonly string[];
  readonly methodsRemoved: readonly string[];
  /** Methods whose kind or schemas are others. */
  readonly methodsChanged: readonly string[];
  /** Circles that may call a method from now on, as `contacts: sign`. */
  readonly exposed: readonly string[];
  /** Uses that would fail: a method that is gone, or that takes less or answers otherwise. */
  readonly breaks: readonly MethodUse[];
  /** Capabilities that depend on a version that would no longer be here. */
  readonly dependents: readonly Dependent[];
  /** Of a dry run: methods of both versions, each called on a fork of the data. */
  readonly fuel?: readonly MethodFuel[] | undefined;
  readonly migration?: MigrationReport | undefined;
}

/** The two versions, and who uses the older. */
export interface VersionPair {
  readonly from: { readonly manifest: Manifest; readonly sizeBytes: number } | undefined;
  readonly to: {
    readonly name: string;
    readonly manifest: Manifest;
    readonly publisher: string;
    readonly sizeBytes: number;
  };
  /** What the owner has granted to the older. */
  readonly held: readonly PermissionRequest[];
  readonly uses: readonly MethodUse[];
}

/** Compares them. Everything that a first installation brings counts as added. */
export function compareManifests({
  from,
  to,
  held,
  uses,
}: VersionPair): Omit<UpgradeReport, "dependents" | "fuel" | "migration"> {
  const [older, newer] = [from?.manifest, to.manifest];
  const after = newer.permissions;
  const names = { old: Object.keys(older?.methods ?? {}), new: Object.keys(newer.methods) };
  const shared = names.new.filter((name) => names.old.includes(name));
  return {
    name: to.name,
    title: newer.title,
    description: newer.description,
    publisher: to.publisher,
    fromVersion: older?.version,
    toVersion: newer.version,
    fromSizeBytes: from?.sizeBytes,
    toSizeBytes: to.sizeBytes,
    permissionsAdded: after.filter((request) => !isCovered(request, held)),
    permissionsRemoved: held.filter((request) => !isCovered(request, after)),
    limitsChanged: older === undefined ? [] : limitChanges(older, newer),
    methodsAdded: names.new.filter((name) => !names.old.includes(name)),
    methodsRemoved: names.old.filter((name) => !names.new.includes(name)),
    methodsChanged: shared.filter((name) => isChanged(older!, newer, name)),
    exposed: exposures(newer).filter((exposure) => older === undefined || !exposures(older).includes(exposure)),
    breaks: older === undefined ? [] : uses.filter(({ method }) => isBroken(older, newer, method)),
  };
}

function limitChanges(older: Manifest, newer: Manifest): LimitChange[] {
  const { memorySizeBytes, callFuel } = LIMITS.sandbox;
  return Object.entries({ memorySizeBytes, callFuel }).flatMap(([name, own]) => {
    const limit = name as LimitChange["limit"];
    const [before, after] = [older.limits?.[limit] ?? own, newer.limits?.[limit] ?? own];
    return before === after ? [] : [{ limit, before, after }];
  });
}

/** Whether `others` allow all that the request asks for. */
function isCovered({ permission }: PermissionRequest, others: readonly PermissionRequest[]): boolean {
  return others.some(({ permission: other }) => isCoveredBy(permission, other));
}

function isChanged(older: Manifest, newer: Manifest, name: string): boolean {
  const [before, after] = [older.methods[name]!, newer.methods[name]!];
  return (["kind", "params", "result"] as const).some(
    (part) => canonicalJson(before[part]) !== canonicalJson(after[part]),
  );
}

const CALLABLE_FROM_LESS: readonly MethodKind[] = ["query", "command", "task"];

/** A caller of the older version gets what it cannot read, or is refused what it gives. */
function isBroken(older: Manifest, newer: Manifest, name: string): boolean {
  if (!Object.hasOwn(older.methods, name)) return false;
  if (!Object.hasOwn(newer.methods, name)) return true;
  const [before, after] = [older.methods[name]!, newer.methods[name]!];
  // A query may be called where a command may not, and both where a task may not.
  if (CALLABLE_FROM_LESS.indexOf(after.kind) > CALLABLE_FROM_LESS.indexOf(before.kind)) return true;
  return !isSubschema(before.params, after.params) || !isSubschema(after.result, before.result);
}

function exposures({ methods }: Manifest): string[] {
  return Object.entries(methods).flatMap(([name, { exposeTo = [] }]) => exposeTo.map((circle) => `${circle}: ${name}`));
}
