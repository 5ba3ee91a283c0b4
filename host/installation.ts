// Where this program is installed: the folder with its package.json, in a clone as well as in a
// package that npm installed (where the compiled files lie one folder deeper).

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Absolute path of the folder that holds package.json, assembly/build, capabilities/build and host/web. */
export function installationFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** The program's version. */
export function readVersion(): string {
  const manifest = readFileSync(join(installationFolder(), "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
