// What SQLite reports, in our words.

import { TwinError } from "../base/errors.ts";

// Primary result codes (sqlite.org/rescode.html); extended ones carry them in the low byte.
const PERM = 3;
const BUSY = 5;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The primary result code of an error that `node:sqlite` threw; undefined for any other error. */
function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number") return undefined;
  return thrown.errcode & 0xff;
}

/** What the owner of a state file does about one that is broken. */
const RESTORE = "Restore it from a backup";

/** A {@link TwinError} for an error of `node:sqlite` about the file at `path`, with what to do when it is broken; anything else is returned as it is. */
export function sqliteFailure(thrown: unknown, path: string, remedy?: string): unknown {
  switch (resultCode(thrown)) {
    case BUSY:
      return new TwinError("TWIN_HOST_BUSY", `Another process uses ${path}. Stop it first.`, {}, thrown);
    case CORRUPT:
    case NOTADB:
      return stateBroken(path, "it is damaged or not a state file", thrown, remedy);
    case FULL:
      return new TwinError("TWIN_STATE_FULL", `The disk of ${path} is full. Free some space.`, {}, thrown);
    case PERM:
    case READONLY:
    case CANTOPEN:
    case IOERR:
      return new TwinError("TWIN_HOST_FOLDER", `Cannot read and write ${path}. Check the folder.`, {}, thrown);
    default:
      return thrown;
  }
}

/** `TWIN_STATE_BROKEN` about the file at `path`, in one sentence that says why and what to do. */
export function stateBroken(path: string, why: string, cause?: unknown, remedy: string = RESTORE): TwinError {
  return new TwinError(
    "TWIN_STATE_BROKEN",
    `The state file ${path} cannot be used: ${why}. ${remedy}; nothing was changed.`,
    {},
    cause,
  );
}
