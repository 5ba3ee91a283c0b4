// Rights and changes of capabilities, in words.

import type { PermissionRequest, UpgradeReport } from "../index.ts";
import { formatSize } from "./output.ts";

/** What a permission allows: `use state`. */
export function describePermission({ permission }: PermissionRequest): string {
  if (typeof permission === "string") return `use ${permission}`;
  if ("http" in permission) return `send requests to ${permission.http.join(", ")}`;
  return `call ${permission.call}.{${permission.methods.join(", ")}}`;
}

/** The difference between two versions, a line for each kind of change. */
export function describeChanges(report: UpgradeReport): string[] {
  const { migration, fromSizeBytes, toSizeBytes } = report;
  return [
    ...report.permissionsAdded.map((request) => `may from now on ${describePermission(request)}: ${request.reason}`),
    ...report.permissionsRemoved.map((request) => `may no longer ${describePermission(request)}`),
    ...list("for the twins of others", report.exposed),
    ...report.limitsChanged.map(describeLimit),
    ...list("new methods", report.methodsAdded),
    ...list("methods that are gone", report.methodsRemoved),
    ...list("methods with other schemas", report.methodsChanged),
    ...list(
      "breaks",
      report.breaks.map(({ user, method }) => `${user} (${method})`),
    ),
    ...list(
      "no longer what is needed by",
      report.dependents.map(({ user, needs }) => `${user} (${needs})`),
    ),
    ...describeFuel(report.fuel ?? []),
    `size: ${fromSizeBytes === undefined ? "" : `${formatSize(fromSizeBytes)} -> `}${formatSize(toSizeBytes)}`,
    ...(migration === undefined
      ? []
      : [
          `migration of data version ${migration.fromDataVersion} to ${migration.toDataVersion}: ${migration.rowsChanged} rows, ${migration.fuel} fuel`,
        ]),
  ];
}

/** Only what differs. */
function describeFuel(fuel: NonNullable<UpgradeReport["fuel"]>): string[] {
  return list(
    "fuel of one call",
    fuel
      .filter(({ before, after }) => before !== after)
      .map(({ method, before, after }) => `${method} ${before} -> ${after}`),
  );
}

function describeLimit({ limit, before, after }: UpgradeReport["limitsChanged"][number]): string {
  return limit === "callFuel"
    ? `fuel of a call: ${before} -> ${after}`
    : `memory: ${formatSize(before)} -> ${formatSize(after)}`;
}

function list(what: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`${what}: ${items.join(", ")}`];
}
