// Reads the manifest of a capability as the stranger's text it is: strict, bounded, canonical.

import { equalBytes, jsonDecode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { canonicalJson } from "./canonical-json.ts";
import { HTTP_PLACE_RULE } from "./http-place.ts";
import type { JsonSchema, Manifest, Method } from "./manifest.ts";
import { schemaProblem } from "./schema-policy.ts";
import {
  type Place,
  expectFields,
  expectInteger,
  expectList,
  expectMatch,
  expectNames,
  expectText,
  isRecord,
  refuse,
  within,
} from "./strict-shape.ts";
import { isVersionRange, VERSION_PATTERN } from "./version.ts";

/** Name of a capability or circle. */
export const NAME_RULE = {
  pattern: /^[a-z][a-z0-9-]{0,31}$/u,
  form: "a name of a-z, 0-9 and -, at most 32 characters, beginning with a letter",
} as const;
/** A capability as who uses it names it: any version, or one major version. */
export const ADDRESS_RULE = {
  pattern: /^[a-z][a-z0-9-]{0,31}(?:@[0-9]{1,9})?$/u,
  form: "the name of a capability, or NAME@MAJOR",
} as const;
/** Name of a method. */
export const METHOD_RULE = {
  pattern: /^[a-z][a-z0-9_]{0,63}$/u,
  form: "a method name of a-z, 0-9 and _, at most 64 characters, beginning with a letter",
} as const;
const TOPIC_RULE = {
  pattern: /^[a-z][a-z0-9-]{0,31}(?:\.[a-z0-9-]{1,32}){0,2}$/u,
  form: "a topic such as chat.message",
} as const;
/** How a version must look. */
export const VERSION_RULE = { pattern: VERSION_PATTERN, form: "a semantic version such as 1.0.0" } as const;
const SOURCE_RULE = { pattern: /^https:\/\/[\x21-\x7e]{1,240}$/u, form: "an https link" } as const;

/** Exports with a meaning of their own (docs/formats/abi.md). */
export const RESERVED_METHODS = /^(?:memory|twin_.*|constructor)$/u;
const PERMISSION_GROUPS = ["state", "blobs", "send", "emit", "schedule", "peer_call"];
const PAGE_SIZE = 65_536;

/**
 * The manifest that `value`, parsed JSON, holds. Throws `TWIN_PACKAGE_INVALID` with the path of the
 * first field that is missing, unknown or malformed. The result is `value` itself.
 */
export function parseManifest(value: unknown): Manifest {
  const place: Place = { path: "", code: "TWIN_PACKAGE_INVALID" };
  const fields = expectFields(value, place, {
    required: [
      "abi",
      "name",
      "version",
      "title",
      "description",
      "licence",
      "methods",
      "events",
      "permissions",
      "dataVersion",
    ],
    optional: ["source", "limits", "dependencies", "migration"],
  });
  if (fields["abi"] !== 1) refuse(within(place, "abi"), "1, the guest ABI of this host", fields["abi"]);
  expectMatch(fields["name"], within(place, "name"), NAME_RULE);
  expectMatch(fields["version"], within(place, "version"), VERSION_RULE);
  expectText(fields["title"], within(place, "title"), 64);
  expectText(fields["description"], within(place, "description"), 1_000);
  expectText(fields["licence"], within(place, "licence"), 64);
  if (fields["source"] !== undefined) expectMatch(fields["source"], within(place, "source"), SOURCE_RULE);
  checkMethods(fields["methods"], within(place, "methods"));
  checkEvents(fields["events"], within(place, "events"));
  checkPermissions(fields, within(place, "permissions"));
  if (fields["limits"] !== undefined) checkLimits(fields["limits"], within(place, "limits"));
  if (fields["dependencies"] !== undefined) {
    const needed = expectDependencies(fields["dependencies"], within(place, "dependencies"));
    const own = fields["name"] as string;
    if (Object.hasOwn(needed, own)) refuse(within(place, "dependencies"), "other capabilities than itself", own);
  }
  expectInteger(fields["dataVersion"], within(place, "dataVersion"), { least: 1, most: 1_000_000 });
  if (fields["migration"] !== undefined) checkMigration(fields, within(place, "migration"));
  return value as Manifest;
}

/** The manifest in `bytes`, the content of the custom section: canonical JSON. Throws `TWIN_PACKAGE_INVALID`. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > LIMITS.packages.manifestSizeBytes) {
    throw new TwinError(
      "TWIN_PACKAGE_INVALID",
      `The manifest has ${bytes.length} bytes; at most ${LIMITS.packages.manifestSizeBytes} are allowed.`,
    );
  }
  let value: unknown;
  try {
    value = jsonDecode(bytes);
  } catch (cause) {
    throw new TwinError("TWIN_PACKAGE_INVALID", "The manifest is not UTF-8 JSON.", {}, cause);
  }
  const manifest = parseManifest(value);
  // Two spellings of one manifest would be two hashes; a doubled key would be two readings of one text.
  if (!equalBytes(utf8Encode(canonicalJson(manifest)), bytes)) {
    throw new TwinError(
      "TWIN_PACKAGE_INVALID",
      "The manifest is not canonical JSON (sorted keys, no spaces, no doubled keys); build the package again.",
    );
  }
  return manifest;
}

/** Content of the custom section: canonical JSON of a manifest. Throws `TWIN_PACKAGE_INVALID` when it is not one, or too large. */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const bytes = utf8Encode(canonicalJson(parseManifest(manifest)));
  decodeManifest(bytes);
  return bytes;
}

/** The method of that name, or undefined. Use it in place of indexing: names that every object inherits are no methods. */
export function methodOf(manifest: Pick<Manifest, "methods">, name: string): Method | undefined {
  return Object.hasOwn(manifest.methods, name) ? manifest.methods[name] : undefined;
}

