// What a caller says of an object it puts, made whole and held to its limits.

import { utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { ObjectMeta } from "./object.ts";

const DEFAULT_TYPE = "application/octet-stream";

/** Within their limits. */
export interface CheckedMeta {
  readonly type: string;
  readonly name: string;
}

/** With the defaults for what is absent. Throws `TWIN_LIMIT_EXCEEDED` for what is too long. */
export function checkMeta({ type = DEFAULT_TYPE, name = "" }: ObjectMeta): CheckedMeta {
  const { objectNameSizeBytes, objectTypeSizeBytes } = LIMITS.vault;
  const checked = { type: type === "" ? DEFAULT_TYPE : type, name };
  if (utf8Encode(checked.name).length > objectNameSizeBytes) {
    throw new TwinError(
      "TWIN_LIMIT_EXCEEDED",
      `An object's name has at most ${objectNameSizeBytes} bytes: shorten it.`,
    );
  }
  if (utf8Encode(checked.type).length > objectTypeSizeBytes) {
    throw new TwinError("TWIN_LIMIT_EXCEEDED", `A media type has at most ${objectTypeSizeBytes} bytes: shorten it.`);
  }
  return checked;
}
