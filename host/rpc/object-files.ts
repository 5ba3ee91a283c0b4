// Objects of the vault from and to files of this machine, in flat memory.

import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { syncFolder } from "../base/sync-folder.ts";
import type { ObjectId, ObjectInfo, Progress, Vault } from "../vault/object.ts";
import { unknownObject } from "./object-id.ts";

/** Media types worth knowing when a file comes without one. All else is `application/octet-stream`. */
const TYPES: Readonly<Record<string, string>> = {
  ".gif": "image/gif",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".md": "text/markdown",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".zip": "application/zip",
};

/** The media type that a file's name tells, if any. */
export function mediaTypeOf(path: string): string | undefined {
  return TYPES[extname(path).toLowerCase()];
}

/** Stores the file's bytes, under its base name unless told otherwise. Throws `TWIN_INPUT_INVALID` when `path` is not a readable file. */
export async function storeFileAsObject(
  vault: Pick<Vault, "put">,
  path: string,
  onProgress: Progress,
  name: string = basename(path),
): Promise<ObjectInfo> {
  const sizeBytes = await fileSize(path);
  const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const type = mediaTypeOf(path);
  return await vault.put(source, { name, type }, { onProgress: (done) => onProgress(done, sizeBytes) });
}

/**
 * Writes the object beside `path`, synced, then renames: what stands under the name is whole, over a
 * power cut too. Replaces a file that is there.
 */
export async function fetchObjectToFile(
  parts: { readonly vault: Pick<Vault, "read" | "stat">; readonly random: Random },
  target: { readonly id: ObjectId; readonly path: string },
  onProgress: Progress,
): Promise<ObjectInfo> {
  const info = await parts.vault.stat(target.id);
  if (info === undefined) throw unknownObject();
  const temporary = `${target.path}.${hexEncode(parts.random.bytes(6))}.part`;
  const file = await open(temporary, "wx").catch((cause: NodeJS.ErrnoException) => {
    throw new TwinError(
      "TWIN_INPUT_INVALID",
      `Nothing can be written beside ${target.path}: ${cause.code}.`,
      {},
      cause,
    );
  });
  try {
    try {
      let done = 0;
      for await (const bytes of parts.vault.read(target.id)) {
        await writeAll(file, bytes);
        done += bytes.length;
        onProgress(done, info.sizeBytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target.path);
  } catch (reason) {
    await rm(temporary, { force: true });
    throw asFileError(reason, target.path);
  }
  await syncFolder(dirname(target.path));
  return info;
}

async function fileSize(path: string): Promise<number> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new TwinError("TWIN_INPUT_INVALID", `${path} cannot be read: ${cause.code}.`, {}, cause);
  });
  if (!found.isFile()) throw new TwinError("TWIN_INPUT_INVALID", `${path} is not a file.`);
  return found.size;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    offset += (await file.write(bytes, offset)).bytesWritten;
  }
}

function asFileError(reason: unknown, path: string): unknown {
  const code = reason instanceof Error && "syscall" in reason ? (reason as NodeJS.ErrnoException).code : undefined;
  if (code === undefined) return reason;
  return new TwinError("TWIN_INPUT_INVALID", `${path} cannot be written: ${code}.`, {}, reason);
}
