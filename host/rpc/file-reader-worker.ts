// A thread that reads small files: it may wait for a disk, so that opening, looking and reading cost it a call each,
// and the host's own thread nothing.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";

import { LIMITS } from "../base/limits.ts";

/** What a reader is asked for. */
export interface ReadOrder {
  readonly paths: readonly string[];
  /** Room for `smallObjectSizeBytes` at least. The answer ends with the last file that has room. */
  readonly room: Uint8Array<SharedArrayBuffer>;
}

/** What became of one file: its size in bytes, which stand in the room behind those of the file before; that it is not small; or why it cannot be read. */
export type FileLook = number | "large" | { readonly reason: string };

/** What has become a link or a pipe since its folder was listed is not followed, and not waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const port = parentPort!;

function lookAll({ paths, room }: ReadOrder): FileLook[] {
  const looks: FileLook[] = [];
  let end = 0;
  for (const path of paths) {
    const look = lookAt(path, room.subarray(end));
    if (look === undefined) break;
    looks.push(look);
    if (typeof look === "number") end += look;
  }
  return looks;
}

/** Undefined when there is no room for it. */
function lookAt(path: string, room: Uint8Array): FileLook | undefined {
  try {
    const descriptor = openSync(path, READ_FLAGS);
    try {
      const found = fstatSync(descriptor);
      if (!found.isFile()) return { reason: "it is not a file any more" };
      if (found.size > LIMITS.vault.smallObjectSizeBytes) return "large";
      return found.size > room.length ? undefined : readAll(descriptor, room.subarray(0, found.size));
    } finally {
      closeSync(descriptor);
    }
  } catch (thrown) {
    return { reason: thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown" };
  }
}

/** Answers how many bytes there were: a file may have become shorter. */
function readAll(descriptor: number, room: Uint8Array): number {
  let filled = 0;
  while (filled < room.length) {
    const count = readSync(descriptor, room, filled, room.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

port.on("message", (order: ReadOrder) => port.postMessage(lookAll(order)));
