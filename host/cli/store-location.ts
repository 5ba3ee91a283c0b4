// Where a store is, as a user writes it.

import { resolve } from "node:path";

/** `text` with a path made absolute: the host that opens it has another working folder. Other places stay as they are. */
export function storeLocation(text: string): string {
  return /^[a-z][a-z0-9+]*:/u.test(text) ? text : resolve(text);
}
