// Which JSON Schemas a manifest may hold. The validator turns a schema into JavaScript, and a
// manifest comes from a stranger: so everything that reaches it is on this list, and a keyword that
// a validator would silently ignore is refused.

import { LIMITS } from "../base/limits.ts";
import { isRecord } from "./strict-shape.ts";

const TYPES = ["object", "array", "string", "integer", "number", "boolean", "null"];
const COUNTS = new Set(["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]);
const BOUNDS = new Set(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
const TEXTS = new Set(["title", "description"]);

// Names that every object inherits would count as present in any value.
const PROPERTY_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/u;

/** Why `schema` is refused as `path: reason`, or undefined when a manifest may hold it. */
export function schemaProblem(schema: unknown, path = "$"): string | undefined {
  const budget = { nodes: LIMITS.packages.schemaNodeCount };
  return nodeProblem(schema, path, { depth: LIMITS.packages.schemaDepth, budget });
}

interface Room {
  readonly depth: number;
  readonly budget: { nodes: number };
}

function nodeProblem(schema: unknown, path: string, room: Room): string | undefined {
  if (room.depth === 0) return `${path}: nests deeper than ${LIMITS.packages.schemaDepth} levels; flatten it`;
  if (room.budget.nodes-- === 0) return `${path}: the schema has more than ${LIMITS.packages.schemaNodeCount} parts`;
  if (typeof schema === "boolean") return undefined;
  if (!isRecord(schema)) return `${path}: expected a JSON Schema (an object or a boolean)`;
  const inside = { depth: room.depth - 1, budget: room.budget };
  for (const [keyword, value] of Object.entries(schema)) {
    const problem = keywordProblem(keyword, value, { path: `${path}.${keyword}`, room: inside });
    if (problem !== undefined) return problem;
  }
  return Object.hasOwn(schema, "pattern") && !Object.hasOwn(schema, "maxLength")
    ? `${path}: a pattern needs a maxLength beside it, so that matching stays quick`
    : undefined;
}

function keywordProblem(
  keyword: string,
  value: unknown,
  { path, room }: { readonly path: string; readonly room: Room },
): string | undefined {
  if (keyword === "type") return typeProblem(value, path);
  if (keyword === "properties") return propertiesProblem(value, path, room);
  if (keyword === "required") return requiredProblem(value, path);
  if (keyword === "items" || keyword === "additionalProperties") return nodeProblem(value, path, room);
  if (keyword === "anyOf") return anyOfProblem(value, path, room);
  if (keyword === "enum") return enumProblem(value, path);
  if (keyword === "const") return isScalar(value) ? undefined : `${path}: expected a string, number, boolean or null`;
  if (keyword === "pattern") return patternProblem(value, path);
  if (COUNTS.has(keyword)) return isCount(value) ? undefined : `${path}: expected a whole number from 0 to ${2 ** 24}`;
  if (BOUNDS.has(keyword)) return Number.isFinite(value) ? undefined : `${path}: expected a number`;
  if (TEXTS.has(keyword)) return typeof value === "string" ? undefined : `${path}: expected text`;
  if (keyword.endsWith("ref") || keyword.endsWith("Ref"))
    return `${path}: references are not supported; write the schema out`;
  return `${path}: this keyword is not supported (see docs/formats/package.md for those that are)`;
}

function typeProblem(value: unknown, path: string): string | undefined {
  const types = Array.isArray(value) ? (value as unknown[]) : [value];
  const known = types.every((type) => typeof type === "string" && TYPES.includes(type));
  return known && types.length > 0 && isUnique(types)
    ? undefined
    : `${path}: expected one or more of ${TYPES.join(", ")}`;
}

function propertiesProblem(value: unknown, path: string, room: Room): string | undefined {
  if (!isRecord(value)) return `${path}: expected an object of schemas`;
  for (const [name, schema] of Object.entries(value)) {
    const problem = nameProblem(name, path) ?? nodeProblem(schema, `${path}.${name}`, room);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function requiredProblem(value: unknown, path: string): string | undefined {
  if (!Array.isArray(value) || !isUnique(value)) return `${path}: expected a list of distinct property names`;
  for (const name of value as unknown[]) {
    const problem = typeof name === "string" ? nameProblem(name, path) : `${path}: expected property names`;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function nameProblem(name: string, path: string): string | undefined {
  return PROPERTY_NAME.test(name) && !(name in Object.prototype)
    ? undefined
    : `${path}: ${JSON.stringify(name.slice(0, 64))} cannot be a property name; use letters, digits, _ and -`;
}

function anyOfProblem(value: unknown, path: string, room: Room): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return `${path}: expected a list of schemas`;
  for (const [index, schema] of value.entries()) {
    const problem = nodeProblem(schema, `${path}[${index}]`, room);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function enumProblem(value: unknown, path: string): string | undefined {
  const listed = Array.isArray(value) && value.length > 0 && value.length <= 256;
  return listed && value.every(isScalar) && isUnique(value)
    ? undefined
    : `${path}: expected a list of 1 to 256 distinct strings, numbers, booleans or nulls`;
}

// One atom and its quantifier: a literal, an escape or a class. No groups, alternatives, look-around
// or back-references, so a match costs at most length^2 steps with the two open quantifiers below.
const ATOM =
  /(?:[^\\^$.*+?()[\]{}|]|\.|\\[dDwWsS.*+?()[\]{}|^$/\\]|\[\^?(?:[^\\\]]|\\[dDwWsS\\\]^-])+\])(?<quantifier>[*+?]|\{\d{1,4}(?:,\d{0,4})?\})?/uy;
const OPEN_QUANTIFIERS = 2;

function patternProblem(value: unknown, path: string): string | undefined {
  const rule = `${path}: expected ^...$ of literals, escapes and [classes] with plain quantifiers`;
  if (typeof value !== "string" || value.length > 256 || !value.startsWith("^") || !value.endsWith("$")) return rule;
  const body = value.slice(1, -1);
  let open = 0;
  for (let at = 0; at < body.length; at = ATOM.lastIndex) {
    ATOM.lastIndex = at;
    const quantifier = ATOM.exec(body)?.groups;
    if (quantifier === undefined) return rule;
    if (quantifier["quantifier"] !== undefined && !/^\{\d+\}$/u.test(quantifier["quantifier"])) open++;
  }
  if (open > OPEN_QUANTIFIERS) return `${rule}, at most ${OPEN_QUANTIFIERS} of them open-ended (*, +, ?, {n,m})`;
  return isRegExp(value) ? undefined : rule;
}

function isRegExp(source: string): boolean {
  try {
    return new RegExp(source, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

// Twice a count must stay an int32 in the code that the validator writes.
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 24;
}

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}
