// Reads the folder of an experience into memory, bounded, and gives it one hash
// (docs/formats/package.md, "Experiences").

import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { hexEncode, jsonDecode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { canonicalJson } from "./canonical-json.ts";
import { parseExperienceManifest } from "./experience-manifest.ts";
import type { ExperienceManifest } from "./experience.ts";

const MANIFEST = "experience.json";
/** Served from elsewhere (docs/formats/web.md, section 7): own files there could never be reached. */
const RESERVED_FOLDER = "-";
const DEPTH_MAX = 16;
const PATH_LENGTH_MAX = 255;
// Whatever could be read as another path by a URL, a shell or another file system.
const STEP = /^[^\p{Cc}\\/:%?#*"<>|.][^\p{Cc}\\/:%?#*"<>|]*$/u;

/** One recorded file. */
interface ExperienceFileRecord {
  /** Hex BLAKE3 of the content. */
  readonly hash: string;
  readonly sizeBytes: number;
}

/** Path with `/` -> record. Its canonical JSON is what the experience's hash is of. */
export type ExperienceIndex = Readonly<Record<string, ExperienceFileRecord>>;

/** An experience in memory. */
export interface ExperienceContent {
  readonly manifest: ExperienceManifest;
  readonly index: ExperienceIndex;
  /** Hex BLAKE3 of the index's canonical JSON. */
  readonly hash: string;
  readonly sizeBytes: number;
  /** By hash. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

/** The hash of an experience. */
function hashOfIndex(index: ExperienceIndex, kernels: Pick<Kernels, "hash">): string {
  return hexEncode(kernels.hash(utf8Encode(canonicalJson(index))));
}

/**
 * Reads the experience in `folder`. Hidden files (`.git`, `.DS_Store`) are left out. Throws
 * `TWIN_EXPERIENCE_INVALID` for links, odd names, missing files and whatever exceeds
 * `LIMITS.packages`; nothing is followed out of the folder.
 */
export async function readExperienceFolder(folder: string, kernels: Pick<Kernels, "hash">): Promise<ExperienceContent> {
  // Without a prototype: a file may be named __proto__.
  const index = Object.create(null) as Record<string, ExperienceFileRecord>;
  const contents = new Map<string, Uint8Array>();
  let sizeBytes = 0;
  for (const path of await listFiles(folder, "")) {
    const bytes = await readPlainFile(join(folder, path), LIMITS.packages.experienceSizeBytes - sizeBytes);
    sizeBytes += bytes.length;
    const hash = hexEncode(kernels.hash(bytes));
    index[path] = { hash, sizeBytes: bytes.length };
    contents.set(hash, bytes);
  }
  const written = index[MANIFEST];
  if (written === undefined) throw invalid(`${folder} has no ${MANIFEST}`);
  const manifest = parseExperienceManifest(parseJson(contents.get(written.hash)!));
  for (const path of [manifest.icon, manifest.start]) {
    if (!Object.hasOwn(index, path)) throw invalid(`${MANIFEST} names the file ${path}, which is not there`);
  }
  return { manifest, index, hash: hashOfIndex(index, kernels), sizeBytes, contents };
}

async function listFiles(folder: string, under: string): Promise<string[]> {
  if (under.split("/").length > DEPTH_MAX) throw invalid(`its folders are nested deeper than ${DEPTH_MAX}`);
  const paths: string[] = [];
  for (const entry of await readFolder(join(folder, under))) {
    const path = under === "" ? entry.name : `${under}/${entry.name}`;
    if (entry.name.startsWith(".")) continue;
    if (!STEP.test(entry.name) || path.length > PATH_LENGTH_MAX || path === RESERVED_FOLDER) {
      throw invalid(`the name ${JSON.stringify(path.slice(0, 64))} cannot be served; choose a plain one`);
    }
    if (entry.isDirectory()) paths.push(...(await listFiles(folder, path)));
    else if (entry.isFile()) paths.push(path);
    else throw invalid(`${path} is a link or a device; put the file itself there`);
    if (paths.length > LIMITS.packages.experienceFileCount) {
      throw invalid(`it has more than ${LIMITS.packages.experienceFileCount} files; bundle them`);
    }
  }
  return paths.toSorted();
}

async function readFolder(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    throw new TwinError("TWIN_EXPERIENCE_INVALID", `The folder ${path} cannot be read.`, {}, cause);
  }
}

async function readPlainFile(path: string, sizeBytesMax: number): Promise<Uint8Array> {
  // What was a file when it was listed may be a link now.
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const { size } = await file.stat();
    if (size > sizeBytesMax) {
      throw invalid(`it is larger than ${LIMITS.packages.experienceSizeBytes} bytes in all; leave large media out`);
    }
    const bytes = new Uint8Array(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    if (bytesRead !== size) throw invalid(`the file ${path} changed while it was read; try again`);
    return bytes;
  } finally {
    await file.close();
  }
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > LIMITS.packages.experienceManifestSizeBytes) throw invalid(`its ${MANIFEST} is too large`);
  try {
    return jsonDecode(bytes);
  } catch (cause) {
    throw invalid(`its ${MANIFEST} cannot be read as JSON: ${(cause as Error).message}`, cause);
  }
}

function invalid(why: string, cause?: unknown): TwinError {
  const message = `This is not an experience that can be installed: ${why}.`;
  return new TwinError("TWIN_EXPERIENCE_INVALID", message, {}, cause);
}
