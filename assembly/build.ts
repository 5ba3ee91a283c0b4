// Compiles the kernels to assembly/build/kernels.wasm as asconfig.json says; does nothing when that is up to date.

import { readdir, rename, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const ROOT = new URL("../", import.meta.url);
const OUTPUT = new URL("assembly/build/kernels.wasm", ROOT);

/** Everything that decides what the output is: the sources, their configuration and the compiler. */
async function inputUrls(): Promise<URL[]> {
  const names = await readdir(new URL("assembly/", ROOT));
  const sources = names.filter((name) => name.endsWith(".ts")).map((name) => new URL(`assembly/${name}`, ROOT));
  return [...sources, new URL("asconfig.json", ROOT), new URL(import.meta.resolve("assemblyscript/asc"))];
}

async function modifiedMs(url: URL): Promise<number> {
  return (await stat(url)).mtimeMs;
}

async function isUpToDate(): Promise<boolean> {
  try {
    const outputMs = await modifiedMs(OUTPUT);
    const inputsMs = await Promise.all((await inputUrls()).map(modifiedMs));
    return inputsMs.every((inputMs) => inputMs < outputMs);
  } catch {
    return false;
  }
}

async function build(): Promise<void> {
  if (await isUpToDate()) return;
  // Under a name of its own until it is whole: builds and readers may run side by side.
  const draft = `assembly/build/kernels-${process.pid}.wasm`;
  const { error, stderr } = await asc.main(["--baseDir", fileURLToPath(ROOT), "--target", "release", "--outFile", draft]);
  // The compiler's own note on how it optimises, of no use to who builds.
  process.stderr.write(stderr.toString().replace("Last converge was suboptimal.\n", ""));
  if (error) throw error;
  await rename(new URL(draft, ROOT), OUTPUT);
}

await build();
