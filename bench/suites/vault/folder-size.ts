// How much room something takes on disk.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Bytes of all files below `folder`. */
export function folderSize(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
