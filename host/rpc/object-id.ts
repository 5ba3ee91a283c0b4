// Object ids as they arrive from the other side of a connection.

import { TwinError } from "../base/errors.ts";
import type { ObjectId } from "../vault/object.ts";
import { checkText, invalid } from "./arguments.ts";

/** The id of an object, as far as its shape goes. Throws `TWIN_INPUT_INVALID`. */
export function checkObjectId(id: unknown): ObjectId {
  const text = checkText(id, "id", { max: 64 });
  if (/^[1-9A-HJ-NP-Za-km-z]+$/.test(text)) return text;
  throw invalid("id", "an object's id in base58", id);
}

/** The error for an object that was never put. */
export function unknownObject(): TwinError {
  return new TwinError("TWIN_OBJECT_UNKNOWN", "No object of that id is stored here.");
}
