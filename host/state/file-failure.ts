// What the file system reports, in our words.

import { TwinError } from "../base/errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const FOLDER = new Set(["ENOENT", "EACCES", "EPERM", "EROFS", "EISDIR", "ENOTDIR", "EIO", "EMFILE", "ENFILE"]);

/** A {@link TwinError} for a system error about the file at `path`; anything else is returned as it is. */
export function fileFailure(thrown: unknown, path: string): unknown {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (FULL.has(code)) {
    return new TwinError("TWIN_STATE_FULL", `The disk of ${path} is full. Free some space.`, {}, thrown);
  }
  if (FOLDER.has(code)) {
    return new TwinError("TWIN_HOST_FOLDER", `Cannot read and write ${path}. Check the folder.`, {}, thrown);
  }
  return thrown;
}
