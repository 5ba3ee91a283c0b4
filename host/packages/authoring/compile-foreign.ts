// Compiles C and Rust with the compilers of the machine, to plain modules without a runtime: Debian's
// clang with lld, and rustc with libstd-rust-dev-wasm32. Same source, same compiler: same bytes.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { TwinError } from "../../base/errors.ts";

/** A language that a compiler of the machine builds. */
export type ForeignLanguage = "c" | "rust";

/** One program and its arguments. */
type Step = readonly [program: string, ...args: string[]];

interface Compiler {
  /** The file that makes a folder one of this language. */
  readonly main: string;
  readonly packages: string;
  /** What to run in the folder, in order. `build` is a folder for what comes between, `out` the module. */
  readonly steps: (sources: readonly string[], build: string, out: string) => Step[];
}

const STACK_SIZE = 65_536;

const COMPILERS: Readonly<Record<ForeignLanguage, Compiler>> = {
  c: {
    main: "main.c",
    packages: "clang lld",
    // In two steps: clang alone would let a wasm-opt that lies about change the bytes.
    steps: (sources, build, out) => {
      const files = sources.filter((name) => name.endsWith(".c"));
      const objectOf = (name: string): string => join(build, `${name}.o`);
      const flags = ["--target=wasm32", "-std=c11", "-O2", "-Wall", "-Wextra", "-ffreestanding", "-mbulk-memory"];
      const links = ["--no-entry", "--strip-all", "-z", `stack-size=${STACK_SIZE}`, "-o", out];
      return [
        ...files.map((name): Step => ["clang", ...flags, "-fvisibility=hidden", "-c", name, "-o", objectOf(name)]),
        ["wasm-ld", ...links, ...files.map((name) => objectOf(name))],
      ];
    },
  },
  rust: {
    main: "main.rs",
    packages: "rustc libstd-rust-dev-wasm32 lld",
    steps: (_sources, _build, out) => {
      const target = ["--target=wasm32-unknown-unknown", "--crate-type=cdylib", "--crate-name=capability"];
      const code = ["--edition=2021", "-Copt-level=s", "-Clto=fat", "-Cpanic=abort", "-Cstrip=symbols"];
      return [["rustc", ...target, ...code, `-Clink-arg=-zstack-size=${STACK_SIZE}`, "-o", out, "main.rs"]];
    },
  },
};

/** Debian's own come first: there the target for WebAssembly is beside the compiler. */
const DEBIAN_FOLDER = "/usr/bin";
/** Diagnostics longer than this are cut: the first errors tell it. */
const OUTPUT_SIZE_MAX = 1024 * 1024;

/** The language of `folder` by its main file; undefined for AssemblyScript. */
export function foreignLanguageOf(folder: string): ForeignLanguage | undefined {
  return (["c", "rust"] as const).find((language) => existsSync(join(folder, COMPILERS[language].main)));
}

/** Compiles `folder`. Throws `TWIN_PACKAGE_INVALID` with the compiler's words, or with what to install when there is none. */
export async function compileForeign(folder: string, language: ForeignLanguage): Promise<Uint8Array> {
  const { packages, steps } = COMPILERS[language];
  const build = await mkdtemp(join(tmpdir(), "twin-build-"));
  const out = join(build, "module.wasm");
  try {
    // Names, not paths: a path in the module would make the folder part of the bytes.
    for (const [program, ...args] of steps((await readdir(folder)).toSorted(), build, out)) {
      await run(program, args, { folder, packages });
    }
    return await readFile(out);
  } finally {
    await rm(build, { recursive: true });
  }
}

async function run(
  program: string,
  args: readonly string[],
  { folder, packages }: { readonly folder: string; readonly packages: string },
): Promise<void> {
  const debian = join(DEBIAN_FOLDER, program);
  try {
    const command = existsSync(debian) ? debian : program;
    await promisify(execFile)(command, args, { cwd: folder, maxBuffer: OUTPUT_SIZE_MAX });
  } catch (cause) {
    const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
    const message =
      code === "ENOENT"
        ? `${folder} needs ${program}, which is not here; on Debian: apt-get install ${packages}`
        : `The capability in ${folder} does not compile.\n\n${stderr ?? String(cause)}`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { folder }, cause);
  }
}
