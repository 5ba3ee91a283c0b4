// Our own capabilities, built for tests by a publisher of tests; again only when their source changed.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveIdentity } from "../../host/identity/key-tree.ts";
import { buildCapability } from "../../host/packages/build-capability.ts";
import type { CapabilityPackage } from "../../host/packages/manifest.ts";
import { type Publisher, readPackage } from "../../host/packages/package-file.ts";
import { referenceKernels } from "./reference-kernels.ts";

const CAPABILITIES = join(import.meta.dirname, "../../capabilities");

/** Signs what tests build. */
export const testPublisher: Publisher = deriveIdentity(new Uint8Array(32).fill(7), referenceKernels);

/** The package of `capabilities/<name>`. */
export async function builtCapability(name: "echo" | "contacts" | "chat" | "files"): Promise<CapabilityPackage> {
  const { path } = await buildCapability({
    folder: join(CAPABILITIES, name),
    out: join(CAPABILITIES, "../node_modules/.cache/twin-capabilities"),
    kernels: referenceKernels,
    publisher: testPublisher,
  });
  return readPackage(await readFile(path), referenceKernels);
}
