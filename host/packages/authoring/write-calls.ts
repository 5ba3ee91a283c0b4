// Typed calls of another capability, in AssemblyScript, from its manifest: what `capability add` puts
// into an author's folder. The manifest is a stranger's: its names are checked, its texts are comments.

import { docComment } from "../doc-comment.ts";
import type { JsonSchema, Manifest, Method } from "../manifest.ts";
import { isRecord } from "../strict-shape.ts";

/** What the calls are written from. */
export type CalledCapability = Pick<Manifest, "name" | "version" | "title" | "methods">;

/** First words of every file of calls: by them a build knows one. */
export const CALLS_HEAD = "// Typed calls of ";

/** Folder of the calls in that of a capability. */
export const CALLS_FOLDER = "calls";

/** Words that AssemblyScript keeps for itself, as far as a method, field or capability may be named so. */
const KEYWORDS = new Set(
  "abstract async await bool break case catch class const constructor continue debugger declare default delete do else enum export extends f64 false finally function i64 if implements import in instanceof interface let new null of override package private protected public readonly return static string super switch this throw true try typeof var void while with yield".split(
    " ",
  ),
);

/** What the file itself calls by these names. */
const OWN_NAMES = new Set(["at", "call", "send"]);

const RAW = "JSON.Raw";
/** Types of AssemblyScript that cannot be null without a box. */
const PLAIN = new Set(["i64", "f64", "bool"]);
/** What stands in a plain field that is not there, and how it is told. */
const ABSENT: Readonly<Record<string, { readonly value: string; readonly test: (field: string) => string }>> = {
  i64: { value: "ABSENT", test: (field) => `${field} == ABSENT` },
  f64: { value: "NaN", test: (field) => `isNaN(${field})` },
};

/** A type of AssemblyScript. */
interface AssemblyType {
  readonly name: string;
  readonly nullable: boolean;
}

/** The name that the methods stand under in a file of calls: `my-notes` is `myNotes`. */
export function callsName(capability: string): string {
  const name = capability.replaceAll(/-+([a-z0-9]?)/gu, (_, next: string) => next.toUpperCase());
  return functionName(name);
}

function functionName(name: string): string {
  return KEYWORDS.has(name) || OWN_NAMES.has(name) ? `${name}_` : name;
}

/** The method that a name in a file of calls stands for; undefined for `at`, which calls nothing. */
export function methodOfCall(name: string): string | undefined {
  if (name === "at") return undefined;
  const bare = name.endsWith("_") ? name.slice(0, -1) : name;
  return functionName(bare) === name ? bare : name;
}

/** The file of calls for a capability. The same manifest, the same text. */
export function writeCalls(capability: CalledCapability): string {
  return new CallsWriter(capability).write();
}

class CallsWriter {
  readonly #capability: CalledCapability;
  readonly #prefix: string;
  readonly #classes: string[] = [];
  readonly #taken = new Set<string>();
  /** Names of classes by their bodies. */
  readonly #known = new Map<string, string>();

