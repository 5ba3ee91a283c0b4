// Loads the compiled module and puts its doors together.

import { readFile } from "node:fs/promises";
import { instantiate } from "@assemblyscript/loader";
import { TwinError } from "../base/errors.ts";
import { createChunkBoundary } from "./chunk-boundary.ts";
import { createErasureCoding } from "./erasure-code.ts";
import { createHashing } from "./hashing.ts";
import { addressOf, type KernelExports, type KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";
import { createSealing } from "./sealing.ts";

/** The module as seen from the sources, and from the compiled package. */
const MODULE_URLS = ["../../assembly/build/kernels.wasm", "../../../assembly/build/kernels.wasm"].map(
  (path) => new URL(path, import.meta.url),
);

/**
 * A fresh instance of the kernels with a memory of its own (about 1.1 MiB, never more). Works in
 * every thread; an instance serves one. Throws `TWIN_HOST_INTERNAL` when the module was not built.
 */
export async function openKernels(): Promise<Kernels> {
  const module = await openModule();
  const hashing = createHashing(module);
  const chunkBoundary = createChunkBoundary(module, hashing.deriveKey);
  return { ...hashing, ...createSealing(module), ...createErasureCoding(module), chunkBoundary };
}

async function openModule(): Promise<KernelModule> {
  const { exports } = await instantiate<KernelExports>(await readModule());
  return {
    exports,
    bytes: new Uint8Array(exports.memory.buffer),
    window: addressOf(exports.WINDOW),
    windowSize: addressOf(exports.WINDOW_SIZE),
  };
}

async function readModule(): Promise<Uint8Array<ArrayBuffer>> {
  for (const url of MODULE_URLS) {
    try {
      return await readFile(url);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new TwinError(
    "TWIN_HOST_INTERNAL",
    "Expected the compiled kernels at assembly/build/kernels.wasm, found nothing: run `npm run build:kernels` once.",
  );
}
