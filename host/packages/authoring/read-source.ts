// Reads an author's source with the compiler's own parser: index.ts and what it imports by relative
// paths or from the SDK.

import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type * as Compiler from "assemblyscript";
import type { TwinError } from "../../base/errors.ts";
import { adviceOn } from "./source-advice.ts";
import type {
  AliasDeclaration,
  ClassDeclaration,
  Decorator,
  FieldDeclaration,
  FunctionDeclaration,
  SourceFile,
  SourceFiles,
  SourcePlace,
  StrayDecorator,
  TypeExpression,
} from "./source-model.ts";
import { METHOD_DECORATORS, placeAt, sourceProblem } from "./source-model.ts";

/** Where the source is. */
export interface SourceFolders {
  /** The capability's folder, absolute. */
  readonly folder: string;
  /** Folder of the SDK, which holds `twin.ts`. */
  readonly sdk: string;
}

/** All files that `index.ts` of the folder leads to; `index` is that file. Throws `TWIN_PACKAGE_INVALID` at the line that cannot be read. */
export async function readSource(folders: SourceFolders): Promise<{ index: SourceFile; files: SourceFiles }> {
  // The compiler costs 100 ms and 100 MB to load: only who builds shall pay.
  const compiler = await import("assemblyscript");
  const files = new Map<string, SourceFile>();
  const waiting = [join(folders.folder, "index.ts")];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const text = await readFile(path, "utf8").catch(() => undefined);
    // The compiler says which import leads nowhere.
    if (text === undefined) continue;
    const file = new FileReader(compiler, folders, { path, text }).read();
    files.set(path, file);
    waiting.push(...[...file.imports.values()].map((source) => source.path));
  }
  const index = files.get(join(folders.folder, "index.ts"));
  if (index === undefined) {
    const place = { file: "index.ts", line: 1, column: 1 };
    throw sourceProblem(place, "there is no such file; it holds the methods of the capability.");
  }
  return { index, files };
}

/** Flags that the compiler exports but declares as an ambient enum, which erasable TypeScript cannot read. */
interface Flags {
  readonly CommonFlags: Readonly<Record<"Static" | "Export", Compiler.CommonFlags>>;
}

/** By the compiler's `ParameterKind`. */
const PARAMETER_KINDS = ["plain", "optional", "rest"] as const;

type Declaration = Pick<Compiler.DeclarationStatement, "name" | "range" | "decorators">;

class FileReader {
  readonly #compiler: typeof Compiler;
  readonly #flags: Flags["CommonFlags"];
  readonly #folders: SourceFolders;
  readonly #path: string;
  readonly #text: string;
  readonly #name: string;
  readonly #isSdk: boolean;
  readonly #strays: StrayDecorator[] = [];
  readonly #imports = new Map<string, { path: string; name: string }>();

  constructor(compiler: typeof Compiler, folders: SourceFolders, { path, text }: { path: string; text: string }) {
    this.#compiler = compiler;
    this.#flags = (compiler as unknown as Flags).CommonFlags;
    this.#folders = folders;
    this.#path = path;
    this.#text = text;
    const inside = relative(folders.folder, path);
    this.#isSdk = inside.startsWith("..");
    this.#name = this.#isSdk ? relative(dirname(folders.sdk), path) : inside;
  }

