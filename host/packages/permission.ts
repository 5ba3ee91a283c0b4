// Permissions by their names, and what one allows of another.

import type { Permission } from "./manifest.ts";

/** Its group of host functions: `state`, `call`, `http`. */
export function permissionGroup(permission: Permission): string {
  if (typeof permission === "string") return permission;
  return "http" in permission ? "http" : "call";
}

/** In one or a few words: `state`, `call contacts`, `http api.example.com, *.example.org`. */
export function permissionName(permission: Permission): string {
  if (typeof permission === "string") return permission;
  return "http" in permission ? `http ${permission.http.join(", ")}` : `call ${permission.call}`;
}

/** Whether who has `other` may do all that `permission` allows. */
export function isCoveredBy(permission: Permission, other: Permission): boolean {
  if (typeof permission === "string" || typeof other === "string") return permission === other;
  if ("http" in permission) return "http" in other && permission.http.every((place) => other.http.includes(place));
  if ("http" in other) return false;
  return permission.call === other.call && permission.methods.every((method) => other.methods.includes(method));
}

/** The methods of `capability` that may be called with it. */
export function callableMethods(permission: Permission, capability: string): readonly string[] {
  if (typeof permission === "string" || "http" in permission || permission.call !== capability) return [];
  return permission.methods;
}
