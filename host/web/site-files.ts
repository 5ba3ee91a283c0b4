// Files that ship with the host, read once at start: what is not in the table cannot be reached,
// whatever a path says.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, extname, join, relative, sep } from "node:path";

import { TwinError } from "../base/errors.ts";
import { preparePage } from "./import-maps.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** Vendored file -> package and path in it. */
const VENDORED: Readonly<Record<string, readonly [name: string, path: string]>> = {
  "capnweb.js": ["capnweb", "dist/index.js"],
  "hooks.js": ["preact", "hooks/dist/hooks.mjs"],
  "htm.js": ["htm", "dist/htm.mjs"],
  "preact.js": ["preact", "dist/preact.mjs"],
};

/** Our own client library: all that `/-/` offers beyond the vendored files. */
const CLIENT = ["dialog.js", "html.js", "twin.css", "twin.js", "wording.js"] as const;

/** One file as it is sent. */
export interface SiteFile {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** Of the import maps of a page. */
  readonly scriptHashes: readonly string[];
}

/** URL path -> file. */
export type SiteFiles = ReadonlyMap<string, SiteFile>;

/** All files of the shell's folder, by their URL path; `/` is `index.html`. Files of other types than a page needs are left out. Throws `TWIN_HOST_FOLDER`. */
export async function readShellFiles(folder: string): Promise<SiteFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw missing(folder, cause);
  });
  const files = new Map<string, SiteFile>();
  for (const entry of entries) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(folder, path).split(sep).join("/")}`, createSiteFile(await readFile(path), type));
  }
  const index = files.get("/index.html");
  if (index === undefined) throw missing(join(folder, "index.html"));
  return files.set("/", index);
}

/** The libraries under `/-/`: those of packages, and our client's from `clientFolder`. Throws `TWIN_HOST_FOLDER`. */
export async function readLibraryFiles(clientFolder: string): Promise<SiteFiles> {
  const vendored = Object.entries(VENDORED).map(([file, [name, path]]) => [file, packageFile(name, path)] as const);
  const client = CLIENT.map((file) => [file, join(clientFolder, file)] as const);
  const files = [...vendored, ...client].map(async ([file, path]) => {
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw missing(path, cause);
    });
    return [`/-/${file}`, createSiteFile(bytes, TYPES[extname(file)]!)] as const;
  });
  return new Map(await Promise.all(files));
}

function createSiteFile(content: Uint8Array, type: string): SiteFile {
  const { bytes, scriptHashes } = type.startsWith("text/html")
    ? preparePage(content)
    : { bytes: content, scriptHashes: [] };
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  return { bytes, type, etag, scriptHashes };
}

function packageFile(name: string, path: string): string {
  const manifest = findPackageJSON(name, import.meta.url);
  if (manifest === undefined) throw missing(`the package ${name}`);
  return join(dirname(manifest), path);
}

function missing(what: string, cause?: unknown): TwinError {
  return new TwinError("TWIN_HOST_FOLDER", `This installation lacks ${what}: install it again.`, {}, cause);
}
