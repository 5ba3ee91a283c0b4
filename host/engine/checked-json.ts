// JSON of strangers, judged by its schema. What this accepts can be walked and written again.

import { utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { SchemaCheck } from "../packages/schema.ts";

/** A judged payload: what it says, and its text without a byte order mark; or why it was refused (`path: message`). */
export type CheckedJson =
  | { readonly value: unknown; readonly text: string; readonly violation?: undefined }
  | { readonly violation: string };

/** First byte of UTF-8's byte order mark; no JSON text that we write begins with it. */
const MARK = 0xef;

/** Parses and checks `payload`, which may be any bytes. */
export function checkJson(payload: Uint8Array, check: SchemaCheck): CheckedJson {
  let text: string;
  let value: unknown;
  try {
    text = utf8Decode(payload);
    value = JSON.parse(text);
  } catch {
    return { violation: "$: not UTF-8 JSON" };
  }
  // The parser itself needs no stack for depth; whoever walks the value does.
  if (!isShallow(value, LIMITS.engine.payloadDepth)) {
    return { violation: `$: nested deeper than ${LIMITS.engine.payloadDepth} levels` };
  }
  const violation = check(value);
  return violation === undefined ? { value, text } : { violation };
}

/** The payload that {@link checkJson} has accepted, as we would write it: `payload` itself when it is that already. */
export function rewriteJson(
  payload: Uint8Array,
  { value, text }: { readonly value: unknown; readonly text: string },
): Uint8Array {
  const ours = JSON.stringify(value);
  return ours === text && payload[0] !== MARK ? payload : utf8Encode(ours);
}

/** Whether the value is nested at most `levels` deep. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((part) => isShallow(part, levels - 1));
}
