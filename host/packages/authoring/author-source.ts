// An author's folder, whatever the language: its manifest, and how to compile it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { TwinError } from "../../base/errors.ts";
import { parseManifest } from "../manifest-file.ts";
import type { Manifest } from "../manifest.ts";
import { CAPABILITY_FILE, composeManifest, parseCapabilityFile, readJsonFile } from "./capability-file.ts";
import { compileAssemblyScript, TOOLCHAIN } from "./compile-assembly-script.ts";
import { compileForeign, foreignLanguageOf } from "./compile-foreign.ts";
import { describeSource } from "./describe-source.ts";
import { findCalls } from "./find-calls.ts";
import { readSource } from "./read-source.ts";
import { writeGlue } from "./write-glue.ts";

/** What an author wrote, read but not compiled. */
export interface AuthorSource {
  readonly manifest: Manifest;
  /** The module. Throws `TWIN_PACKAGE_INVALID` with the compiler's words. */
  compile(): Promise<Uint8Array>;
}

/** Name of the whole manifest beside any other language. */
const MANIFEST_FILE = "manifest.json";

/**
 * Reads `folder` (absolute). Throws `TWIN_PACKAGE_INVALID` with the file, line or field that has to
 * change.
 */
export async function readAuthorSource(folder: string): Promise<AuthorSource> {
  const file = join(folder, descriptionOf(folder));
  const language = foreignLanguageOf(folder);
  if (language !== undefined) {
    const value = await readJsonFile(file);
    return {
      manifest: inFile(MANIFEST_FILE, () => parseManifest(value)),
      compile: () => compileForeign(folder, language),
    };
  }
  const value = await readJsonFile(file);
  const described = inFile(CAPABILITY_FILE, () => parseCapabilityFile(value));
  const { index, files } = await readSource({ folder, sdk: TOOLCHAIN.sdk });
  const description = describeSource(index, files);
  return {
    manifest: inFile(CAPABILITY_FILE, () => composeManifest(described, description, findCalls(files))),
    compile: () => compileAssemblyScript({ folder, files, texts: writeGlue(index, files, description) }),
  };
}

/** Says in which file a field is that is wrong. */
function inFile<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (thrown) {
    // What is wrong in the source says its own line.
    const field = thrown instanceof TwinError ? thrown.details["path"] : undefined;
    if (!(thrown instanceof TwinError) || typeof field !== "string" || /^(?:methods|events)/u.test(field)) throw thrown;
    throw new TwinError(thrown.code, `${name}: ${thrown.message}`, thrown.details, thrown);
  }
}

/** Name and version, without a look at the source; undefined when they are not said. */
export async function readVersion(folder: string): Promise<{ name: unknown; version: unknown }> {
  const value = await readJsonFile(join(folder, descriptionOf(folder)));
  const { name, version } = Object(value) as Partial<Record<"name" | "version", unknown>>;
  return { name, version };
}

function descriptionOf(folder: string): string {
  const name = foreignLanguageOf(folder) === undefined ? CAPABILITY_FILE : MANIFEST_FILE;
  if (existsSync(join(folder, name))) return name;
  throw new TwinError("TWIN_PACKAGE_INVALID", `${folder} has no ${name}. Begin one with: twin capability new NAME`, {
    folder,
  });
}
