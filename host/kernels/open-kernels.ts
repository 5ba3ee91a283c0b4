// Puts the doors to the compiled module together.

import { createChunkBoundary } from "./chunk-boundary.ts";
import { createErasureCoding } from "./erasure-code.ts";
import { createHashing } from "./hashing.ts";
import type { Kernels } from "./kernels.ts";
import { compileKernels, createKernelModule } from "./open-kernel-module.ts";
import { createPutPipeline } from "./put-pipeline.ts";
import { createSealing } from "./sealing.ts";
import { createShaHashing } from "./sha-hashing.ts";

/**
 * A fresh instance of the kernels with a memory of its own (about 1.2 MiB, never more). Works in
 * every thread; an instance serves one. Throws `TWIN_HOST_INTERNAL` when the module was not built.
 */
export async function openKernels(): Promise<Kernels> {
  return createKernels(await compileKernels());
}

/** The same over a module that is compiled already. */
export function createKernels(compiled: WebAssembly.Module): Kernels {
  const module = createKernelModule(compiled);
  const hashing = createHashing(module);
  const chunkBoundary = createChunkBoundary(module, hashing.deriveKey);
  return {
    ...hashing,
    ...createShaHashing(module),
    ...createSealing(module),
    ...createErasureCoding(module),
    chunkBoundary,
    createPutPipeline: (idKey) => createPutPipeline(compiled, idKey),
  };
}
