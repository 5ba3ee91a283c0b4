// The JSON Schema of an AssemblyScript type. Whole numbers that come in are always bounded, for the
// guest's own reader would cut what does not fit without a word.

import type { JsonSchema } from "../manifest.ts";
import { adviceOnName } from "./source-advice.ts";
import { schemaProblem } from "../schema-policy.ts";
import {
  type ClassDeclaration,
  type Decorator,
  type FieldDeclaration,
  type SourceFile,
  type SourceFiles,
  type SourcePlace,
  type TypeExpression,
  decoratorOf,
  findType,
  sourceProblem,
} from "./source-model.ts";

/** Where types are looked up, and which way the value goes. */
export interface SchemaScope {
  readonly files: SourceFiles;
  readonly file: SourceFile;
  /** `in`: parameters, `out`: results and events. */
  readonly direction: "in" | "out";
}

interface Walk extends SchemaScope {
  /** Names of the classes around, to find those that hold themselves. */
  readonly around: readonly string[];
}

const SAFE = Number.MAX_SAFE_INTEGER;
/** Smallest and largest value of each whole type; JSON holds no more than 53 bits. */
const WHOLE: Readonly<Record<string, readonly [number, number]>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32_768, 32_767],
  u16: [0, 65_535],
  i32: [-2_147_483_648, 2_147_483_647],
  u32: [0, 4_294_967_295],
  isize: [-2_147_483_648, 2_147_483_647],
  usize: [0, 4_294_967_295],
  i64: [-SAFE, SAFE],
  u64: [0, SAFE],
};

type Constraint = (args: Decorator["args"]) => Record<string, unknown> | undefined;

const isNumber = (value: unknown): value is number => typeof value === "number";
const isText = (value: unknown): value is string => typeof value === "string";

/** A least of 0 says nothing. */
const bounds = (what: string, [least, most]: Decorator["args"]): Record<string, unknown> | undefined => {
  if (!isNumber(least) || !isNumber(most) || least > most) return undefined;
  return { ...(least === 0 ? {} : { [`min${what}`]: least }), [`max${what}`]: most };
};

/** What each constraint adds to a schema; undefined when its arguments are wrong. */
const CONSTRAINTS: Readonly<
  Record<string, { readonly form: string; readonly types: readonly string[]; readonly apply: Constraint }>
> = {
  length: {
    form: "@length(MIN, MAX), in characters, the smaller number first",
    types: ["string"],
    apply: (args) => bounds("Length", args),
  },
  items: {
    form: "@items(MIN, MAX), how many, the smaller number first",
    types: ["array"],
    apply: (args) => bounds("Items", args),
  },
  range: {
    form: "@range(MIN, MAX), the smaller number first, or @range(MIN)",
    types: ["integer", "number"],
    apply: ([least, most]) => {
      if (!isNumber(least) || (isNumber(most) && least > most)) return undefined;
      return isNumber(most) ? { minimum: least, maximum: most } : { minimum: least };
    },
  },
  pattern: {
    form: '@pattern("^...$", LENGTH_MAX)',
    types: ["string"],
    apply: ([pattern, most]) => (isText(pattern) && isNumber(most) ? { pattern, maxLength: most } : undefined),
  },
  oneOf: {
    form: '@oneOf("first", "second")',
    types: ["string"],
    apply: (args) => (args.length > 0 && args.every(isText) ? { enum: args } : undefined),
  },
  also: {
    form: '@also("value"), one value that is allowed besides',
    types: ["string"],
    apply: ([value]) => (isText(value) ? { also: value } : undefined),
  },
};

/** The schema of `type`. Throws `TWIN_PACKAGE_INVALID` at the line of what JSON cannot hold. */
export function schemaOfType(type: TypeExpression, scope: SchemaScope): JsonSchema {
  return checked(typeSchema(type, { ...scope, around: [] }), type.place);
}

/** The schema of an object with these fields; `optional` are those that may be absent. */
export function schemaOfFields(
  fields: readonly Pick<FieldDeclaration, "name" | "type">[],
  optional: ReadonlySet<string>,
  scope: SchemaScope,
): JsonSchema {
  const walk = { ...scope, around: [] };
  const properties = fields.map(({ name, type }) => [name, typeSchema(type!, walk)] as const);
  return objectSchema(properties, optional);
}

