// An author's folder, whatever the language: its manifest, and how to compile it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { TwinError } from "../../base/errors.ts";
import { parseManifest } from "../manifest-file.ts";
import type { Manifest } from "../manifest.ts";
import { CAPABILITY_FILE, composeManifest, readCapabilityFile, readJsonFile } from "./capability-file.ts";
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
    return { manifest: parseManifest(await readJsonFile(file)), compile: () => compileForeign(folder, language) };
  }
  const described = await readCapabilityFile(file);
  const { index, files } = await readSource({ folder, sdk: TOOLCHAIN.sdk });
  const description = describeSource(index, files);
  return {
    manifest: composeManifest(described, description, findCalls(files)),
    compile: () => compileAssemblyScript({ folder, files, texts: writeGlue(index, files, description) }),
  };
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
