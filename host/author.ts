// What an author of capabilities does on any machine, without a host: begin, build, sign and look into packages.

import { constants } from "node:fs";
import { open, readFile, rename, stat, writeFile } from "node:fs/promises";

import { TwinError } from "./base/errors.ts";
import { systemRandom } from "./base/random.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { type AddedCalls, addCalls, type CalledCapability } from "./packages/add-calls.ts";
import { buildCapability } from "./packages/build-capability.ts";
import { clientTypes } from "./packages/client-types.ts";
import { inspectPackage, type PackageReport } from "./packages/inspect-package.ts";
import { PACKAGE_SIZE_MAX, readPackage, signPackage } from "./packages/package-file.ts";
import { openPublisherKey } from "./packages/publisher-key.ts";

export { clientTypes } from "./packages/client-types.ts";
export { LANGUAGES, newCapability } from "./packages/new-capability.ts";

/** What to build, where to, and the key that signs it (created when absent). Absolute paths. */
export interface PackageBuild {
  readonly folders: readonly string[];
  readonly out: string;
  readonly keyPath: string;
}

/** One package that is built now. */
export interface BuiltPackage {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly hash: string;
  readonly sizeBytes: number;
  /** False when it was there already and newer than everything it is made of. */
  readonly rebuilt: boolean;
}

/** Builds a signed package of each folder, in order. Throws at the first that does not build, with the compiler's words. */
export async function buildPackages({ folders, out, keyPath }: PackageBuild): Promise<BuiltPackage[]> {
  const kernels = await openKernels();
  const publisher = await openPublisherKey({ path: keyPath, kernels, random: systemRandom });
  const built: BuiltPackage[] = [];
  for (const folder of folders) {
    const { path, manifest, hash, rebuilt } = await buildCapability({ folder, out, kernels, publisher });
    const { size: sizeBytes } = await stat(path);
    built.push({ name: manifest.name, version: manifest.version, path, hash, sizeBytes, rebuilt });
  }
  return built;
}

/** Signs the package in `path` with another key (created when absent), in place. */
export async function signPackageFile(
  path: string,
  keyPath: string,
): Promise<{ readonly publisher: string; readonly hash: string }> {
  const kernels = await openKernels();
  const publisher = await openPublisherKey({ path: keyPath, kernels, random: systemRandom });
  const bytes = signPackage(await readFile(path), { publisher, kernels });
  await writeFile(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
  return { publisher: publisher.id, hash: readPackage(bytes, kernels).hash };
}

/** What the file at `path` is, asks for, exports, and who signed it. Works on any file, however large. Throws `TWIN_INPUT_INVALID` for what is none. */
export async function inspectPackageFile(path: string): Promise<PackageReport> {
  await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = await file.stat();
  if (!stats.isFile()) throw new TwinError("TWIN_INPUT_INVALID", `${path} is no file.`, { path });
  // Nothing larger is ever read as a package: its first part tells as much as the whole.
  const bytes = new Uint8Array(Math.min(stats.size, PACKAGE_SIZE_MAX + 1));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  return { ...inspectPackage(bytes.subarray(0, bytesRead), await openKernels()), sizeBytes: stats.size };
}

/** What a package is that somebody else holds. */
export async function inspectPackageBytes(bytes: Uint8Array): Promise<PackageReport> {
  return inspectPackage(bytes, await openKernels());
}

/**
 * Writes typed calls of a capability (a package's bytes, or what an owner sees of an installed one) into
 * the absolute `folder` of another. Throws `TWIN_PACKAGE_INVALID`.
 */
export async function addCallsOf({
  folder,
  called,
  reason,
}: {
  readonly folder: string;
  readonly called: Uint8Array | CalledCapability;
  readonly reason?: string | undefined;
}): Promise<AddedCalls> {
  const described = called instanceof Uint8Array ? readPackage(called, await openKernels()).manifest : called;
  return addCalls(folder, described, reason);
}

/** TypeScript for the client of an experience that uses these packages. Throws `TWIN_PACKAGE_INVALID` for a file that is none. */
export async function clientTypesOfFiles(paths: readonly string[]): Promise<string> {
  const kernels = await openKernels();
  const packages = await Promise.all(paths.map(async (path) => readPackage(await readFile(path), kernels)));
  return clientTypes(packages.map(({ manifest }) => manifest));
}
