// What is read of an author's AssemblyScript: the declarations that a manifest is made of, each with
// its place, free of the compiler's own tree.

import { TwinError } from "../../base/errors.ts";

/** Decorators that make a function a method, and say of it. */
export const METHOD_DECORATORS: readonly string[] = ["query", "command", "task", "exposeTo"];

/** A place in a source file. Line and column count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `@name(...args)`. */
export interface Decorator {
  readonly name: string;
  /** Literals; anything else is left undefined. */
  readonly args: readonly (string | number | undefined)[];
  readonly place: SourcePlace;
  /** Offset in the text of its file. */
  readonly start: number;
}

/** A type as it is written, such as `Array<Line | null>`; `T[]` is read as `Array<T>`. */
export interface TypeExpression {
  /** Empty when it is not written, `()` for a function. */
  readonly name: string;
  readonly args: readonly TypeExpression[];
  readonly nullable: boolean;
  readonly place: SourcePlace;
  /** Offsets of the whole type in the text of its file. */
  readonly span: readonly [start: number, end: number];
}

interface Declared {
  readonly name: string;
  /** The doc comment as one line; empty when there is none. */
  readonly doc: string;
  readonly decorators: readonly Decorator[];
  readonly place: SourcePlace;
}

/** A field of a class. */
export interface FieldDeclaration extends Declared {
  readonly hasInitial: boolean;
  readonly type: TypeExpression | undefined;
}

/** A class; its static fields and its methods are left out. */
export interface ClassDeclaration extends Declared {
  readonly base: TypeExpression | undefined;
  readonly fields: readonly FieldDeclaration[];
  readonly isGeneric: boolean;
  readonly isInterface: boolean;
  /** Offset behind the brace that opens it. */
  readonly bodyStart: number;
}

/** `type Name = ...`. */
export interface AliasDeclaration extends Declared {
  readonly type: TypeExpression;
}

/** A parameter. `initial` is the text of its default value. */
export interface ParameterDeclaration {
  readonly name: string;
  readonly type: TypeExpression;
  readonly initial: string | undefined;
  /** `optional`: `name?`, `rest`: `...name`. */
  readonly kind: "plain" | "optional" | "rest";
}

/** A function at the top of a file. */
export interface FunctionDeclaration extends Declared {
  readonly parameters: readonly ParameterDeclaration[];
  readonly result: TypeExpression;
  /** Offset of the word `export`; undefined when it is not exported. */
  readonly exportStart: number | undefined;
}

/** A decorator where it has no meaning. */
export interface StrayDecorator {
  readonly decorator: string;
  /** Of what it stands in front of. */
  readonly name: string;
  readonly place: SourcePlace;
}

/** One source file. */
export interface SourceFile {
  /** As diagnostics name it: relative to the folder, or within the SDK. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
  /** A file of the SDK, not of the author. */
  readonly isSdk: boolean;
  readonly classes: ReadonlyMap<string, ClassDeclaration>;
  readonly aliases: ReadonlyMap<string, AliasDeclaration>;
  readonly functions: readonly FunctionDeclaration[];
  /** Decorators of methods in front of what is no function of the file. */
  readonly strays: readonly StrayDecorator[];
  /** Local name (or `*`, exported again) to the file and the name there. */
  readonly imports: ReadonlyMap<string, { readonly path: string; readonly name: string }>;
}

/** The files of a capability and of the SDK, by path. */
export type SourceFiles = ReadonlyMap<string, SourceFile>;

/** A class or type by the name that `file` gives it. */
export function findType(
  files: SourceFiles,
  file: SourceFile,
  name: string,
): { readonly file: SourceFile; readonly declaration: ClassDeclaration | AliasDeclaration } | undefined {
  const declaration = file.classes.get(name) ?? file.aliases.get(name);
  if (declaration !== undefined) return { file, declaration };
  const imported = file.imports.get(name);
  const from = imported && files.get(imported.path);
  return from && findType(files, from, imported.name);
}

/** The place at an offset in a file. */
export function placeAt({ name, text }: Pick<SourceFile, "name" | "text">, offset: number): SourcePlace {
  const lines = text.slice(0, offset).split("\n");
  return { file: name, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** The error for an author, at the line that has to change. */
export function sourceProblem({ file, line, column }: SourcePlace, message: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `${file}:${line}:${column}: ${message}`, { file, line, column });
}

/** The decorator of that name. */
export function decoratorOf(declared: Pick<Declared, "decorators">, name: string): Decorator | undefined {
  return declared.decorators.find((decorator) => decorator.name === name);
}
