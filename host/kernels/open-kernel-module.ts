// Loads the compiled module of `assembly/`.

import { readFile } from "node:fs/promises";
import { instantiate } from "@assemblyscript/loader";
import { TwinError } from "../base/errors.ts";
import { addressOf, type KernelExports, type KernelModule } from "./kernel-module.ts";

/** The module as seen from the sources, and from the compiled package. */
const MODULE_URLS = ["../../assembly/build/kernels.wasm", "../../../assembly/build/kernels.wasm"].map(
  (path) => new URL(path, import.meta.url),
);

/** A fresh instance with a memory of its own. Throws `TWIN_HOST_INTERNAL` when the module was not built. */
export async function openKernelModule(): Promise<KernelModule> {
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
