// Follows a guide to the letter: its files are written where their headings say, its lines of shell run
// as they are printed, with another folder in place of the home folder.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** One block of a guide. */
export type GuideStep =
  | { readonly kind: "file"; readonly path: string; readonly text: string }
  | { readonly kind: "line"; readonly line: string; readonly words: readonly string[] };

const GUIDES = join(import.meta.dirname, "../../docs/guides");
const BLOCK = /(?:^#{2,3} `([\w./-]+)`[^\n]*\n(?:(?!#|```)[^\n]*\n)*?)?^```(\w+)\n([\s\S]*?)^```$/gmu;
/** How the guides call the command in a clone. */
const TWIN = ["npm", "run", "-s", "twin", "--"];

/** The steps of `docs/guides/NAME.md` in order. Throws for a block that is neither a file nor shell. */
export async function readGuide(name: string): Promise<GuideStep[]> {
  const guide = await readFile(join(GUIDES, `${name}.md`), "utf8");
  return Array.from(guide.matchAll(BLOCK)).flatMap(([, path, language, text]): GuideStep[] => {
    if (path !== undefined) return [{ kind: "file", path, text: text! }];
    if (language !== "sh")
      throw new Error(`${name}.md has a block of ${language} without a heading that names its file.`);
    return text!
      .trim()
      .split("\n")
      .map((line) => ({ kind: "line", line, words: wordsOf(line) }));
  });
}

/** The words of a `twin` command as they reach the program; undefined for any other line. */
export function twinWords(words: readonly string[], home: string): string[] | undefined {
  if (TWIN.some((word, at) => words[at] !== word)) return undefined;
  return words.slice(TWIN.length).map((word) => word.replace(/^~/u, home));
}

function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/gu), ([, quoted, bare]) => quoted ?? bare!);
}
