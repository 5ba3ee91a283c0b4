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

interface Compiler {
  /** The file that makes a folder one of this language. */
  readonly main: string;
  readonly command: string;
  /** Where it is looked for before the search path: a compiler there comes with the wasm target. */
  readonly known: string;
  readonly packages: string;
  args(sources: readonly string[], out: string): string[];
}

const COMPILERS: Readonly<Record<ForeignLanguage, Compiler>> = {
  c: {
    main: "main.c",
    command: "clang",
    known: "/usr/bin/clang",
    packages: "clang lld",
    args: (sources, out) => [
      "--target=wasm32",
      "-std=c11",
      "-O2",
      "-Wall",
      "-Wextra",
      "-nostdlib",
      "-ffreestanding",
      // The bulk operations of memory stand for memcpy and memset, which no library brings here.
      "-mbulk-memory",
      "-fvisibility=hidden",
      "-Wl,--no-entry",
      "-Wl,--strip-all",
      "-Wl,-z,stack-size=65536",
      "-o",
      out,
      ...sources.filter((name) => name.endsWith(".c")),
    ],
  },
  rust: {
    main: "main.rs",
    command: "rustc",
    known: "/usr/bin/rustc",
    packages: "rustc libstd-rust-dev-wasm32 lld",
    args: (_, out) => [
      "--target=wasm32-unknown-unknown",
      "--crate-type=cdylib",
      "--crate-name=capability",
      "--edition=2021",
      "-Copt-level=s",
      "-Clto=fat",
      "-Cpanic=abort",
      "-Cstrip=symbols",
      "-Clink-arg=-zstack-size=65536",
      "-o",
      out,
      "main.rs",
    ],
  },
};

/** Diagnostics longer than this are cut: the first errors tell it. */
const OUTPUT_SIZE_MAX = 1024 * 1024;

/** The language of `folder` by its main file; undefined for AssemblyScript. */
export function foreignLanguageOf(folder: string): ForeignLanguage | undefined {
  return (["c", "rust"] as const).find((language) => existsSync(join(folder, COMPILERS[language].main)));
}

/** Compiles `folder`. Throws `TWIN_PACKAGE_INVALID` with the compiler's words, or with what to install when there is none. */
export async function compileForeign(folder: string, language: ForeignLanguage): Promise<Uint8Array> {
  const compiler = COMPILERS[language];
  const command = existsSync(compiler.known) ? compiler.known : compiler.command;
  const build = await mkdtemp(join(tmpdir(), "twin-build-"));
  const out = join(build, "module.wasm");
  try {
    // Names, not paths: a path in the module would make the folder part of the bytes.
    const sources = (await readdir(folder)).toSorted();
    await promisify(execFile)(command, compiler.args(sources, out), { cwd: folder, maxBuffer: OUTPUT_SIZE_MAX });
    return await readFile(out);
  } catch (cause) {
    throw new TwinError("TWIN_PACKAGE_INVALID", failureOf(cause, { folder, command, compiler }), { folder }, cause);
  } finally {
    await rm(build, { recursive: true });
  }
}

function failureOf(
  cause: unknown,
  { folder, command, compiler }: { readonly folder: string; readonly command: string; readonly compiler: Compiler },
): string {
  const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
  if (code === "ENOENT") {
    return `${compiler.main} needs ${command}, which is not here; on Debian: apt-get install ${compiler.packages}`;
  }
  return `The capability in ${folder} does not compile.\n\n${stderr ?? String(cause)}`;
}