/** The class that `type` names, when it is a plain one. */
export function classOf(
  type: TypeExpression,
  { files, file }: Pick<SchemaScope, "files" | "file">,
): { readonly file: SourceFile; readonly declaration: ClassDeclaration } | undefined {
  const found = findType(files, file, type.name);
  if (found === undefined || type.nullable) return undefined;
  const { declaration } = found;
  return "fields" in declaration
    ? { file: found.file, declaration }
    : classOf(declaration.type, { files, file: found.file });
}

function typeSchema(type: TypeExpression, walk: Walk): Record<string, unknown> {
  const plain = plainSchema(type, walk);
  if (!type.nullable) return plain;
  if (isPrimitive(type.name))
    throw sourceProblem(type.place, `${type.name} cannot be null; write JSON.Box<${type.name}> | null.`);
  return orNull(plain);
}

function plainSchema({ name, args, place }: TypeExpression, walk: Walk): Record<string, unknown> {
  if (name === "string" || name === "String") return { type: "string" };
  if (name === "bool" || name === "boolean") return { type: "boolean" };
  if (name === "f64" || name === "f32") return { type: "number" };
  const whole = Object.hasOwn(WHOLE, name) ? WHOLE[name] : undefined;
  if (whole !== undefined) {
    return walk.direction === "out" ? { type: "integer" } : { type: "integer", minimum: whole[0], maximum: whole[1] };
  }
  if (name === "JSON.Box" && args.length === 1) return typeSchema(args[0]!, walk);
  if (name === "Array" && args.length === 1) return { type: "array", items: typeSchema(args[0]!, walk) };
  if (name === "Map" && args.length === 2 && args[0]!.name === "string") {
    return { type: "object", additionalProperties: typeSchema(args[1]!, walk) };
  }
  const found = findType(walk.files, walk.file, name);
  if (found === undefined) throw sourceProblem(place, unknownType(name));
  const inside = { ...walk, file: found.file };
  const { declaration } = found;
  return "fields" in declaration
    ? classSchema(declaration, place, inside)
    : constrain(typeSchema(declaration.type, inside), declaration.decorators);
}

function isPrimitive(name: string): boolean {
  return Object.hasOwn(WHOLE, name) || ["bool", "boolean", "f64", "f32"].includes(name);
}

function unknownType(name: string): string {
  if (name === "") return "a type has to stand here, such as: string.";
  if (name === "Map") return "a map crosses the border as Map<string, T>: keys are text in JSON.";
  if (["()", "ArrayBuffer", "Uint8Array", "Set"].includes(name)) {
    return `JSON cannot hold ${name === "()" ? "a function" : name}; use a string, number, bool, array, Map<string, T> or @json class.`;
  }
  const advice = adviceOnName(name) ?? "declare it, or import it from a file of this folder";
  return `there is no type ${name}: ${advice}.`;
}

function classSchema(declared: ClassDeclaration, place: SourcePlace, walk: Walk): Record<string, unknown> {
  const { name } = declared;
  if (declared.isInterface) {
    throw sourceProblem(declared.place, `${name} is an interface; write @json class ${name}, with initial values.`);
  }
  if (decoratorOf(declared, "json") === undefined && decoratorOf(declared, "event") === undefined) {
    throw sourceProblem(
      declared.place,
      `${name} crosses the border of the capability; write @json in front of its class.`,
    );
  }
  if (declared.isGeneric)
    throw sourceProblem(declared.place, `${name} has type parameters; write a class for each use.`);
  if (walk.around.includes(name)) {
    throw sourceProblem(place, `${name} holds itself, so its schema would never end; refer to it by an id.`);
  }
  const inside = { ...walk, around: [...walk.around, name] };
  const fields = allFields(declared, inside);
  if (fields.length === 0 && decoratorOf(declared, "event") === undefined) {
    throw sourceProblem(declared.place, `${name} has no fields; what has nothing to say needs no class.`);
  }
  const shown = fields.filter(({ field }) => decoratorOf(field, "omit") === undefined);
  const optional = shown.filter(({ field }) => isOptional(field)).map(({ field }) => jsonName(field));
  const empty = shown.find(({ field }) => isOptional(field) && !field.hasInitial)?.field;
  if (empty !== undefined) {
    throw sourceProblem(
      empty.place,
      `${empty.name} may be absent, so it needs an initial value: ${empty.name}: ... = ...`,
    );
  }
  const properties = shown.map(
    ({ field, file }) => [jsonName(field), fieldSchema(field, { ...inside, file })] as const,
  );
  return objectSchema(properties, new Set(optional));
}

