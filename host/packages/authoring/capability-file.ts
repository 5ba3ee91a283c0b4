// `capability.json`: what the source of a capability cannot say. With the source it makes the manifest.

import { readFile } from "node:fs/promises";
import { TwinError } from "../../base/errors.ts";
import { parseManifest } from "../manifest-file.ts";
import type { Manifest, PermissionRequest } from "../manifest.ts";
import { expectFields, isRecord, type Place, refuse, within } from "../strict-shape.ts";
import type { SourceDescription } from "./describe-source.ts";

/** What stands in the file, as far as its own form goes; the manifest that comes of it is judged whole. */
export type CapabilityFile = Readonly<Record<string, unknown>>;

const PLACE: Place = { path: "", code: "TWIN_PACKAGE_INVALID" };
const REQUIRED = ["name", "version", "title", "description", "licence", "permissions"];
const OPTIONAL = ["source", "limits", "dataVersion", "calls", "migration"];

/** Reads a JSON file of an author. Throws `TWIN_PACKAGE_INVALID`. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new TwinError("TWIN_PACKAGE_INVALID", `${path} cannot be read as JSON: ${String(cause)}.`, {}, cause);
  }
}

/** Reads `capability.json`. Throws `TWIN_PACKAGE_INVALID` with the field that is wrong. */
export async function readCapabilityFile(path: string): Promise<CapabilityFile> {
  return expectFields(await readJsonFile(path), PLACE, { required: REQUIRED, optional: OPTIONAL });
}

/** The manifest of a capability. Throws `TWIN_PACKAGE_INVALID` with the field or method that is wrong. */
export function composeManifest(file: CapabilityFile, { methods, events }: SourceDescription): Manifest {
  const { permissions, calls, ...rest } = file;
  return parseManifest({
    abi: 1,
    dataVersion: 1,
    ...rest,
    permissions: [...namedPermissions(permissions), ...callPermissions(calls)],
    methods: Object.fromEntries(methods.map(({ declaration, description }) => [declaration.name, description])),
    events,
  });
}

function namedPermissions(value: unknown): PermissionRequest[] {
  const place = within(PLACE, "permissions");
  if (!isRecord(value)) refuse(place, 'an object such as { "state": "Keeps the lines." }', value);
  return Object.entries(value).map(([permission, reason]) => ({ permission, reason }) as PermissionRequest);
}

/** `{ "contacts": { "methods": [...], "reason": "..." } }` */
function callPermissions(value: unknown): PermissionRequest[] {
  if (value === undefined) return [];
  const place = within(PLACE, "calls");
  if (!isRecord(value)) refuse(place, "an object by the name of the capability", value);
  return Object.entries(value).map(([call, request]) => {
    const { methods, reason } = expectFields(request, within(place, call), { required: ["methods", "reason"] });
    return { permission: { call, methods }, reason } as PermissionRequest;
  });
}
