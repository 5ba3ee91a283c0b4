// One text for one JSON value: keys in the order of their UTF-16 units, no spaces, numbers and
// strings as ECMAScript writes them (RFC 8785).

import { isRecord } from "./strict-shape.ts";

/** The canonical text of a JSON value. Fields that are `undefined` are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${(value as unknown[]).map((item) => canonicalJson(item)).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${fields.join(",")}}`;
}
