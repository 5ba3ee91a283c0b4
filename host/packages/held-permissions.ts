// An upgrade can be taken without the rights that are new: what is left of what it asks for.

import type { Permission, PermissionRequest } from "./manifest.ts";
import { isCoveredBy } from "./permission.ts";

/** The part of `asked` that `held` allows already, with the new reasons. */
export function heldPermissions(
  asked: readonly PermissionRequest[],
  held: readonly PermissionRequest[],
): PermissionRequest[] {
  return asked.flatMap(({ permission, reason }) => {
    const parts = held.flatMap(({ permission: other }) => sharedPart(permission, other) ?? []);
    return parts.slice(0, 1).map((part) => ({ permission: part, reason }));
  });
}

/** What both allow; undefined when that is nothing. */
function sharedPart(asked: Permission, held: Permission): Permission | undefined {
  if (isCoveredBy(asked, held)) return asked;
  if (typeof asked === "string" || typeof held === "string") return undefined;
  if ("http" in asked) {
    const http = "http" in held ? asked.http.filter((place) => held.http.includes(place)) : [];
    return http.length === 0 ? undefined : { http };
  }
  if ("http" in held || asked.call !== held.call) return undefined;
  const methods = asked.methods.filter((method) => held.methods.includes(method));
  return methods.length === 0 ? undefined : { call: asked.call, methods };
}
