// From an author's folder to one signed package file: AssemblyScript with capability.json, or any
// other language with a whole manifest.json.

import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { readAuthorSource, readVersion } from "./authoring/author-source.ts";
import { TOOLCHAIN } from "./authoring/compile-assembly-script.ts";
import { methodOf } from "./manifest-file.ts";
import type { CapabilityPackage, Manifest } from "./manifest.ts";
import { type Publisher, readPackage, writePackage } from "./package-file.ts";
import { permissionGroup } from "./permission.ts";
import { readFunctionExports, readImports, readSections } from "./wasm-sections.ts";

/** What to build and who signs it. */
export interface CapabilityBuild {
  /** Holds `capability.json` and `index.ts` (AssemblyScript), or `manifest.json` and `main.c` or `main.rs`. */
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
  const { name, version } = await readVersion(folder);
  const kept = await readFresh(resolve(build.out, `${String(name)}-${String(version)}.wasm`), folder, build);
  if (kept !== undefined) return kept;
  const { manifest, bytes } = await compileCapability({ ...build, folder });
  const path = resolve(build.out, `${manifest.name}-${manifest.version}.wasm`);
  await mkdir(build.out, { recursive: true });
  await writeFile(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
  return { path, manifest, hash: readPackage(bytes, build.kernels).hash, rebuilt: true };
}

/**
 * Builds the package of one capability in memory. `versionOf` may give it another version than the
 * author wrote. Throws as {@link buildCapability} does.
 */
export async function compileCapability(
  build: Omit<CapabilityBuild, "out"> & { readonly versionOf?: ((written: string) => string) | undefined },
): Promise<{ readonly manifest: Manifest; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const { folder, kernels, publisher, versionOf = (written) => written } = build;
  const source = await readAuthorSource(resolve(folder));
  const manifest = { ...source.manifest, version: versionOf(source.manifest.version) };
  const wasm = await source.compile();
  checkExports(wasm, manifest);
  checkImports(wasm);
  checkPermissions(wasm, manifest);
  return { manifest, bytes: writePackage({ wasm, manifest, publisher, kernels }) };
}

/** The package at `path` when it is whole, of this publisher, and newer than all of its inputs. */
async function readFresh(path: string, folder: string, build: CapabilityBuild): Promise<BuiltCapability | undefined> {
  const builtAtMs = await modifiedAtMs(path);
  const folders = [folder, ...TOOLCHAIN.folders];
  const inputs = [...(await Promise.all(folders.map((from) => listSources(from)))).flat(), ...TOOLCHAIN.files];
  for (const input of inputs) {
    if ((await modifiedAtMs(input)) >= builtAtMs) return undefined;
  }
  const kept = await readKept(path, build);
  return kept && { path, manifest: kept.manifest, hash: kept.hash, rebuilt: false };
}

async function readKept(path: string, build: CapabilityBuild): Promise<CapabilityPackage | undefined> {
  try {
    const kept = readPackage(await readFile(path), build.kernels);
    return kept.publisher === build.publisher.id ? kept : undefined;
  } catch {
    // Absent, damaged, or of an older format: built again.
    return undefined;
  }
}

async function listSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(?:ts|c|h|rs)$|^(?:capability|manifest)\.json$/u.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/[/\\](?:node_modules|test)[/\\]/u.test(path.slice(folder.length)));
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
    const message = `The manifest has a method ${method} that the module does not export; its signature is (address: i32, size: i32) -> i64.`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { method });
  }
  for (const name of exported) {
    if (name.startsWith("twin_") || methodOf(manifest, name) !== undefined) continue;
    const message = `The module exports ${name}, which the manifest does not list; describe it under methods, or do not export it.`;
    throw new TwinError("TWIN_PACKAGE_INVALID", message, { method: name });
  }
}

/** Which host functions each permission is for. */
const USES: Readonly<Record<string, RegExp>> = {
  state: /^kv_/u,
  blobs: /^blob_/u,
  send: /^send$/u,
  emit: /^emit$/u,
  schedule: /^(?:un)?schedule$/u,
  call: /^call$/u,
  http: /^http_fetch$/u,
  peer_call: /^peer_call$/u,
};

/** Functions that need no permission. */
const CONTEXT = /^(?:take|caller|now_ms|random|log|fail)$/u;

/** A module that asks for more than a host has could never be installed. */
function checkImports(wasm: Uint8Array): void {
  const known = [CONTEXT, ...Object.values(USES)];
  const strange = readImports(readSections(wasm)).find(
    ({ module, name }) => module !== "twin" || !known.some((functions) => functions.test(name)),
  );
  if (strange === undefined) return;
  const message = `The code uses ${strange.module}.${strange.name}, which no host has; what there is stands in docs/formats/abi.md.`;
  throw new TwinError("TWIN_PACKAGE_INVALID", message, { import: strange.name });
}

/** What the code uses and what the manifest asks for must be one: the owner reads the manifest. */
function checkPermissions(wasm: Uint8Array, { permissions, methods }: Manifest): void {
  const imports = readImports(readSections(wasm)).map(({ name }) => name);
  const asked = new Set(permissions.map(({ permission }) => permissionGroup(permission)));
  const hasTask = Object.values(methods).some(({ kind }) => kind === "task");
  for (const [permission, functions] of Object.entries(USES)) {
    const used = imports.find((name) => functions.test(name));
    // A task calls the commands of its own capability without asking.
    if (used === "call" && hasTask) continue;
    if (used !== undefined && !asked.has(permission)) {
      const message = `The code uses ${used} but permissions do not ask for ${permission}; add it with the reason that the owner shall read.`;
      throw new TwinError("TWIN_PACKAGE_INVALID", message, { permission });
    }
    if (used === undefined && asked.has(permission)) {
      const message = `Permissions ask for ${permission}, which the code never uses; take it away.`;
      throw new TwinError("TWIN_PACKAGE_INVALID", message, { permission });
    }
  }
}
