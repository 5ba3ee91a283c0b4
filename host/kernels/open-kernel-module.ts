// Loads the compiled module of `assembly/`.

import { readFile } from "node:fs/promises";
import { instantiateSync } from "@assemblyscript/loader";
import { TwinError } from "../base/errors.ts";
import { addressOf, type KernelExports, type KernelModule } from "./kernel-module.ts";

/** The module as seen from the sources, and from the compiled package. */
const MODULE_URLS = ["../../assembly/build/kernels.wasm", "../../../assembly/build/kernels.wasm"].map(
  (path) => new URL(path, import.meta.url),
);

/** The compiled module: threads can share it, each with instances of its own. Throws `TWIN_HOST_INTERNAL` when it was not built, or not to its end. */
export async function compileKernels(): Promise<WebAssembly.Module> {
  const bytes = await readModule();
  try {
    return await WebAssembly.compile(bytes);
  } catch (thrown) {
    throw new TwinError(
      "TWIN_HOST_INTERNAL",
      `The compiled kernels in assembly/build/kernels.wasm (${bytes.length} bytes) are not whole: run \`npm run build:kernels\`, or install the package again.`,
      {},
      thrown,
    );
  }
}

/** A fresh instance with a memory of its own, `extraPages` (64 KiB each) larger than the module needs. */
export function createKernelModule(module: WebAssembly.Module, extraPages = 0): KernelModule {
  const { exports } = instantiateSync<KernelExports>(module);
  if (extraPages > 0) exports.memory.grow(extraPages);
  return {
    exports,
    bytes: new Uint8Array(exports.memory.buffer),
    window: addressOf(exports.WINDOW),
    windowSize: addressOf(exports.WINDOW_SIZE),
  };
}

/** Both in one. */
export async function openKernelModule(): Promise<KernelModule> {
  return createKernelModule(await compileKernels());
}

async function readModule(): Promise<Uint8Array<ArrayBuffer>> {
  for (const url of MODULE_URLS) {
    try {
      return await readFile(url);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      throw new TwinError(
        "TWIN_HOST_FOLDER",
        `Cannot read ${url.pathname} (${code}). Check the installation.`,
        {},
        error,
      );
    }
  }
  throw new TwinError(
    "TWIN_HOST_INTERNAL",
    "Expected the compiled kernels at assembly/build/kernels.wasm, found nothing: run `npm run build:kernels` once.",
  );
}
