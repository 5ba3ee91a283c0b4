// Says in words where and how a value breaks its schema. Only for schemas that the policy accepts;
// a property test holds it to the same verdicts as the compiled validator.

import type { JsonSchema } from "./manifest.ts";
import { isRecord } from "./strict-shape.ts";

type SchemaObject = { readonly [key: string]: unknown };

/** The first violation as `path: message`, with the root as `$`; undefined when `value` is valid. Short strings of the value's own keys may appear, never its values. */
export function schemaViolation(schema: JsonSchema, value: unknown, path = "$"): string | undefined {
  if (schema === true) return undefined;
  if (schema === false) return `${path}: nothing is allowed here`;
  return (
    typeViolation(schema, value, path) ??
    (isRecord(value) ? objectViolation(schema, value, path) : undefined) ??
    (Array.isArray(value) ? arrayViolation(schema, value, path) : undefined) ??
    (typeof value === "string" ? stringViolation(schema, value, path) : undefined) ??
    (typeof value === "number" ? numberViolation(schema, value, path) : undefined) ??
    choiceViolation(schema, value, path)
  );
}

function typeViolation({ type }: SchemaObject, value: unknown, path: string): string | undefined {
  if (type === undefined) return undefined;
  const types = (Array.isArray(type) ? type : [type]) as string[];
  if (types.some((name) => isOfType(name, value))) return undefined;
  return `${path}: expected ${types.join(" or ")}, got ${nameOfType(value)}`;
}

function isOfType(name: string, value: unknown): boolean {
  if (name === "integer") return Number.isInteger(value);
  if (name === "number") return Number.isFinite(value);
  return name === nameOfType(value);
}

function nameOfType(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function objectViolation(
  schema: SchemaObject,
  value: Readonly<Record<string, unknown>>,
  path: string,
): string | undefined {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const rest = (schema["additionalProperties"] ?? true) as JsonSchema;
  for (const name of (schema["required"] ?? []) as string[]) {
    if (!Object.hasOwn(value, name)) return `${path}: ${JSON.stringify(name)} is missing`;
  }
  const names = Object.keys(value);
  for (const name of names) {
    const known = Object.hasOwn(properties, name);
    if (!known && rest === false) return `${path}: unexpected property ${JSON.stringify(name.slice(0, 64))}`;
    const violation = schemaViolation(known ? properties[name]! : rest, value[name], `${path}.${name.slice(0, 64)}`);
    if (violation !== undefined) return violation;
  }
  return countViolation(names.length, { schema, noun: "Properties", unit: "properties", path });
}

function arrayViolation(schema: SchemaObject, value: readonly unknown[], path: string): string | undefined {
  const count = countViolation(value.length, { schema, noun: "Items", unit: "items", path });
  if (count !== undefined) return count;
  const items = (schema["items"] ?? true) as JsonSchema;
  for (const [index, item] of value.entries()) {
    const violation = schemaViolation(items, item, `${path}[${index}]`);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function stringViolation(schema: SchemaObject, value: string, path: string): string | undefined {
  const length = countViolation(Array.from(value).length, { schema, noun: "Length", unit: "characters", path });
  if (length !== undefined) return length;
  const pattern = schema["pattern"] as string | undefined;
  return pattern === undefined || new RegExp(pattern, "u").test(value)
    ? undefined
    : `${path}: expected text that matches ${pattern}`;
}

function numberViolation(schema: SchemaObject, value: number, path: string): string | undefined {
  const bound = (keyword: string): number | undefined => schema[keyword] as number | undefined;
  const [minimum, maximum] = [bound("minimum"), bound("maximum")];
  const [above, below] = [bound("exclusiveMinimum"), bound("exclusiveMaximum")];
  if (minimum !== undefined && value < minimum) return `${path}: expected at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `${path}: expected at most ${maximum}`;
  if (above !== undefined && value <= above) return `${path}: expected more than ${above}`;
  return below !== undefined && value >= below ? `${path}: expected less than ${below}` : undefined;
}

function choiceViolation(schema: SchemaObject, value: unknown, path: string): string | undefined {
  const listed = schema["enum"] as readonly unknown[] | undefined;
  if (listed !== undefined && !listed.includes(value)) {
    return `${path}: expected one of ${listed.map((item) => JSON.stringify(item)).join(", ")}`;
  }
  if (Object.hasOwn(schema, "const") && schema["const"] !== value) {
    return `${path}: expected ${JSON.stringify(schema["const"])}`;
  }
  const choices = schema["anyOf"] as readonly JsonSchema[] | undefined;
  if (choices === undefined) return undefined;
  const violations = choices.map((choice) => schemaViolation(choice, value, path));
  if (violations.includes(undefined)) return undefined;
  return violations.length === 1 ? violations[0] : `${path}: fits none of the ${choices.length} allowed forms`;
}

function countViolation(
  count: number,
  rule: { readonly schema: SchemaObject; readonly noun: string; readonly unit: string; readonly path: string },
): string | undefined {
  const least = rule.schema[`min${rule.noun}`] as number | undefined;
  const most = rule.schema[`max${rule.noun}`] as number | undefined;
  if (least !== undefined && count < least)
    return `${rule.path}: expected at least ${least} ${rule.unit}, got ${count}`;
  if (most !== undefined && count > most) return `${rule.path}: expected at most ${most} ${rule.unit}, got ${count}`;
  return undefined;
}
