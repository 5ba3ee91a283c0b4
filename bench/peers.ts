// What we are compared with. Light peers come with `npm ci`; those that are heavy or need a compiler
// live in bench/peers/package.json and are installed on demand. One that is absent is named, never
// silently left out.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "peers");
const requireHere = createRequire(import.meta.url);
const requirePeer = createRequire(join(FOLDER, "package.json"));

/** Loads peers and remembers which are missing. */
export class Peers {
  readonly #missing = new Set<string>();

  /** Names of peers that were asked for and are not installed, or do not load here. */
  get missing(): string[] {
    return [...this.#missing].toSorted();
  }

  /** Notes a peer that is not here and does not come from npm. */
  lack(name: string): void {
    this.#missing.add(name);
  }

  /** A peer of bench/peers; undefined when it is not installed or does not load on this machine. */
  load(name: string): unknown {
    try {
      return requirePeer(name);
    } catch {
      this.#missing.add(name);
      return undefined;
    }
  }
}

/** The version of an installed package, of the project's own or of bench/peers. */
export function versionOf(name: string): string {
  for (const require of [requirePeer, requireHere]) {
    for (const folder of require.resolve.paths(name) ?? []) {
      const version = readVersion(join(folder, name, "package.json"));
      if (version !== undefined) return version;
    }
  }
  return "?";
}

/** The names of all peers that are installed on demand. */
export function peerNames(): string[] {
  const manifest = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8")) as Record<string, object>;
  return Object.keys({ ...manifest["dependencies"], ...manifest["optionalDependencies"] }).toSorted();
}

/** Installs all peers at their pinned versions. Those without a build for this machine are skipped by npm. Throws when npm fails. */
export function installPeers(): void {
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund"], { cwd: FOLDER, stdio: "inherit" });
  if (status !== 0) throw new Error("npm could not install the peers; its message stands above.");
}

function readVersion(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
