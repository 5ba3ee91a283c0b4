// Compiles the AssemblyScript of a capability: one folder with an index.ts, the SDK under the name
// "twin", and json-as for its JSON. Same source, same bytes.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { utf8Decode } from "../../base/bytes.ts";
import { type CompiledSource, compilerProblem, type Diagnostic } from "./compiler-problems.ts";

/** Folder of the package that this file belongs to: the clone, or the installed one. */
const ROOT = rootOf(import.meta.dirname);

/** Where the SDK and what builds with it stand: a build depends on them as on its source. */
export const TOOLCHAIN = {
  sdk: join(ROOT, "capabilities", "sdk"),
  folders: [join(ROOT, "capabilities", "sdk"), import.meta.dirname],
  files: [join(ROOT, "package.json")],
} as const;

/** The compiler's `DiagnosticCategory.Error`, an ambient enum, which erasable TypeScript cannot read. */
const ERROR_CATEGORY = 3;

const ENTRY = "twin-entry.ts";
/** Sources that the compiler gets in place of others, by the end of the path that it asks for; each file says why. */
const REPLACED_SOURCES: Readonly<Record<string, string>> = {
  [ENTRY]: join(TOOLCHAIN.sdk, "toolchain", "entry.ts"),
  [join("json-as", "assembly", "serialize", "index", "string.ts")]: join(
    TOOLCHAIN.sdk,
    "toolchain",
    "json-as-string.ts",
  ),
};

/** The module that `index.ts` in the folder compiles to. Throws `TWIN_PACKAGE_INVALID` with the lines that have to change. */
export async function compileAssemblyScript(source: CompiledSource): Promise<Uint8Array> {
  const { folder, texts } = source;
  // The compiler costs 100 ms and 100 MB to load: only who builds shall pay.
  const [{ main }, { default: JsonTransform }] = await Promise.all([
    import("assemblyscript/asc"),
    import("json-as/transform/lib/index.js"),
  ]);
  let module: Uint8Array | undefined;
  const diagnostics: Diagnostic[] = [];
  let [printed, rest] = ["", ""];
  const { error } = await main(compilerArguments(folder), {
    transforms: [JsonTransform as never],
    readFile: (name, base) => {
      const path = resolve(base, name);
      return texts.get(path)?.text ?? readFrom(path);
    },
    stderr: {
      write: (text) => {
        printed = typeof text === "string" ? text : utf8Decode(text);
        rest += printed;
      },
    },
    // Called after the same one was printed.
    reportDiagnostic: ({ category, message, range }) => {
      if (category !== ERROR_CATEGORY || range === null) return;
      diagnostics.push({ message, printed, path: range.source.normalizedPath, start: range.start });
    },
    writeFile: (_name, contents) => {
      module = contents as Uint8Array;
    },
  });
  if (error !== null || module === undefined) throw compilerProblem(diagnostics, source, rest);
  return module;
}

function compilerArguments(folder: string): string[] {
  const options = {
    "--baseDir": folder,
    "--outFile": "module.wasm",
    "--lib": TOOLCHAIN.sdk,
    "--path": join(ROOT, "node_modules"),
    // Garbage is collected between calls, when no frame is on the stack: no shadow stack, exact cost.
    "--runtime": "minimal",
    "--use": "abort=~lib/twin/abi/onAbort",
    // As small as -Os within 1%, and a sixth less fuel; -O3 burns another 5% less and is a sixth larger.
    "--optimizeLevel": "3",
    "--shrinkLevel": "1",
  };
  return ["index.ts", ENTRY, ...Object.entries(options).flat()];
}

async function readFrom(path: string): Promise<string | null> {
  const ending = Object.keys(REPLACED_SOURCES).find((ending) => path.endsWith(ending));
  try {
    return await readFile(ending === undefined ? path : REPLACED_SOURCES[ending]!, "utf8");
  } catch {
    // The compiler asks for every place where a file might be.
    return null;
  }
}

function rootOf(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new RangeError("This file is not inside a package.");
  return rootOf(parent);
}
