// Which files hold something in the clear.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Paths below `folders` of files that hold one of `markers`, each with the number of the first that it holds. */
export async function filesWith(
  markers: readonly (string | Uint8Array)[],
  folders: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      // A file that a running host has just deleted holds nothing.
      const bytes = await readFile(path).catch(() => Buffer.alloc(0));
      const at = markers.findIndex((marker) => bytes.includes(marker));
      if (at !== -1) found.push(`${path} holds marker ${at}`);
    }
  }
  return found;
}