/** Those of its base classes first. */
function allFields(declared: ClassDeclaration, walk: Walk): { field: FieldDeclaration; file: SourceFile }[] {
  const own = declared.fields.map((field) => ({ field, file: walk.file }));
  if (declared.base === undefined) return own;
  const base = classOf(declared.base, walk);
  if (base === undefined) throw sourceProblem(declared.base.place, unknownType(declared.base.name));
  return [...allFields(base.declaration, { ...walk, file: base.file }), ...own];
}

function fieldSchema(field: FieldDeclaration, walk: Walk): Record<string, unknown> {
  if (field.type === undefined)
    throw sourceProblem(field.place, `${field.name} needs a type, such as: ${field.name}: string = "";`);
  const schema = constrain(typeSchema(field.type, walk), field.decorators);
  return field.doc === "" ? schema : { ...schema, description: field.doc };
}

function isOptional(field: FieldDeclaration): boolean {
  return ["optional", "omitif", "omitnull"].some((name) => decoratorOf(field, name) !== undefined);
}

function jsonName(field: FieldDeclaration): string {
  const [alias] = decoratorOf(field, "alias")?.args ?? [];
  return isText(alias) ? alias : field.name;
}

function objectSchema(
  properties: readonly (readonly [string, unknown])[],
  optional: ReadonlySet<string>,
): Record<string, unknown> {
  const required = properties.map(([name]) => name).filter((name) => !optional.has(name));
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

/** `schema` with what the decorators ask of the value. */
function constrain(schema: Record<string, unknown>, decorators: readonly Decorator[]): Record<string, unknown> {
  let result = schema;
  // What is allowed besides stands beside all the rest.
  const ordered = decorators.toSorted((left, right) => Number(left.name === "also") - Number(right.name === "also"));
  for (const { name, args, place } of ordered) {
    const constraint = Object.hasOwn(CONSTRAINTS, name) ? CONSTRAINTS[name] : undefined;
    if (constraint === undefined) continue;
    if (
      !constraint.types.some(
        (type) => type === result["type"] || (Array.isArray(result["type"]) && result["type"].includes(type)),
      )
    ) {
      throw sourceProblem(place, `@${name} is for ${constraint.types.join(" and ")}; this is another type.`);
    }
    const added = constraint.apply(args);
    if (added === undefined) throw sourceProblem(place, `@${name} is written ${constraint.form}.`);
    if (goesBeyond(result, added)) {
      const message = `@${name} goes beyond what the type holds: ${String(result["minimum"])} to ${String(result["maximum"])}.`;
      throw sourceProblem(place, message);
    }
    if ("enum" in added) result = added;
    else if ("also" in added) result = { anyOf: [{ const: added["also"] }, result] };
    else result = { ...result, ...added };
  }
  if (decorators.length > 0) checked(result, decorators[0]!.place);
  return result;
}

/** Whether a range would let in what the type cuts without a word. */
function goesBeyond(type: Readonly<Record<string, unknown>>, added: Readonly<Record<string, unknown>>): boolean {
  const { minimum: least = -Infinity, maximum: most = Infinity } = type;
  return ["minimum", "maximum"].some((bound) => {
    const value = added[bound];
    return isNumber(value) && (value < Number(least) || value > Number(most));
  });
}

function orNull(schema: Record<string, unknown>): Record<string, unknown> {
  const isPlain = isText(schema["type"]) && schema["type"] !== "object" && schema["type"] !== "array";
  return isPlain ? { ...schema, type: [schema["type"], "null"] } : { anyOf: [schema, { type: "null" }] };
}

function checked(schema: Record<string, unknown>, place: SourcePlace): Record<string, unknown> {
  const problem = schemaProblem(schema);
  if (problem !== undefined) throw sourceProblem(place, `its schema is not one that a manifest can hold. ${problem}.`);
  return schema;
}
