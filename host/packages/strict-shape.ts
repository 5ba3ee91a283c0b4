// Strict reading of JSON that strangers wrote: every field is known, present, of the right kind and
// bounded. A failure says path, expectation and finding.

import { TwinError, type TwinErrorCode } from "../base/errors.ts";

/** Where a value stands, and the code of the error that refuses it. */
export interface Place {
  readonly path: string;
  readonly code: TwinErrorCode;
}

/** Whether `value` is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The place of a part of what stands at `place`. */
export function within(place: Place, part: string | number): Place {
  const step = typeof part === "number" ? `[${part}]` : `${place.path === "" ? "" : "."}${part}`;
  return { path: `${place.path}${step}`, code: place.code };
}

/** Refuses the value at `place`. */
export function refuse(place: Place, expected: string, got: unknown): never {
  const path = place.path === "" ? "The whole" : place.path;
  throw new TwinError(place.code, `${path}: expected ${expected}, got ${describe(got)}.`, { path: place.path });
}

/** A JSON object with all of `required`, any of `optional` and nothing else. */
export function expectFields(
  value: unknown,
  place: Place,
  { required, optional = [] }: { readonly required: readonly string[]; readonly optional?: readonly string[] },
): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) refuse(place, "an object", value);
  for (const name of Object.keys(value)) {
    if (!required.includes(name) && !optional.includes(name)) {
      refuse(
        within(place, name.slice(0, 64)),
        `no such field (known: ${[...required, ...optional].join(", ")})`,
        value[name],
      );
    }
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) refuse(within(place, name), "a value", undefined);
  }
  return value;
}

// Control characters and bidirectional overrides could make the owner read something else than what
// is asked.
const MISLEADING = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Text for people: 1 to `lengthMax` characters on one line, without characters that mislead the eye. */
export function expectText(value: unknown, place: Place, lengthMax: number): string {
  if (typeof value !== "string") refuse(place, "text", value);
  if (value.trim() === "" || value.length > lengthMax) refuse(place, `text of 1 to ${lengthMax} characters`, value);
  if (MISLEADING.test(value)) refuse(place, "text without control characters", value);
  return value;
}

/** A string that `pattern` (anchored) matches; `form` says it in words. */
export function expectMatch(
  value: unknown,
  place: Place,
  { pattern, form }: { pattern: RegExp; form: string },
): string {
  if (typeof value !== "string" || value.length > 256 || !pattern.test(value)) refuse(place, form, value);
  return value;
}

/** A whole number from `least` to `most`. */
export function expectInteger(value: unknown, place: Place, { least, most }: { least: number; most: number }): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    refuse(place, `a whole number from ${least} to ${most}`, value);
  }
  return value as number;
}

/** A list of `least` to `most` items, each read by `read`. */
export function expectList<Item>(
  value: unknown,
  place: Place,
  { least = 0, most, read }: { least?: number; most: number; read: (item: unknown, place: Place) => Item },
): Item[] {
  if (!Array.isArray(value)) refuse(place, "a list", value);
  if (value.length < least || value.length > most) refuse(place, `a list of ${least} to ${most} items`, value);
  return (value as unknown[]).map((item, index) => read(item, within(place, index)));
}

/** A list of distinct strings, each read by `read`. */
export function expectNames(
  value: unknown,
  place: Place,
  rule: { least?: number; most: number; read: (item: unknown, place: Place) => string },
): string[] {
  const names = expectList(value, place, rule);
  if (new Set(names).size !== names.length) refuse(place, "distinct names", value);
  return names;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string")
    return value.length > 64 ? `text of ${value.length} characters` : JSON.stringify(value);
  return isRecord(value) ? "an object" : JSON.stringify(value);
}