  constructor(capability: CalledCapability) {
    this.#capability = capability;
    const name = callsName(capability.name);
    this.#prefix = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  }

  write(): string {
    const { name, version, title, methods } = this.#capability;
    const messages = this.#fresh(`${this.#prefix}Messages`);
    const functions = Object.entries(methods).map(([method, description]) => this.#function(method, description));
    const sending = functions.flatMap(({ message }) => (message === undefined ? [] : [message]));
    const parts = functions.map(({ call }) => call);
    if (sending.length > 0) {
      const doc = "Sends to the twin of another person, in place of calling here. Needs the permission `send`.";
      const body = `export function at(twin: string): ${messages} {\n    return new ${messages}(twin);\n  }\n`;
      parts.push(`${docComment(doc, "  ")}  ${body}`);
      const constructor = "constructor(private twin: string) {}";
      this.#classes.push(`\nclass ${messages} {\n${[`  ${constructor}\n`, ...sending].join("\n")}}\n`);
    }
    const classes = this.#classes.join("");
    return [
      `${CALLS_HEAD}${name} ${version}. Written by \`twin capability add\`: do not edit, add it again.\n\n`,
      importLine("JSON", "json-as"),
      importLine(sending.length > 0 ? "ABSENT, call, send" : "ABSENT, call", "twin"),
      `${classes}\n${docComment(title, "")}export namespace ${callsName(name)} {\n${parts.join("\n")}}\n`,
    ].join("");
  }

  #function(method: string, { kind, doc, params, result, exposeTo = [] }: Method) {
    const asked = this.#payload(params, `${pascal(method)}Params`);
    const answered = isNothing(result) ? undefined : typeText(this.#type(result, `${pascal(method)}Result`));
    const name = functionName(method);
    const target = `${JSON.stringify(this.#capability.name)}, ${JSON.stringify(method)}`;
    const call = `call<${asked.type}, ${answered ?? RAW}>(${target}, ${asked.value});`;
    const described = `${doc} (${kind})`;
    const isMessage = kind === "command" && exposeTo.length > 0;
    return {
      call: `${docComment(described, "  ")}  export function ${name}(${asked.parameter}): ${answered ?? "void"} {\n    ${answered === undefined ? "" : "return "}${call}\n  }\n`,
      message: isMessage
        ? `${docComment(doc, "  ")}  ${name}(${asked.parameter}): void {\n    send<${asked.type}>(this.twin, ${target}, ${asked.value});\n  }\n`
        : undefined,
    };
  }

  /** Parameters that may all be absent need not be given. */
  #payload(schema: JsonSchema, path: string): { type: string; parameter: string; value: string } {
    if (isNothing(schema)) return { type: RAW, parameter: "", value: `new ${RAW}("{}")` };
    const type = typeText(this.#type(schema, path));
    const required = isRecord(schema) && Array.isArray(schema["required"]) ? schema["required"] : [];
    const isOptional = this.#taken.has(type) && required.length === 0;
    return { type, parameter: `params: ${type}${isOptional ? ` = new ${type}()` : ""}`, value: "params" };
  }

  #type(schema: unknown, path: string): AssemblyType {
    if (!isRecord(schema)) return { name: RAW, nullable: false };
    const { enum: values, anyOf, type } = schema;
    if (Object.hasOwn(schema, "const")) return scalarType([schema["const"]]);
    if (Array.isArray(values)) return scalarType(values);
    if (Array.isArray(anyOf)) return this.#union(anyOf, path);
    const types = Array.isArray(type) ? (type as unknown[]) : [type];
    const [only, ...more] = types.filter((each) => each !== "null");
    const nullable = types.includes("null");
    return more.length > 0 ? { name: RAW, nullable: false } : { name: this.#plain(only, schema, path), nullable };
  }

  #union(parts: readonly unknown[], path: string): AssemblyType {
    const others = parts.filter((part) => !isNull(part));
    const [first, ...more] = others.length === 1 ? [this.#type(others[0], path)] : others.map(simpleType);
    if (first === undefined || more.some(({ name }) => name !== first.name)) return { name: RAW, nullable: false };
    return { name: first.name, nullable: [first, ...more].some(({ nullable }) => nullable) || parts.some(isNull) };
  }

  #plain(type: unknown, schema: Readonly<Record<string, unknown>>, path: string): string {
    const simple = SIMPLE[String(type)];
    if (simple !== undefined) return simple;
    if (type === "array") {
      const item = this.#type(schema["items"], path);
      return `Array<${typeText(item)}>`;
    }
    if (type !== "object") return RAW;
    const { properties, additionalProperties: more } = schema;
    if (isRecord(properties) && Object.keys(properties).length > 0) return this.#class(schema, properties, path);
    return isRecord(more) ? `Map<string, ${typeText(this.#type(more, path))}>` : RAW;
  }

  #class(
    schema: Readonly<Record<string, unknown>>,
    properties: Readonly<Record<string, unknown>>,
    path: string,
  ): string {
    const required = Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : [];
    const names = new Set<string>();
    const fields = Object.entries(properties).map(([property, of]) => {
      const type = this.#type(of, `${path}${pascal(property)}`);
      const doc = isRecord(of) && typeof of["description"] === "string" ? docComment(of["description"], "  ") : "";
      return `${doc}${fieldText({ property, type, isRequired: required.includes(property), names })}`;
    });
    // Payloads of one form are one class, so that what one method answers can go into another.
    const body = fields.join("");
    const known = this.#known.get(body);
    if (known !== undefined) return known;
    const name = this.#fresh(`${this.#prefix}${path}`);
    this.#known.set(body, name);
    this.#classes.push(`\n@json\nexport class ${name} {\n${body}}\n`);
    return name;
  }

