// `capability.json`: what the source of a capability cannot say. With the source it makes the manifest.

import { readFile } from "node:fs/promises";
import { TwinError } from "../../base/errors.ts";
import { parseManifest } from "../manifest-file.ts";
import type { Manifest, PermissionRequest } from "../manifest.ts";
import { expectFields, isRecord, type Place, refuse, within } from "../strict-shape.ts";
import type { SourceDescription } from "./describe-source.ts";
import type { FoundCall } from "./find-calls.ts";
import { sourceProblem } from "./source-model.ts";

/** Name of the file beside an AssemblyScript `index.ts`. */
export const CAPABILITY_FILE = "capability.json";

/** What stands in the file, as far as its own form goes; the manifest that comes of it is judged whole. */
export type CapabilityFile = Readonly<Record<string, unknown>>;

const PLACE: Place = { path: "", code: "TWIN_PACKAGE_INVALID" };
const REQUIRED = ["name", "version", "title", "description", "licence", "permissions"];
const OPTIONAL = ["source", "limits", "dataVersion", "calls", "dependencies", "http", "migration"];

/** Reads a JSON file of an author. Throws `TWIN_PACKAGE_INVALID`. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new TwinError(
      "TWIN_PACKAGE_INVALID",
      `${path} cannot be read as JSON: ${(cause as Error).message}.`,
      {},
      cause,
    );
  }
}

/** Reads `capability.json`. Throws `TWIN_PACKAGE_INVALID` with the field that is wrong. */
export async function readCapabilityFile(path: string): Promise<CapabilityFile> {
  return parseCapabilityFile(await readJsonFile(path));
}

/** Judges what stands in `capability.json`. Throws `TWIN_PACKAGE_INVALID` with the field that is wrong. */
export function parseCapabilityFile(value: unknown): CapabilityFile {
  return expectFields(value, PLACE, { required: REQUIRED, optional: OPTIONAL });
}

/** The manifest of a capability. Throws `TWIN_PACKAGE_INVALID` with the field, method or line that is wrong. */
export function composeManifest(
  file: CapabilityFile,
  { methods, events }: SourceDescription,
  found: readonly FoundCall[],
): Manifest {
  const { permissions, calls = {}, http, ...rest } = file;
  // A task calls the methods of its own capability without asking.
  const others = found.filter(({ capability }) => capability !== rest["name"]);
  return parseManifest({
    abi: 1,
    dataVersion: 1,
    ...rest,
    permissions: [...namedPermissions(permissions), ...callPermissions(calls, others), ...httpPermission(http)],
    methods: Object.fromEntries(methods.map(({ declaration, description }) => [declaration.name, description])),
    events,
  });
}

function namedPermissions(value: unknown): PermissionRequest[] {
  const place = within(PLACE, "permissions");
  if (!isRecord(value)) refuse(place, 'an object such as { "state": "Keeps the lines." }', value);
  return Object.entries(value).map(([permission, reason]) => ({ permission, reason }) as PermissionRequest);
}

/** `{ "places": ["api.example.com"], "reason": "..." }` */
function httpPermission(value: unknown): PermissionRequest[] {
  if (value === undefined) return [];
  const { places, reason } = expectFields(value, within(PLACE, "http"), { required: ["places", "reason"] });
  return [{ permission: { http: places }, reason } as PermissionRequest];
}

/** `{ "contacts": { "reason": "..." } }`: the methods are those that the source calls, unless `methods` says more. */
function callPermissions(value: unknown, found: readonly FoundCall[]): PermissionRequest[] {
  const place = within(PLACE, "calls");
  if (!isRecord(value)) refuse(place, "an object by the name of the capability", value);
  const unasked = found.find(({ capability }) => !Object.hasOwn(value, capability));
  if (unasked !== undefined) throw unaskedCall(unasked);
  return Object.entries(value).map(([call, request]) => {
    const { methods, reason } = expectFields(request, within(place, call), {
      required: ["reason"],
      optional: ["methods"],
    });
    const calls = found.filter(({ capability }) => capability === call);
    const used = [...new Set(calls.map(({ method }) => method))];
    if (methods === undefined) {
      const idle = `the source never calls ${call}; take this away, or list as methods what it calls by computed names`;
      if (used.length === 0) throw new TwinError("TWIN_PACKAGE_INVALID", `calls.${call}: ${idle}.`);
      return { permission: { call, methods: used }, reason } as PermissionRequest;
    }
    const unlisted = calls.find(({ method }) => !(methods as readonly unknown[]).includes(method));
    if (unlisted !== undefined) {
      const message = `${call}.${unlisted.method} is called, but calls.${call}.methods in capability.json does not list it; take methods away, and they come from the source.`;
      throw sourceProblem(unlisted.place, message);
    }
    return { permission: { call, methods }, reason } as PermissionRequest;
  });
}

function unaskedCall({ capability, method, place }: FoundCall): TwinError {
  const example = `"calls": { "${capability}": { "reason": "..." } }`;
  const message = `${capability}.${method} is called, but capability.json does not ask for it; write there, with what the owner shall read: ${example}`;
  return sourceProblem(place, message);
}
