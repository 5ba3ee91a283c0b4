// Package files of installed capabilities: `<hash>.wasm` in one folder. A file is whole or absent.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { readPackage } from "../packages/package-file.ts";
import type { CapabilityPackage } from "../packages/manifest.ts";

/** Keeps package files. */
export interface PackageFolder {
  /** Durable when it returns. Repairs a damaged file of the same hash. */
  write(pack: CapabilityPackage): void;
  /** The verified package. Throws `TWIN_PACKAGE_INVALID` when its file is gone or was changed. */
  read(hash: string): CapabilityPackage;
  /** Deletes the files of all other hashes. */
  keepOnly(hashes: ReadonlySet<string>): void;
}

/** The folder at `path`, made when something is first written. */
export function createPackageFolder(path: string, kernels: Pick<Kernels, "hash">): PackageFolder {
  const fileOf = (hash: string): string => join(path, `${hash}.wasm`);
  const read = (hash: string): CapabilityPackage => {
    const file = fileOf(hash);
    if (!existsSync(file)) throw damaged(hash, "is gone");
    const pack = readPackage(readFileSync(file), kernels);
    if (pack.hash !== hash) throw damaged(hash, "was changed");
    return pack;
  };
  return {
    read,
    keepOnly: (hashes) => {
      if (!existsSync(path)) return;
      for (const name of readdirSync(path)) {
        if (!hashes.has(name.replace(/\.wasm(?:\.part)?$/u, ""))) rmSync(join(path, name), { force: true });
      }
    },
    write: (pack) => {
      if (isWhole(() => read(pack.hash))) return;
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const file = fileOf(pack.hash);
      const temporary = `${file}.part`;
      rmSync(temporary, { force: true });
      writeDurably(temporary, pack.bytes);
      renameSync(temporary, file);
      syncFolder(path);
    },
  };
}

function isWhole(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (thrown) {
    if (thrown instanceof TwinError) return false;
    throw thrown;
  }
}

function writeDurably(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, "wx", 0o600);
  try {
    for (let offset = 0; offset < bytes.length;) offset += writeSync(descriptor, bytes, offset);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the rename itself survive a power loss. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function damaged(hash: string, what: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `The file of an installed package ${what}. Install the package again.`, {
    hash,
  });
}
