// The text that the compiler gets in place of the author's: every line keeps its number, and behind
// the last one stands what turns payloads into arguments and results into answers.

import type { SourceDescription, SourceMethod } from "./describe-source.ts";
import { findSchedules, type FoundSchedule } from "./find-schedules.ts";
import {
  type ClassDeclaration,
  decoratorOf,
  findType,
  type FunctionDeclaration,
  type SourceFile,
  type SourceFiles,
  type TypeExpression,
} from "./source-model.ts";

/** One change of a text. */
interface Splice {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

/** A text that is compiled in place of an author's. */
export interface GluedText {
  readonly text: string;
  /** Where what stands at an offset stands in the author's text; undefined for what the glue added behind it. */
  originalOffset(offset: number): number | undefined;
}

/** What the glue is written in. */
const HEAD = [
  ["answer as twin__answer", "twin/abi"],
  ["params as twin__params, reply as twin__reply", "twin/payload"],
  ["schedule as twin__schedule", "twin/effects"],
]
  .map(([names, file]) => `import { ${names} } from ${JSON.stringify(file)};\n`)
  .join("");

/** Texts by path, for all files that are not compiled as they are. */
export function writeGlue(
  index: SourceFile,
  files: SourceFiles,
  { methods }: SourceDescription,
): ReadonlyMap<string, GluedText> {
  const texts = new Map<string, GluedText>();
  // Methods that ask for the same fields share one class, and with it the code that reads it.
  const classes = new Map<string, string>();
  const schedules = findSchedules(index);
  const scheduled = new Set(schedules.map(({ method }) => method));
  const glue = methods.map((method) => methodGlue(method, { index, files, classes, scheduled })).join("");
  for (const [path, file] of files) {
    const splices = [...file.classes.values()].flatMap((declared) => [
      ...eventSplices(declared),
      ...fieldSplices(declared, file, files),
    ]);
    const hidden = file === index ? methods.map(({ declaration }) => declaration.exportStart!) : [];
    // A method's export is its glue; its own would have another signature.
    splices.push(...hidden.map((at) => ({ at, remove: "export".length, insert: " ".repeat("export".length) })));
    if (file === index) splices.push(...schedules.map(scheduleSplice));
    if (file === index) splices.push({ at: file.text.length, remove: 0, insert: `\n${HEAD}${glue}` });
    if (splices.length > 0) texts.set(path, spliced(file.text, splices));
  }
  return texts;
}

/** A payload is checked against the method that it is for. */
function scheduleSplice({ method, start, end }: FoundSchedule): Splice {
  return { at: start, remove: end - start, insert: `twin__schedule_${method}` };
}

/** An event's class is a JSON class, and knows its topic. */
function eventSplices(declared: ClassDeclaration): Splice[] {
  const event = decoratorOf(declared, "event");
  if (event === undefined) return [];
  const topic = `twin__topic(): string { return ${JSON.stringify(event.args[0])}; }`;
  const splices = [{ at: declared.bodyStart, remove: 0, insert: topic }];
  if (decoratorOf(declared, "json") === undefined) splices.push({ at: event.start, remove: 0, insert: "@json " });
  return splices;
}

/** The JSON library goes by the names of types: it must see `string` where the author gave it another name. */
function fieldSplices(declared: ClassDeclaration, file: SourceFile, files: SourceFiles): Splice[] {
  if (decoratorOf(declared, "json") === undefined && decoratorOf(declared, "event") === undefined) return [];
  return declared.fields.flatMap(({ type }) => {
    if (type === undefined) return [];
    const [start, end] = type.span;
    const [plain, written] = [plainText(type, file, files), typeText(type)];
    return plain === written ? [] : [{ at: start, remove: end - start, insert: plain }];
  });
}

/** The type without the names that type declarations gave it. */
function plainText(type: TypeExpression, file: SourceFile, files: SourceFiles): string {
  const found = findType(files, file, type.name);
  if (found !== undefined && !("fields" in found.declaration)) {
    const target = found.declaration.type;
    const nullable = type.nullable || target.nullable;
    return plainText({ ...target, nullable }, found.file, files);
  }
  return typeText(type, (arg) => plainText(arg, file, files));
}

function spliced(text: string, splices: readonly Splice[]): GluedText {
  const ordered = splices.toSorted((left, right) => left.at - right.at);
  let result = "";
  let end = 0;
  for (const { at, remove, insert } of ordered) {
    result += text.slice(end, at) + insert;
    end = at + remove;
  }
  return {
    text: result + text.slice(end),
    originalOffset: (offset) => {
      let shift = 0;
      for (const { at, remove, insert } of ordered) {
        if (offset < at + shift) break;
        if (offset < at + shift + insert.length) return at === text.length ? undefined : at;
        shift += insert.length - remove;
      }
      return offset - shift;
    },
  };
}

interface GlueScope {
  readonly index: SourceFile;
  readonly files: SourceFiles;
  /** Names of the classes of parameters, by their fields. */
  readonly classes: Map<string, string>;
  /** Methods that the capability calls later. */
  readonly scheduled: ReadonlySet<string>;
}

function methodGlue({ declaration, payload }: SourceMethod, scope: GlueScope): string {
  const { name, parameters, result } = declaration;
  const { className, classText } =
    payload === undefined ? askedClass(declaration, scope) : { className: payload, classText: "" };
  const args = payload === undefined ? parameters.map((parameter) => `asked.${parameter.name}`).join(", ") : "asked";
  const reading = parameters.length === 0 ? "" : `const asked = twin__params<${className}>(address, size); `;
  const call = `${name}(${parameters.length === 0 ? "" : args})`;
  const answering =
    result.name === "void"
      ? `${call}; return twin__answer(String.UTF8.encode("{}"));`
      : `return twin__reply<${typeText(result)}>(${call});`;
  const later = scope.scheduled.has(name)
    ? `function twin__schedule_${name}(dueAtMs: i64, method: string, payload: ${className}): i64 { return twin__schedule<${className}>(dueAtMs, method, payload); }\n`
    : "";
  return `${classText}${later}function twin_${name}(address: usize, size: i32): i64 { ${reading}${answering} }\nexport { twin_${name} as ${name} };\n`;
}

/** The class whose fields are the parameters of a method; its text is empty when it stands already. */
function askedClass(
  { name, parameters }: FunctionDeclaration,
  { index, files, classes, scheduled }: GlueScope,
): {
  readonly className: string;
  readonly classText: string;
} {
  // Without an initial value, a literal must give the field; the payload always does.
  const fields = parameters.map(({ name: field, type, initial }) => {
    const plain = plainText(type, index, files);
    return initial === undefined ? `${field}!: ${plain};` : `${field}: ${plain} = ${initial};`;
  });
  const body = fields.join(" ");
  const known = body === "" ? undefined : classes.get(body);
  if (known !== undefined) return { className: known, classText: "" };
  const className = `twin__${name}`;
  classes.set(body, className);
  if (body === "" && !scheduled.has(name)) return { className, classText: "" };
  // The JSON library cannot do without any field.
  const inside = body === "" ? "@omit none: bool = false;" : body;
  return { className, classText: `@json class ${className} { ${inside} }\n` };
}

function typeText(
  { name, args, nullable }: TypeExpression,
  textOf: (arg: TypeExpression) => string = (arg) => typeText(arg),
): string {
  const inner = args.length === 0 ? "" : `<${args.map((arg) => textOf(arg)).join(", ")}>`;
  return `${name}${inner}${nullable ? " | null" : ""}`;
}