function checkMethods(value: unknown, place: Place): void {
  if (!isRecord(value)) refuse(place, "an object of methods", value);
  const names = Object.keys(value);
  if (names.length === 0 || names.length > LIMITS.packages.methodCount) {
    refuse(place, `1 to ${LIMITS.packages.methodCount} methods`, names);
  }
  for (const name of names) {
    expectMatch(name, place, METHOD_RULE);
    if (RESERVED_METHODS.test(name)) refuse(within(place, name), "a name that the ABI does not reserve", name);
    checkMethod(value[name], within(place, name));
  }
}

function checkMethod(value: unknown, place: Place): void {
  const method = expectFields(value, place, { required: ["kind", "doc", "params", "result"], optional: ["exposeTo"] });
  expectMatch(method["kind"], within(place, "kind"), {
    pattern: /^(?:query|command|task)$/u,
    form: "query, command or task",
  });
  expectText(method["doc"], within(place, "doc"), 1_000);
  checkSchema(method["params"], within(place, "params"));
  checkSchema(method["result"], within(place, "result"));
  if (method["exposeTo"] === undefined) return;
  expectNames(method["exposeTo"], within(place, "exposeTo"), {
    least: 1,
    most: 16,
    read: (circle, at) => {
      if (circle === "anyone") refuse(at, "a circle of contacts (anyone is not one)", circle);
      return expectMatch(circle, at, NAME_RULE);
    },
  });
}

function checkEvents(value: unknown, place: Place): void {
  if (!isRecord(value)) refuse(place, "an object of topics", value);
  const topics = Object.keys(value);
  if (topics.length > LIMITS.packages.topicCount) refuse(place, `at most ${LIMITS.packages.topicCount} topics`, topics);
  for (const topic of topics) {
    expectMatch(topic, place, TOPIC_RULE);
    checkSchema(value[topic], within(place, topic));
  }
}

function checkSchema(value: unknown, place: Place): asserts value is JsonSchema {
  const problem = schemaProblem(value, place.path);
  if (problem !== undefined) throw new TwinError(place.code, `${problem}.`, { path: place.path });
}

function checkPermissions(fields: Readonly<Record<string, unknown>>, place: Place): void {
  const granted = expectList(fields["permissions"], place, {
    most: LIMITS.packages.permissionCount,
    read: (item, at) => {
      const request = expectFields(item, at, { required: ["permission", "reason"] });
      expectText(request["reason"], within(at, "reason"), 300);
      return permissionName(request["permission"], within(at, "permission"));
    },
  });
  if (new Set(granted).size !== granted.length) refuse(place, "each permission once", granted);
  if (Object.keys(fields["events"] as object).length > 0 && !granted.includes("emit")) {
    refuse(place, "also the permission emit, because there are events", granted.join(", "));
  }
}

function permissionName(value: unknown, place: Place): string {
  if (typeof value === "string" && PERMISSION_GROUPS.includes(value)) return value;
  if (!isRecord(value)) {
    refuse(place, `one of ${PERMISSION_GROUPS.join(", ")}, or { call, methods }, or { http }`, value);
  }
  if (Object.hasOwn(value, "http")) {
    const { http } = expectFields(value, place, { required: ["http"] });
    const most = LIMITS.packages.httpPlaceCount;
    expectNames(http, within(place, "http"), {
      least: 1,
      most,
      read: (item, at) => expectMatch(item, at, HTTP_PLACE_RULE),
    });
    return "http";
  }
  const { call, methods } = expectFields(value, place, { required: ["call", "methods"] });
  const capability = expectMatch(call, within(place, "call"), NAME_RULE);
  expectNames(methods, within(place, "methods"), {
    least: 1,
    most: LIMITS.packages.methodCount,
    read: (method, at) => expectMatch(method, at, METHOD_RULE),
  });
  return `call ${capability}`;
}

function checkLimits(value: unknown, place: Place): void {
  const limits = expectFields(value, place, { required: [], optional: ["memorySizeBytes", "callFuel"] });
  if (limits["memorySizeBytes"] !== undefined) {
    const most = LIMITS.sandbox.memorySizeBytesMax;
    expectInteger(limits["memorySizeBytes"], within(place, "memorySizeBytes"), { least: PAGE_SIZE, most });
  }
  if (limits["callFuel"] !== undefined) {
    const most = Number.MAX_SAFE_INTEGER;
    expectInteger(limits["callFuel"], within(place, "callFuel"), { least: 1, most });
  }
}

/** Ranges of versions by the name of the capability. */
export function expectDependencies(value: unknown, place: Place): Readonly<Record<string, string>> {
  if (!isRecord(value)) refuse(place, "an object of version ranges by the name of the capability", value);
  const names = Object.keys(value);
  const { dependencyCount } = LIMITS.packages;
  if (names.length > dependencyCount) refuse(place, `at most ${dependencyCount} dependencies`, names);
  for (const name of names) {
    expectMatch(name, place, NAME_RULE);
    const range = value[name];
    if (typeof range !== "string" || !isVersionRange(range)) {
      refuse(within(place, name), "a range of versions such as ^1.2.0", range);
    }
  }
  return value as Readonly<Record<string, string>>;
}

function checkMigration(fields: Readonly<Record<string, unknown>>, place: Place): void {
  const { keeps } = expectFields(fields["migration"], place, { required: ["keeps"] });
  const most = LIMITS.packages.permissionCount;
  expectNames(keeps, within(place, "keeps"), { most, read: (prefix, at) => expectText(prefix, at, 64) });
  const migrate = (fields["methods"] as Manifest["methods"])["migrate"];
  if (migrate?.kind !== "command") refuse(place, "a command migrate, which takes { from }", migrate?.kind);
}
