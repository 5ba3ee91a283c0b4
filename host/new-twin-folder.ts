// A data folder that is made whole or not at all: a restore or an import that breaks leaves none.

import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { TwinError } from "./base/errors.ts";
import { syncFolder } from "./base/sync-folder.ts";

/**
 * Lets `build` fill a folder beside `folder`, which takes that name when it is done. Throws
 * `TWIN_CONFIG_INVALID` when `folder` is there and not empty, `TWIN_HOST_FOLDER` when it cannot be read.
 */
export async function makeTwinFolder<T>(folder: string, build: (making: string) => Promise<T>): Promise<T> {
  await requireEmpty(folder);
  const making = `${resolve(folder)}.making`;
  // What an interrupted one left.
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o700 });
  try {
    const made = await build(making);
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(resolve(folder)), { recursive: true });
    await rename(making, folder);
    await syncFolder(dirname(resolve(folder)));
    return made;
  } catch (thrown) {
    // A half-made folder must not be taken for a twin.
    await rm(making, { recursive: true, force: true });
    throw thrown;
  }
}

/** What a disk has said while a twin's folder was made, as `TWIN_HOST_FOLDER`; anything else as it is. */
export function asFolderFailure(thrown: unknown, folder: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof TwinError || !("syscall" in thrown)) return thrown;
  const { code = "unknown" } = thrown as NodeJS.ErrnoException;
  const message = `${folder} cannot be made (${code}): free room on its disk, or name another folder.`;
  return new TwinError("TWIN_HOST_FOLDER", message, {}, thrown);
}

async function requireEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return [];
    throw new TwinError("TWIN_HOST_FOLDER", `The folder ${folder} cannot be read.`, {}, thrown);
  });
  if (entries.length === 0) return;
  throw new TwinError("TWIN_CONFIG_INVALID", `${folder} is not empty: choose one that is, or that is not there yet.`);
}
