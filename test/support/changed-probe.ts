// A probe with another manifest, signed by the same publisher.

import type { Manifest } from "../../host/packages/manifest.ts";
import { readPackage, writePackage } from "../../host/packages/package-file.ts";
import { probePackage, type ProbeOptions } from "./probe-package.ts";
import { referenceKernels as kernels } from "./reference-kernels.ts";
import { testIdentity } from "./test-identity.ts";

/** The probe of `options`, with what `change` says in the place of parts of its manifest. */
export function changedProbe(
  options: ProbeOptions,
  change: (manifest: Manifest) => Partial<Manifest>,
): Uint8Array<ArrayBuffer> {
  const bytes = probePackage(options);
  const { manifest } = readPackage(bytes, kernels);
  const publisher = options.publisher ?? testIdentity(50);
  return writePackage({ wasm: bytes, manifest: { ...manifest, ...change(manifest) }, publisher, kernels });
}

/** A probe called `name` that depends on these ranges of versions. */
export function dependentProbe(
  options: ProbeOptions,
  dependencies: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  return changedProbe(options, () => ({ dependencies }));
}
