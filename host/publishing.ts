// What an author does with a package that is built, without a host: have it reviewed, put it into a registry.

import { readFile, rename, writeFile } from "node:fs/promises";

import { systemRandom } from "./base/random.ts";
import { registryLoginPath } from "./config.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { readRegistryLogin } from "./packages/oci-login.ts";
import { parseOciReference } from "./packages/oci-reference.ts";
import { type PushedPackage, pushPackage } from "./packages/oci-registry.ts";
import { readPackage, reviewPackage } from "./packages/package-file.ts";
import { openPublisherKey } from "./packages/publisher-key.ts";

/** Puts a package into the registry that `place` (`oci://...`) names. Throws `TWIN_PACKAGE_*` or `TWIN_REGISTRY_FAILED`. */
export async function publishToRegistry(file: Uint8Array, place: string): Promise<PushedPackage> {
  const kernels = await openKernels();
  const target = parseOciReference(place);
  const credentials = await readRegistryLogin(registryLoginPath(), target.registry);
  return await pushPackage(target, readPackage(file, kernels), { kernels, credentials });
}

/** Adds a review to the package in `path`, by the key in `keyPath` (created when absent). Its hash stays. */
export async function reviewPackageFile(
  path: string,
  keyPath: string,
): Promise<{ readonly reviewer: string; readonly hash: string }> {
  const kernels = await openKernels();
  const reviewer = await openPublisherKey({ path: keyPath, kernels, random: systemRandom });
  const reviewed = reviewPackage(await readFile(path), { reviewer, kernels });
  await writeFile(`${path}.tmp`, reviewed);
  await rename(`${path}.tmp`, path);
  return { reviewer: reviewer.id, hash: readPackage(reviewed, kernels).hash };
}
