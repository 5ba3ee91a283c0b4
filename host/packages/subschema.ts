// Whether one JSON Schema takes in another: every value that fits `narrow` fits `wide`. It never says
// yes wrongly; where it cannot tell, it says no.

import { canonicalJson } from "./canonical-json.ts";
import type { JsonSchema } from "./manifest.ts";
import { isRecord } from "./strict-shape.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Keywords that say nothing of the value. */
const WORDS = new Set(["title", "description"]);
const LEAST = ["minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"];
const MOST = ["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"];
/** Compared one by one; any other keyword must be the same in both. */
const COMPARED = new Set(["type", "properties", "required", "additionalProperties", "items", ...LEAST, ...MOST]);

/** Whether every value that fits `narrow` fits `wide`, as far as can be told from their form. */
export function isSubschema(narrow: JsonSchema, wide: JsonSchema): boolean {
  if (wide === true || narrow === false) return true;
  if (narrow === true || wide === false) return isRecord(wide) && Object.keys(wide).every((word) => WORDS.has(word));
  return isWithin(narrow, wide);
}

function isWithin(narrow: Fields, wide: Fields): boolean {
  if (canonicalJson(withoutWords(narrow)) === canonicalJson(withoutWords(wide))) return true;
  const parts = alternatives(narrow);
  if (parts !== undefined) return parts.every((part) => isSubschema(part, wide));
  const choices = alternatives(wide);
  if (choices !== undefined) return choices.some((choice) => isSubschema(narrow, choice));
  const values = valuesOf(narrow);
  if (values !== undefined) return values.every((value) => hasValue(wide, value));
  return (
    isTypeWithin(narrow, wide) &&
    areBoundsWithin(narrow, wide) &&
    areItemsWithin(narrow, wide) &&
    arePropertiesWithin(narrow, wide) &&
    areOthersSame(narrow, wide)
  );
}

/** A field of that name is no word: its value is a schema, not text. */
function withoutWords(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map((part) => withoutWords(part));
  if (!isRecord(schema)) return schema;
  const entries = Object.entries(schema).filter(([word, value]) => !WORDS.has(word) || typeof value !== "string");
  return Object.fromEntries(entries.map(([word, value]) => [word, withoutWords(value)]));
}

/** `anyOf` alone, or one schema for each of several types. */
function alternatives(schema: Fields): JsonSchema[] | undefined {
  const { anyOf, type, ...rest } = schema;
  if (Array.isArray(anyOf)) {
    const isAlone = type === undefined && Object.keys(rest).every((word) => WORDS.has(word));
    return isAlone ? (anyOf as JsonSchema[]) : undefined;
  }
  return Array.isArray(type) && type.length > 1 ? type.map((one) => ({ ...rest, type: one as unknown })) : undefined;
}

function valuesOf({ enum: values, const: value }: Fields): unknown[] | undefined {
  if (Array.isArray(values)) return values as unknown[];
  return value === undefined ? undefined : [value];
}

/** Only what a list of values, or a bare type, can tell. */
function hasValue(wide: Fields, value: unknown): boolean {
  const values = valuesOf(wide);
  if (values !== undefined) return values.includes(value);
  const constraints = Object.keys(wide).filter((word) => !WORDS.has(word) && word !== "type");
  return constraints.length === 0 && typesOf(wide).includes(value === null ? "null" : typeof value);
}

function typesOf({ type }: Fields): unknown[] {
  return Array.isArray(type) ? (type as unknown[]) : [type];
}

function isTypeWithin(narrow: Fields, wide: Fields): boolean {
  if (wide["type"] === undefined) return true;
  const allowed = typesOf(wide);
  return typesOf(narrow).every((type) => allowed.includes(type) || (type === "integer" && allowed.includes("number")));
}

function areBoundsWithin(narrow: Fields, wide: Fields): boolean {
  const holds = (word: string, isTighter: (ours: number, theirs: number) => boolean): boolean =>
    wide[word] === undefined || (narrow[word] !== undefined && isTighter(narrow[word] as number, wide[word] as number));
  return (
    LEAST.every((word) => holds(word, (ours, theirs) => ours >= theirs)) &&
    MOST.every((word) => holds(word, (ours, theirs) => ours <= theirs))
  );
}

function areItemsWithin({ items: narrow = true }: Fields, { items: wide = true }: Fields): boolean {
  return isSubschema(narrow as JsonSchema, wide as JsonSchema);
}

function arePropertiesWithin(narrow: Fields, wide: Fields): boolean {
  const [ours, theirs] = [propertiesOf(narrow), propertiesOf(wide)];
  const [have, need] = [requiredOf(narrow), requiredOf(wide)];
  if (!need.every((name) => have.includes(name))) return false;
  const [rest = true, more = true] = [narrow["additionalProperties"], wide["additionalProperties"]] as JsonSchema[];
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
  return isSubschema(rest, more) && names.every((name) => isSubschema(ours[name] ?? rest, theirs[name] ?? more));
}

function propertiesOf({ properties }: Fields): Readonly<Record<string, JsonSchema>> {
  return isRecord(properties) ? (properties as Readonly<Record<string, JsonSchema>>) : {};
}

function requiredOf({ required }: Fields): readonly unknown[] {
  return Array.isArray(required) ? (required as unknown[]) : [];
}

function areOthersSame(narrow: Fields, wide: Fields): boolean {
  const words = Object.keys(wide).filter((word) => !WORDS.has(word) && !COMPARED.has(word));
  return words.every(
    (word) => Object.hasOwn(narrow, word) && canonicalJson(narrow[word]) === canonicalJson(wide[word]),
  );
}
