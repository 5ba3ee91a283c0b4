// JSON of strangers, judged by its schema. What this accepts can be walked and written again.

import { jsonDecode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { SchemaCheck } from "../packages/schema.ts";

/** A judged payload: its value as fresh JSON text, or why it was refused (`path: message`). */
export type CheckedJson =
  | { readonly text: string; readonly violation?: undefined }
  | { readonly text?: undefined; readonly violation: string };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/** Parses and checks `payload`, which may be any bytes. */
export function checkJson(payload: Uint8Array, check: SchemaCheck): CheckedJson {
  if (!isShallow(payload)) return { violation: `$: nested deeper than ${LIMITS.engine.payloadDepth} levels` };
  let value: unknown;
  try {
    value = jsonDecode(payload);
  } catch {
    return { violation: "$: not UTF-8 JSON" };
  }
  const violation = check(value);
  return violation === undefined ? { text: JSON.stringify(value) } : { violation };
}

/** Whether JSON is nested no deeper than allowed; for other bytes the answer means nothing. */
function isShallow(json: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (inString) {
      if (byte === BACKSLASH) index++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth > LIMITS.engine.payloadDepth) return false;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--;
  }
  return true;
}