  read(): SourceFile {
    const parser = new this.#compiler.Parser();
    parser.parseFile(this.#text, this.#name, true);
    const [problem] = parser.diagnostics;
    if (problem !== undefined) throw this.#parseProblem(problem);
    const classes = new Map<string, ClassDeclaration>();
    const aliases = new Map<string, AliasDeclaration>();
    const functions: FunctionDeclaration[] = [];
    const compiler = this.#compiler;
    for (const statement of parser.sources[0]!.statements) {
      if (statement instanceof compiler.ClassDeclaration) {
        const declared = this.#class(statement);
        classes.set(declared.name, declared);
      } else if (statement instanceof compiler.TypeDeclaration) {
        const declared = this.#alias(statement);
        aliases.set(declared.name, declared);
      } else if (statement instanceof compiler.ExportDefaultStatement) {
        this.#stray(statement.declaration);
      } else if (statement instanceof compiler.VariableStatement) {
        for (const declared of statement.declarations) this.#stray(declared);
      } else if (statement instanceof compiler.FunctionDeclaration) {
        functions.push(this.#function(statement));
      } else if (statement instanceof compiler.ImportStatement) {
        this.#import(statement);
      } else if (statement instanceof compiler.ExportStatement) {
        this.#exportFrom(statement);
      }
    }
    const [name, path, text] = [this.#name, this.#path, this.#text];
    return {
      name,
      path,
      text,
      isSdk: this.#isSdk,
      classes,
      aliases,
      functions,
      strays: this.#strays,
      imports: this.#imports,
    };
  }

  #parseProblem({ message, range }: Compiler.DiagnosticMessage): TwinError {
    const at = range?.start ?? 0;
    const advice = adviceOn(message, this.#text.slice(at, at + 20));
    return sourceProblem(
      this.#placeAt(at),
      `${message.replace(/\.$/u, "")}${advice === undefined ? "" : `: ${advice}`}.`,
    );
  }

  #class(node: Compiler.ClassDeclaration): ClassDeclaration {
    const fields: FieldDeclaration[] = [];
    for (const member of node.members) {
      if (!(member instanceof this.#compiler.FieldDeclaration)) this.#stray(member);
      else if (!member.is(this.#flags.Static)) fields.push(this.#field(member));
    }
    return {
      ...this.#declared(node),
      base: node.extendsType === null ? undefined : this.#type(node.extendsType),
      fields,
      isGeneric: node.isGeneric,
      isInterface: node instanceof this.#compiler.InterfaceDeclaration,
      bodyStart: this.#text.indexOf("{", (node.extendsType ?? node.name).range.end) + 1,
    };
  }

  #field(node: Compiler.FieldDeclaration): FieldDeclaration {
    const type = node.type === null ? undefined : this.#type(node.type);
    return { ...this.#declared(node), type, hasInitial: node.initializer !== null };
  }

  #stray(node: Declaration): void {
    const { name, decorators } = this.#declared(node);
    const decorator = decorators.find((each) => METHOD_DECORATORS.includes(each.name));
    if (decorator !== undefined) this.#strays.push({ decorator: decorator.name, name, place: decorator.place });
  }

  #alias(node: Compiler.TypeDeclaration): AliasDeclaration {
    return { ...this.#declared(node), type: this.#type(node.type) };
  }

  #function(node: Compiler.FunctionDeclaration): FunctionDeclaration {
    const isExported = node.is(this.#flags.Export);
    const before = this.#text.slice(0, node.name.range.start);
    return {
      ...this.#declared(node),
      parameters: node.signature.parameters.map((parameter) => ({
        name: parameter.name.text,
        type: this.#type(parameter.type),
        initial: parameter.initializer === null ? undefined : this.#textOf(parameter.initializer),
        kind: PARAMETER_KINDS[parameter.parameterKind] ?? "plain",
      })),
      result: this.#type(node.signature.returnType),
      exportStart: isExported ? before.lastIndexOf("export") : undefined,
    };
  }

  #import(node: Compiler.ImportStatement): void {
    const path = this.#pathOf(node.path.value);
    for (const { name, foreignName } of node.declarations ?? []) {
      this.#imports.set(name.text, { path, name: foreignName.text });
    }
  }

  #exportFrom(node: Compiler.ExportStatement): void {
    if (node.path === null) return;
    const path = this.#pathOf(node.path.value);
    for (const { localName, exportedName } of node.members ?? []) {
      this.#imports.set(exportedName.text, { path, name: localName.text });
    }
  }

  #pathOf(name: string): string {
    const base = name.startsWith(".") ? dirname(this.#path) : this.#folders.sdk;
    return `${join(base, name)}.ts`;
  }

  #declared(node: Declaration): Pick<ClassDeclaration, "name" | "doc" | "decorators" | "place"> {
    const decorators = (node.decorators ?? []).map((decorator) => this.#decorator(decorator));
    const start = Math.min(node.range.start, decorators[0]?.start ?? node.range.start);
    const place = this.#placeAt(node.name.range.start);
    return { name: node.name.text, doc: docBefore(this.#text.slice(0, start)), decorators, place };
  }

  #decorator(node: Compiler.DecoratorNode): Decorator {
    const { start } = node.range;
    return {
      name: (node.name as Compiler.IdentifierExpression).text,
      args: (node.args ?? []).map((arg) => this.#literal(arg)),
      place: this.#placeAt(start),
      start,
    };
  }

  #literal(node: Compiler.Expression): string | number | undefined {
    if (node instanceof this.#compiler.StringLiteralExpression) return node.value;
    const number = Number(this.#textOf(node).replaceAll(/[_\s]/gu, "") || Number.NaN);
    return Number.isNaN(number) ? undefined : number;
  }

  #type(node: Compiler.TypeNode): TypeExpression {
    const place = this.#placeAt(node.range.start);
    const span = [node.range.start, node.range.end] as const;
    if (!(node instanceof this.#compiler.NamedTypeNode)) return { name: "()", args: [], nullable: false, place, span };
    return {
      name: this.#nameOf(node.name),
      args: (node.typeArguments ?? []).map((arg) => this.#type(arg)),
      nullable: node.isNullable,
      place,
      span,
    };
  }

  #nameOf(name: Compiler.TypeName): string {
    const rest = name.next === null ? "" : `.${this.#nameOf(name.next)}`;
    return `${name.identifier.text}${rest}`;
  }

  #textOf(node: { readonly range: Compiler.Range }): string {
    return this.#text.slice(node.range.start, node.range.end);
  }

  #placeAt(offset: number): SourcePlace {
    return placeAt({ name: this.#name, text: this.#text }, offset);
  }
}

/** The doc comment that ends `text`, as one line. */
function docBefore(text: string): string {
  const trimmed = text.trimEnd();
  if (!trimmed.endsWith("*/")) return "";
  const start = trimmed.lastIndexOf("/*");
  if (!trimmed.startsWith("/**", start)) return "";
  const lines = trimmed.slice(start + 3, -2).split("\n");
  return lines
    .map((line) => line.trim().replace(/^\* ?/u, ""))
    .join(" ")
    .replaceAll(/\s+/gu, " ")
    .trim();
}
