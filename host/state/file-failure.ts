// What the file system reports, in our words.

import { TwinError } from "../base/errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A {@link TwinError} for a system error about the file at `path`; anything else is returned as it is. */
export function fileFailure(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || !("syscall" in thrown && "code" in thrown)) return thrown;
  const code = String(thrown.code);
  if (FULL.has(code)) {
    return new TwinError("TWIN_STATE_FULL", `The disk of ${path} is full. Free some space.`, {}, thrown);
  }
  return new TwinError("TWIN_HOST_FOLDER", `Cannot read and write ${path} (${code}). Check the folder.`, {}, thrown);
}
