// Where a source asks for a later call of its own by `schedule(atMs, "method", payload)`: the method is
// known then, and with it the form of the payload.

import { placeAt, type SourceFile, type SourcePlace } from "./source-model.ts";
import { endOfArgument, quotedText, sourceWords } from "./source-words.ts";

/** One such call. */
export interface FoundSchedule {
  readonly method: string;
  /** Of the word `schedule`, under whatever name it was imported. */
  readonly start: number;
  readonly end: number;
  readonly place: SourcePlace;
}

/** Those in `file`, in order. A method whose name is computed is not found. */
export function findSchedules(file: SourceFile): FoundSchedule[] {
  const names = new Set(Array.from(file.imports).flatMap(([local, { name }]) => (name === "schedule" ? [local] : [])));
  const words = sourceWords(file.text);
  return words.flatMap(({ text, start }, at) => {
    if (!names.has(text) || words[at + 1]?.text !== "(" || words[at - 1]?.text === ".") return [];
    const method = quotedText(words[endOfArgument(words, at + 2) + 1]);
    return method === undefined ? [] : [{ method, start, end: start + text.length, place: placeAt(file, start) }];
  });
}
