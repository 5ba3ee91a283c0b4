// Which methods of other capabilities a source calls: by the typed calls that it imports, and by
// `call` with names in quotes. From it come the methods that its permissions ask for.

import { CALLS_HEAD, callsName, methodOfCall } from "./write-calls.ts";
import { type SourceFile, type SourceFiles, type SourcePlace, placeAt } from "./source-model.ts";
import { endOfArgument, quotedText, type SourceWord, sourceWords } from "./source-words.ts";

/** A call of another capability. */
export interface FoundCall {
  readonly capability: string;
  readonly method: string;
  readonly place: SourcePlace;
}

/** The calls in all files of an author, in order. What has a name that is computed is not found. */
export function findCalls(files: SourceFiles): FoundCall[] {
  return [...files.values()].flatMap((file) => {
    if (file.isSdk || file.text.startsWith(CALLS_HEAD)) return [];
    const words = sourceWords(file.text);
    return [...typedCalls(file, files, words), ...plainCalls(file, words)];
  });
}

/** `contacts.list(...)`, where `contacts` comes from a file of calls. */
function typedCalls(file: SourceFile, files: SourceFiles, words: readonly SourceWord[]): FoundCall[] {
  const capabilities = new Map<string, string>();
  for (const [local, { path, name }] of file.imports) {
    const capability = capabilityOf(files.get(path));
    if (capability !== undefined && name === callsName(capability)) capabilities.set(local, capability);
  }
  return words.flatMap(({ text, start }, at) => {
    const capability = capabilities.get(text);
    if (capability === undefined || words[at + 1]?.text !== "." || words[at - 1]?.text === ".") return [];
    const method = methodOfCall(words[at + 2]?.text ?? "");
    // Messages to other twins are no calls.
    return method === undefined ? [] : [{ capability, method, place: placeAt(file, start) }];
  });
}

/** `call<Params, Result>("contacts", "list", ...)`. */
function plainCalls(file: SourceFile, words: readonly SourceWord[]): FoundCall[] {
  const names = new Set(Array.from(file.imports).flatMap(([local, { name }]) => (name === "call" ? [local] : [])));
  return words.flatMap(({ text, start }, at) => {
    if (!names.has(text) || words[at - 1]?.text === ".") return [];
    const open = openingOf(words, at + 1);
    const capability = quotedText(words[open + 1]);
    const method = quotedText(words[endOfArgument(words, open + 1) + 1]);
    return capability === undefined || method === undefined
      ? []
      : [{ capability, method, place: placeAt(file, start) }];
  });
}

/** Index of the bracket behind type arguments. */
function openingOf(words: readonly SourceWord[], from: number): number {
  let at = from;
  while (at < words.length && words[at]!.text !== "(" && words[at]!.text !== ";") at++;
  return at;
}

/** Name of the capability whose calls stand in `file`. */
function capabilityOf(file: SourceFile | undefined): string | undefined {
  return file?.text.startsWith(CALLS_HEAD) === true
    ? /^[a-z0-9-]+/u.exec(file.text.slice(CALLS_HEAD.length))?.[0]
    : undefined;
}
