// The smallest value that a schema accepts, to try a method with.

import type { JsonSchema } from "./manifest.ts";
import { isRecord } from "./strict-shape.ts";

/** Nothing larger is worth trying. */
const LENGTH_MAX = 1_000;

/** The value, or undefined when none is found easily (a pattern, a bound between whole numbers). Judge it by the schema before use. */
export function sampleOf(schema: JsonSchema): unknown {
  if (!isRecord(schema)) return schema ? null : undefined;
  if (Object.hasOwn(schema, "const")) return schema["const"];
  if (Array.isArray(schema["enum"])) return (schema["enum"] as unknown[])[0];
  if (Array.isArray(schema["anyOf"])) {
    const samples = (schema["anyOf"] as JsonSchema[]).map((part) => sampleOf(part));
    return samples.find((sample) => sample !== undefined);
  }
  const type: unknown = Array.isArray(schema["type"]) ? (schema["type"] as unknown[])[0] : schema["type"];
  switch (type) {
    case "string":
      return sampleText(schema);
    case "array":
      return sampleList(schema);
    case "object":
      return sampleObject(schema);
    case "boolean":
      return false;
    case "integer":
    case "number":
      return sampleNumber(schema);
    default:
      return type === undefined || type === "null" ? null : undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function sampleText(schema: Fields): string | undefined {
  const length = Number(schema["minLength"] ?? 0);
  return schema["pattern"] === undefined && length <= LENGTH_MAX ? "a".repeat(length) : undefined;
}

function sampleNumber(schema: Fields): number {
  const least = Number(schema["minimum"] ?? Number(schema["exclusiveMinimum"] ?? -1) + 1);
  const most = Number(schema["maximum"] ?? Number(schema["exclusiveMaximum"] ?? 1) - 1);
  if (schema["minimum"] !== undefined || schema["exclusiveMinimum"] !== undefined) return least;
  return Math.min(0, most);
}

function sampleList(schema: Fields): unknown[] | undefined {
  const length = Number(schema["minItems"] ?? 0);
  if (length > LENGTH_MAX) return undefined;
  const item = length === 0 ? null : sampleOf((schema["items"] as JsonSchema | undefined) ?? true);
  return item === undefined ? undefined : Array.from({ length }, () => item);
}

function sampleObject(schema: Fields): unknown {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
  const fields = required.map(
    (name) => [name, sampleOf((properties[name] as JsonSchema | undefined) ?? true)] as const,
  );
  return fields.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(fields);
}
