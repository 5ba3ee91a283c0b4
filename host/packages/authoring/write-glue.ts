// The text that the compiler gets in place of the author's: every line keeps its number, and behind
// the last one stands what turns payloads into arguments and results into answers.

import type { SourceDescription, SourceMethod } from "./describe-source.ts";
import {
  type AliasDeclaration,
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

/** What the glue is written in. */
const HEAD = [
  ["answer as twin__answer", "twin/abi"],
  ["params as twin__params, reply as twin__reply", "twin/payload"],
]
  .map(([names, file]) => `import { ${names} } from ${JSON.stringify(file)};\n`)
  .join("");

/** Texts by path, for all files that are not compiled as they are. */
export function writeGlue(
  index: SourceFile,
  files: SourceFiles,
  { methods }: SourceDescription,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [path, file] of files) {
    const splices = [...file.classes.values()].flatMap((declared) => [
      ...eventSplices(declared),
      ...fieldSplices(declared, file, files),
    ]);
    const hidden = file === index ? methods.map(({ declaration }) => declaration.exportStart!) : [];
    // A method's export is its glue; its own would have another signature.
    splices.push(...hidden.map((at) => ({ at, remove: "export".length, insert: " ".repeat("export".length) })));
    if (splices.length === 0) continue;
    texts.set(path, spliced(file.text, splices));
  }
  // Methods that ask for the same fields share one class, and with it the code that reads it.
  const classes = new Map<string, string>();
  const glue = methods.map((method) => methodGlue(method, { index, files, classes })).join("");
  return texts.set(index.path, `${texts.get(index.path) ?? index.text}\n${HEAD}${glue}`);
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

function spliced(text: string, splices: readonly Splice[]): string {
  let result = text;
  for (const { at, remove, insert } of splices.toSorted((left, right) => right.at - left.at)) {
    result = result.slice(0, at) + insert + result.slice(at + remove);
  }
  return result;
}

interface GlueScope {
  readonly index: SourceFile;
  readonly files: SourceFiles;
  /** Names of the classes of parameters, by their fields. */
  readonly classes: Map<string, string>;
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
  return `${classText}function twin_${name}(address: usize, size: i32): i64 { ${reading}${answering} }\nexport { twin_${name} as ${name} };\n`;
}

/** The class whose fields are the parameters of a method; its text is empty when it stands already. */
function askedClass(
  { name, parameters }: FunctionDeclaration,
  { index, files, classes }: GlueScope,
): {
  readonly className: string;
  readonly classText: string;
} {
  const fields = parameters.map(
    ({ name: field, type, initial }) =>
      `${field}: ${plainText(type, index, files)} = ${initial ?? initialOf(type, index, files)};`,
  );
  const body = fields.join(" ");
  const known = classes.get(body);
  if (known !== undefined) return { className: known, classText: "" };
  const className = `twin__${name}`;
  classes.set(body, className);
  return { className, classText: body === "" ? "" : `@json class ${className} { ${body} }\n` };
}

function typeText(
  { name, args, nullable }: TypeExpression,
  textOf: (arg: TypeExpression) => string = (arg) => typeText(arg),
): string {
  const inner = args.length === 0 ? "" : `<${args.map((arg) => textOf(arg)).join(", ")}>`;
  return `${name}${inner}${nullable ? " | null" : ""}`;
}

/** A value of that type for a field that the payload always fills. */
function initialOf(type: TypeExpression, file: SourceFile, files: SourceFiles): string {
  const { name, nullable } = type;
  if (nullable) return "null";
  if (name === "string" || name === "String") return '""';
  if (name === "bool" || name === "boolean") return "false";
  if (name === "Array") return "[]";
  const found = findType(files, file, name);
  if (found !== undefined && !("fields" in found.declaration)) {
    return initialOf((found.declaration satisfies AliasDeclaration).type, found.file, files);
  }
  return found !== undefined || name === "Map" ? `new ${typeText(type)}()` : "0";
}