  #fresh(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}${count}`;
    this.#taken.add(name);
    return name;
  }
}

function isNull(schema: unknown): boolean {
  return isRecord(schema) && (schema["type"] === "null" || schema["const"] === null);
}

const SIMPLE: Readonly<Record<string, string | undefined>> = {
  string: "string",
  boolean: "bool",
  integer: "i64",
  number: "f64",
};

/** The type of a schema without parts; JSON's text for all others. */
function simpleType(schema: unknown): AssemblyType {
  if (!isRecord(schema)) return { name: RAW, nullable: false };
  if (Object.hasOwn(schema, "const")) return scalarType([schema["const"]]);
  if (Array.isArray(schema["enum"])) return scalarType(schema["enum"]);
  return { name: SIMPLE[String(schema["type"])] ?? RAW, nullable: false };
}

/** The type that holds all of these values. */
function scalarType(values: readonly unknown[]): AssemblyType {
  const names = new Set(values.filter((value) => value !== null).map(scalarName));
  const [name = RAW] = names.size === 1 ? names : [];
  return { name, nullable: name !== RAW && values.includes(null) };
}

function scalarName(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return Number.isInteger(value) ? "i64" : "f64";
}

function typeText({ name, nullable }: AssemblyType): string {
  if (!nullable) return name;
  return `${PLAIN.has(name) ? `JSON.Box<${name}>` : name} | null`;
}

/** A field that must be given has no initial value, so that a literal without it does not compile. */
function fieldText({
  property,
  type,
  isRequired,
  names,
}: {
  readonly property: string;
  readonly type: AssemblyType;
  readonly isRequired: boolean;
  readonly names: Set<string>;
}): string {
  let field = property.replaceAll("-", "_");
  while (KEYWORDS.has(field) || names.has(field)) field += "_";
  names.add(field);
  const alias = field === property ? "" : `@alias(${JSON.stringify(property)}) `;
  if (isRequired) {
    const initial = type.nullable
      ? " = null"
      : PLAIN.has(type.name)
        ? ` = ${type.name === "bool" ? "false" : "0"}`
        : "";
    return `  ${alias}${field}${initial === "" ? "!" : ""}: ${typeText(type)}${initial};\n`;
  }
  const absent = type.nullable ? undefined : ABSENT[type.name];
  const [text, initial, test] =
    absent === undefined
      ? [typeText({ ...type, nullable: true }), "null", `this.${field} === null`]
      : [type.name, absent.value, absent.test(`this.${field}`)];
  return `  ${alias}@omitif(${JSON.stringify(test)}) ${field}: ${text} = ${initial};\n`;
}

/** An object that can only be empty. */
function isNothing(schema: JsonSchema): boolean {
  if (!isRecord(schema) || schema["type"] !== "object" || schema["additionalProperties"] !== false) return false;
  return !isRecord(schema["properties"]) || Object.keys(schema["properties"]).length === 0;
}

function importLine(names: string, file: string): string {
  return `import { ${names} } from ${JSON.stringify(file)};\n`;
}

/** `mark_read` -> `MarkRead` */
function pascal(name: string): string {
  return name.replaceAll(/(?:^|[-_]+)([A-Za-z0-9]?)/gu, (_, next: string) => next.toUpperCase());
}
