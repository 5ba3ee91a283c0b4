// The compiler's diagnostics as an author can use them: errors alone, at places of the author's own
// text, each with its line and what to do.

import { join } from "node:path";
import { TwinError } from "../../base/errors.ts";
import { adviceOn, plainMessage } from "./source-advice.ts";
import { decoratorOf, placeAt, type SourceFiles } from "./source-model.ts";
import type { GluedText } from "./write-glue.ts";

/** What the compiler reported. */
export interface Diagnostic {
  readonly message: string;
  /** The same as the compiler prints it, with the line. */
  readonly printed: string;
  /** As the compiler names the file: relative to the folder, or `~lib/...`. */
  readonly path: string;
  readonly start: number;
}

/** The source that was compiled. */
export interface CompiledSource {
  readonly folder: string;
  readonly files: SourceFiles;
  /** What was compiled in place of files, by path. */
  readonly texts: ReadonlyMap<string, GluedText>;
}

/** One error and where it is. */
interface Problem {
  readonly place: string;
  readonly message: string;
  readonly excerpt: string;
}

/** More would hide the first, of which they are often echoes. */
const SHOWN_MAX = 10;

/** The error for the author. `rest` is what the compiler printed besides. */
export function compilerProblem(diagnostics: readonly Diagnostic[], source: CompiledSource, rest: string): TwinError {
  const found = diagnostics.flatMap((diagnostic) => problemOf(diagnostic, source) ?? []);
  const problems = [...new Map(found.map((problem) => [`${problem.place} ${problem.message}`, problem])).values()];
  if (problems.length === 0) {
    return new TwinError("TWIN_PACKAGE_INVALID", `The capability in ${source.folder} does not compile.\n\n${rest}`);
  }
  const texts = problems.slice(0, SHOWN_MAX).map(({ place, message, excerpt }) => `${place}: ${message}\n${excerpt}`);
  const more = problems.length > SHOWN_MAX ? [`and ${problems.length - SHOWN_MAX} more`] : [];
  return new TwinError("TWIN_PACKAGE_INVALID", [...texts, ...more].join("\n"));
}

function problemOf(diagnostic: Diagnostic, source: CompiledSource): Problem | undefined {
  const file = source.files.get(join(source.folder, diagnostic.path));
  if (file === undefined) return libraryProblem(diagnostic, source);
  const glued = source.texts.get(file.path);
  const at = glued === undefined ? diagnostic.start : glued.originalOffset(diagnostic.start);
  // What a library's transform wrote stands in a text of its own under the same name.
  const printed = lineAt(glued?.text ?? file.text, diagnostic.start).trim();
  if (at === undefined || printed === "" || !diagnostic.printed.includes(printed)) {
    return libraryProblem(diagnostic, source);
  }
  const place = placeAt(file, at);
  const line = lineAt(file.text, at);
  const message = plainMessage(diagnostic.message);
  const advice = adviceOn(message, file.text.slice(at, at + 20));
  return {
    place: `${place.file}:${place.line}:${place.column}`,
    message: `${message}${advice === undefined ? "" : `: ${advice}`}.`,
    excerpt: `  ${line}\n  ${" ".repeat(place.column - 1)}^`,
  };
}

/** An error within the SDK or the glue speaks of a class of the author: that is where it can be mended. */
function libraryProblem({ message }: Diagnostic, { files }: CompiledSource): Problem | undefined {
  const [, path, name] = /'([\w/.-]+)\/([A-Za-z_]\w*)'/u.exec(message) ?? [];
  const file = [...files.values()].find((each) => !each.isSdk && each.name === `${path}.ts`);
  const declared = file?.classes.get(name ?? "");
  if (file === undefined || declared === undefined) return undefined;
  const start =
    file.text
      .split("\n")
      .slice(0, declared.place.line - 1)
      .join("\n").length + declared.place.column;
  const what = plainMessage(message);
  return {
    place: `${file.name}:${declared.place.line}:${declared.place.column}`,
    message: message.includes("twin__topic")
      ? `${name} is emitted; write @event("topic") in front of its class.`
      : decoratorOf(declared, "json") === undefined
        ? `${name} goes into JSON; write @json in front of its class. (${what})`
        : `${name} cannot be used so: ${what}.`,
    excerpt: `  ${lineAt(file.text, start)}`,
  };
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const end = text.indexOf("\n", offset);
  return text.slice(start, end === -1 ? undefined : end);
}
