// Twelve small programs of different kinds, written in AssemblyScript as authors of capabilities
// would, in one module. What metering costs is measured with them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import asc from "assemblyscript/asc";

const FOLDER = join(import.meta.dirname, "guests");

/** One export of the module, `(i32) -> i64`, and what it is called with: a millisecond or less of work. */
export interface SandboxProgram {
  /** As in the bench's cases, behind `meter-`. */
  readonly name: string;
  readonly exportName: string;
  readonly argument: number;
}

/** Sorted by name. */
export const SANDBOX_PROGRAMS: readonly SandboxProgram[] = [
  { name: "crc32", exportName: "crc32", argument: 20_000 },
  { name: "fib", exportName: "fib", argument: 23 },
  { name: "hash", exportName: "hash", argument: 1 },
  { name: "interpreter", exportName: "interpreter", argument: 20_000 },
  { name: "json", exportName: "json", argument: 1_500 },
  { name: "mandelbrot", exportName: "mandelbrot", argument: 64 },
  { name: "matrix", exportName: "matrix", argument: 1 },
  { name: "nbody", exportName: "nbody", argument: 1_500 },
  { name: "pointer-chase", exportName: "pointerChase", argument: 200_000 },
  { name: "regex", exportName: "regex", argument: 800 },
  { name: "sort", exportName: "sort", argument: 7 },
  { name: "word-count", exportName: "wordCount", argument: 3 },
];

/** Compiles the programs. They have no imports and obey the guest ABI. Takes about a second. */
export async function compileSandboxPrograms(): Promise<Uint8Array<ArrayBuffer>> {
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const sources = readdirSync(FOLDER).filter((name) => name.endsWith(".ts"));
  const options = ["--runtime", "stub", "-O3", "--noAssert", "--use", "abort=", "--outFile", "programs.wasm"];
  const { error } = await asc.main([...sources, ...options], {
    readFile: (name) => readSource(name),
    writeFile: (_, contents) => {
      if (typeof contents !== "string") wasm = new Uint8Array(contents);
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === undefined) throw new Error("The programs do not compile", { cause: error });
  return wasm;
}

function readSource(name: string): string | null {
  try {
    return readFileSync(join(FOLDER, name), "utf8");
  } catch {
    return null;
  }
}
