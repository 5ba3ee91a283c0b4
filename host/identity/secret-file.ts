// Files that hold keys: readable by their owner alone, whole or absent, also over a power cut.

import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { TwinError } from "../base/errors.ts";
import { syncFolder } from "../base/sync-folder.ts";

/** Key files are tiny, lists of stores small; a huge file is not ours and must not be read into memory. */
const SIZE_BYTES_MAX = 64 * 1024;
const OTHERS_MODE = 0o077;

/**
 * The bytes of a key file, or undefined when there is none. Throws `TWIN_KEYSTORE_INVALID` when
 * others than its owner may read or write it, or when it cannot be a key file.
 */
export async function readSecretFile(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await open(path, "r").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TwinError("TWIN_KEYSTORE_INVALID", `The key file ${path} cannot be opened.`, {}, cause);
  });
  if (file === undefined) return undefined;
  try {
    const information = await file.stat();
    const { mode, size } = information;
    if (!information.isFile()) throw new TwinError("TWIN_KEYSTORE_INVALID", `${path} is not a file; move it away.`);
    if (process.platform !== "win32" && (mode & OTHERS_MODE) !== 0)
      throw new TwinError(
        "TWIN_KEYSTORE_INVALID",
        `Other users of this machine may open the key file ${path}; run: chmod 600 ${path}`,
        { mode: (mode & 0o777).toString(8) },
      );
    if (size > SIZE_BYTES_MAX)
      throw new TwinError("TWIN_KEYSTORE_INVALID", `${path} is too large to be a key file of this host.`, { size });
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

/**
 * Writes a key file that only its owner may read: into a temporary file beside it, synced, renamed,
 * folder synced. When it resolves the file survives a power cut; when it does not, the old file or
 * none is there. Only one process at a time may write one path (the data folder's lock sees to it).
 */
export async function writeSecretFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  // A left-over of a crash may have other rights; a fresh file has ours.
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
