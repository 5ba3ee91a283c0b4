// Peers that are heavy or need a compiler live in bench/peers/package.json and are installed on
// demand, never by `npm ci`. A peer that is absent is named, never silently left out.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const FOLDER = join(import.meta.dirname, "peers");

/** Loads peers and remembers which are missing. */
export class Peers {
  readonly #missing = new Set<string>();
  readonly #require = createRequire(join(FOLDER, "package.json"));

  /** Names of peers that were asked for and are not installed. */
  get missing(): string[] {
    return [...this.#missing].toSorted();
  }

  /** The module, or undefined when it is not installed or does not load here. */
  async load<T>(name: string): Promise<T | undefined> {
    try {
      return (await import(pathToFileURL(this.#require.resolve(name)).href)) as T;
    } catch {
      this.#missing.add(name);
      return undefined;
    }
  }

  /** The installed version of a package that loaded. */
  version(name: string): string {
    const manifest = join(FOLDER, "node_modules", name, "package.json");
    return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  }
}

/** Installs all peers at their pinned versions. Peers without a build for this machine are skipped by npm. Throws when npm fails. */
export function installPeers(): void {
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund"], { cwd: FOLDER, stdio: "inherit" });
  if (status !== 0) throw new Error("npm could not install the peers; its message stands above.");
}
