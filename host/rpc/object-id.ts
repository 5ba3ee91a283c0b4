// Object ids as they arrive from the other side of a connection.

import { TwinError } from "../base/errors.ts";
import type { ObjectId } from "../vault/object.ts";
import { decodeObjectId } from "../vault/object-id.ts";
import { checkText, invalid } from "./arguments.ts";

/** The id of an object that may or may not be here. Throws `TWIN_INPUT_INVALID` for what can be none. */
export function checkObjectId(id: unknown): ObjectId {
  const text = checkText(id, "id", { max: 64 });
  if (decodeObjectId(text) !== undefined) return text;
  throw invalid("id", "the id of an object, 32 to 44 characters in base58 as a put answers it", id);
}

/** The error for an object that was never put. */
export function unknownObject(): TwinError {
  return new TwinError("TWIN_OBJECT_UNKNOWN", "No object of that id is stored here.");
}
