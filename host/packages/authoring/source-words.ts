// The words of a source text, for questions that need no syntax tree: who calls which method by name.

/** A word, number, text in quotes, or one other character. */
export interface SourceWord {
  readonly text: string;
  /** Offset in the text. */
  readonly start: number;
}

const WORD =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*|\S/gu;

/** The words of `text` in order, without comments. */
export function sourceWords(text: string): SourceWord[] {
  return Array.from(text.matchAll(WORD), (match) => ({ text: match[0], start: match.index })).filter(
    (word) => !/^\/[/*]/u.test(word.text),
  );
}

/** What stands in the quotes of a word; undefined when it is no text, or one with escapes. */
export function quotedText(word: SourceWord | undefined): string | undefined {
  return /^(?:"([^"\\]*)"|'([^'\\]*)')$/u
    .exec(word?.text ?? "")
    ?.slice(1)
    .find((part) => part !== undefined);
}

/** Index of the word that ends the parameter which begins at `from`: a comma or the closing bracket of the call. */
export function endOfArgument(words: readonly SourceWord[], from: number): number {
  let depth = 0;
  for (let at = from; at < words.length; at++) {
    const { text } = words[at]!;
    if (depth === 0 && (text === "," || text === ")")) return at;
    if (text === "(" || text === "[" || text === "{") depth++;
    if (text === ")" || text === "]" || text === "}") depth--;
  }
  return words.length;
}
