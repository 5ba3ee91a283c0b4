// JSON of strangers, judged by its schema. What this accepts can be walked and written again.

import { jsonDecode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { SchemaCheck } from "../packages/schema.ts";

/** A judged payload: its value as fresh JSON text, or why it was refused (`path: message`). */
export type CheckedJson =
  | { readonly text: string; readonly violation?: undefined }
  | { readonly text?: undefined; readonly violation: string };

/** Parses and checks `payload`, which may be any bytes. */
export function checkJson(payload: Uint8Array, check: SchemaCheck): CheckedJson {
  let value: unknown;
  try {
    value = jsonDecode(payload);
  } catch {
    return { violation: "$: not UTF-8 JSON" };
  }
  // The parser itself needs no stack for depth; whoever walks the value does.
  if (!isShallow(value, LIMITS.engine.payloadDepth)) {
    return { violation: `$: nested deeper than ${LIMITS.engine.payloadDepth} levels` };
  }
  const violation = check(value);
  return violation === undefined ? { text: JSON.stringify(value) } : { violation };
}

/** Whether the value is nested at most `levels` deep. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((part) => isShallow(part, levels - 1));
}
