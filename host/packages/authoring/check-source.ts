// Mistakes that the compiler would let through, or would name in words that help nobody: found before
// it runs, each at its line.

import type { TwinError } from "../../base/errors.ts";
import { METHOD_RULE, RESERVED_METHODS } from "../manifest-file.ts";
import {
  decoratorOf,
  findType,
  type FunctionDeclaration,
  METHOD_DECORATORS,
  placeAt,
  type SourceFile,
  type SourceFiles,
  sourceProblem,
} from "./source-model.ts";
import { sourceWords } from "./source-words.ts";

/** Names of the world that the compiler knows, and would import from a host that has none of it. */
const WORLD: Readonly<Record<string, { readonly member?: string; readonly advice: string }>> = {
  Date: { member: "now", advice: "nowMs() is the time of the call" },
  Math: { member: "random", advice: "randomBytes(size) and randomId() give randomness" },
  console: { advice: "log.info(text) writes into the log" },
  process: { advice: "a capability has no environment" },
  performance: { advice: "nowMs() is the time of the call; receipts tell what it cost" },
  crypto: { advice: "randomBytes(size) gives random bytes" },
};

/** What takes the type of something that is kept: `new Table<Line>`, `kv.read<Line>`, `kv.write<Line>`. */
const KEEPERS = new Set(["Table", "read", "write"]);

/** Decorators that may stand in front of an exported function. */
const DECORATORS = new Set([...METHOD_DECORATORS, "inline", "unsafe", "external", "global", "operator"]);

/** Throws `TWIN_PACKAGE_INVALID` at the first thing in `file` that no capability has. */
export function checkWorld(file: SourceFile): void {
  const words = sourceWords(file.text);
  for (const [at, { text, start }] of words.entries()) {
    const world = Object.hasOwn(WORLD, text) ? WORLD[text] : undefined;
    if (world === undefined || file.imports.has(text) || words[at - 1]?.text === "." || words[at + 1]?.text !== ".")
      continue;
    const member = words[at + 2]?.text;
    if (world.member !== undefined && world.member !== member) continue;
    throw sourceProblem(placeAt(file, start), `there is no ${text}.${member} in a capability: ${world.advice}.`);
  }
}

/** Throws `TWIN_PACKAGE_INVALID` at a class that is to be kept as JSON and is not marked so: it would fail when it runs. */
export function checkKeptClasses(file: SourceFile, files: SourceFiles): void {
  const words = sourceWords(file.text);
  for (const [at, { text }] of words.entries()) {
    if (!KEEPERS.has(text) || words[at + 1]?.text !== "<" || words[at + 3]?.text !== ">") continue;
    const found = findType(files, file, words[at + 2]!.text)?.declaration;
    if (found === undefined || !("fields" in found) || ["json", "event"].some((name) => decoratorOf(found, name)))
      continue;
    throw sourceProblem(found.place, `${found.name} is kept as JSON; write @json in front of its class.`);
  }
}

/** Throws `TWIN_PACKAGE_INVALID` at a decorator of methods that stands in front of something else. */
export function checkStrays(files: SourceFiles): void {
  for (const { isSdk, strays } of files.values()) {
    const [stray] = strays;
    if (isSdk || stray === undefined) continue;
    throw sourceProblem(stray.place, `@${stray.decorator} is for functions: write export function ${stray.name}(...).`);
  }
}

/** Throws `TWIN_PACKAGE_INVALID` when this function cannot be a method; `earlier` are those before it. */
export function checkMethod(declaration: FunctionDeclaration, earlier: readonly FunctionDeclaration[]): void {
  const { name, place, parameters } = declaration;
  if (RESERVED_METHODS.test(name)) throw sourceProblem(place, `${name} is a name of the ABI; choose another.`);
  if (!METHOD_RULE.pattern.test(name)) {
    const plain = name.replaceAll(/(?<=[a-z0-9])[A-Z]/gu, "_$&").toLowerCase();
    const example = METHOD_RULE.pattern.test(plain) ? `, such as ${plain}` : "";
    throw sourceProblem(place, `a method needs ${METHOD_RULE.form.replace(/^a method name/u, "a name")}${example}.`);
  }
  const first = earlier.find((other) => other.name === name);
  if (first !== undefined) {
    throw sourceProblem(place, `${name} is a method already, in line ${first.place.line}; one name, one method.`);
  }
  for (const { kind, name: parameter, type, initial } of parameters) {
    if (kind === "plain" || initial !== undefined) continue;
    const message =
      kind === "rest"
        ? `...${parameter} cannot be a field of the payload; take an array: ${parameter}: string[].`
        : `${parameter}? has no value when it is absent; write a default: ${parameter}: ${type.name} = ...`;
    throw sourceProblem(type.place, message);
  }
}

/** The error for an exported function that says nothing of being a method. */
export function undecorated({ name, place, decorators }: FunctionDeclaration): TwinError {
  const unknown = decorators.find((decorator) => !DECORATORS.has(decorator.name));
  if (unknown !== undefined) {
    const hint = "a method has @query, @command or @task in front of it";
    return sourceProblem(unknown.place, `there is no @${unknown.name}; ${hint}.`);
  }
  const message = `${name} is exported but is no method; write @query, @command or @task in front of it, or take export away.`;
  return sourceProblem(place, message);
}
