// A file's name is an entry of its folder: it survives the loss of power only once the folder is synced too.

import { open } from "node:fs/promises";

/** Makes the names in the folder durable: files that were made, renamed or deleted in it. Rejects with the system's own error. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
