// Short ways to write rows of text in tests.

import { utf8Encode } from "../../host/base/bytes.ts";
import type { StateWrite } from "../../host/state/state-store.ts";

/** A write of text; without a value it deletes. */
export function textWrite(namespace: string, key: string, value?: string): StateWrite {
  return { namespace, key: utf8Encode(key), value: value === undefined ? undefined : utf8Encode(value) };
}
