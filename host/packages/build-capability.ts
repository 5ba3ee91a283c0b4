// From a folder with manifest.json and index.ts to one signed package file.

import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { compileAssemblyScript, TOOLCHAIN } from "./assembly-script.ts";
import { canonicalJson } from "./canonical-json.ts";
import { methodOf, parseManifest } from "./manifest-file.ts";
import type { CapabilityPackage, Manifest } from "./manifest.ts";
import { type Publisher, readPackage, writePackage } from "./package-file.ts";
import { readFunctionExports, readSections } from "./wasm-sections.ts";

/** What to build and who signs it. */
export interface CapabilityBuild {
  /** Holds `manifest.json` and `index.ts` (AssemblyScript). */
  readonly folder: string;
  /** Folder of the result; created when absent. */
  readonly out: string;
  readonly kernels: Pick<Kernels, "hash">;
  readonly publisher: Publisher;
}

/** What was built. */
export interface BuiltCapability {
  /** Absolute, `<out>/<name>-<version>.wasm`. */
  readonly path: string;
  readonly manifest: Manifest;
  /** Hex BLAKE3 of the file. */
  readonly hash: string;
  /** False when the file was there already and newer than everything it is made of. */
  readonly rebuilt: boolean;
}

/**
 * Builds the package of one capability. Same source, same publisher: same bytes. Throws
 * `TWIN_PACKAGE_INVALID` with the compiler's diagnostics, the field of the manifest, or the method
 * that is missing; nothing is written then.
 */
export async function buildCapability(build: CapabilityBuild): Promise<BuiltCapability> {
  const folder = resolve(build.folder);
  const manifest = await readManifest(folder);
  const path = resolve(build.out, `${manifest.name}-${manifest.version}.wasm`);
  const kept = await readFresh(path, folder, build);
  if (kept !== undefined && canonicalJson(kept.manifest) === canonicalJson(manifest)) {
    return { path, manifest, hash: kept.hash, rebuilt: false };
  }
  const wasm = await compileAssemblyScript(folder);
  checkExports(wasm, manifest);
  const bytes = writePackage({ wasm, manifest, publisher: build.publisher, kernels: build.kernels });
  await mkdir(build.out, { recursive: true });
  await writeFile(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
  return { path, manifest, hash: readPackage(bytes, build.kernels).hash, rebuilt: true };
}

async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, "manifest.json");
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new TwinError("TWIN_PACKAGE_INVALID", `${path} cannot be read as JSON: ${String(cause)}.`, {}, cause);
  }
  return parseManifest(value);
}

/** The package at `path` when it is whole, of this publisher, and newer than all of its inputs. */
async function readFresh(path: string, folder: string, build: CapabilityBuild): Promise<CapabilityPackage | undefined> {
  const builtAtMs = await modifiedAtMs(path);
  const inputs = [...(await listSources(folder)), ...(await listSources(TOOLCHAIN.sdk)), ...TOOLCHAIN.files];
  for (const input of inputs) {
    if ((await modifiedAtMs(input)) >= builtAtMs) return undefined;
  }
  try {
    const kept = readPackage(await readFile(path), build.kernels);
    return kept.publisher === build.publisher.id ? kept : undefined;
  } catch {
    // Damaged, or of an older format: built again.
    return undefined;
  }
}

async function listSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && (entry.name.endsWith(".ts") || entry.name === "manifest.json"))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function modifiedAtMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return -Infinity;
  }
}

function checkExports(wasm: Uint8Array, manifest: Manifest): void {
  const exported = readFunctionExports(readSections(wasm));
  for (const method of Object.keys(manifest.methods)) {
    if (exported.includes(method)) continue;
    const message = `The manifest has a method ${method} that index.ts does not export; add: export function ${method}(address: i32, size: i32): i64`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { method });
  }
  for (const name of exported) {
    if (name.startsWith("twin_") || methodOf(manifest, name) !== undefined) continue;
    const message = `index.ts exports ${name}, which the manifest does not list; describe it under methods, or do not export it.`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { method: name });
  }
}
