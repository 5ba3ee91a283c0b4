// Codes that people read out, type and paste: Crockford's base32 (no letter that looks like a
// digit) with a checksum, so that a slip is found before anything is tried.

import { createHash } from "node:crypto";
import { base32crockford } from "@scure/base";
import { concatBytes, equalBytes } from "../base/bytes.ts";

const CHECKSUM_SIZE = 4;

/** `prefix`, a hyphen, then `payload` and its checksum as lower-case base32. */
export function encodeTypedCode(prefix: string, payload: Uint8Array): string {
  return `${prefix}-${base32crockford.encode(concatBytes(payload, checksum(prefix, payload))).toLowerCase()}`;
}

/**
 * The payload of a code as typed: any case, with spaces and further hyphens, `O` for `0`, `I` or `L`
 * for `1`. Undefined when prefix, alphabet or checksum do not hold.
 */
export function decodeTypedCode(prefix: string, text: string): Uint8Array<ArrayBuffer> | undefined {
  const compact = text.toLowerCase().replaceAll(/[\s-]/gu, "");
  if (!compact.startsWith(prefix)) return undefined;
  const bytes = decodeBase32(compact.slice(prefix.length));
  if (bytes === undefined || bytes.length < CHECKSUM_SIZE) return undefined;
  const payload = bytes.slice(0, -CHECKSUM_SIZE);
  return equalBytes(bytes.subarray(-CHECKSUM_SIZE), checksum(prefix, payload)) ? payload : undefined;
}

function decodeBase32(text: string): Uint8Array | undefined {
  try {
    return base32crockford.decode(text);
  } catch {
    return undefined;
  }
}

function checksum(prefix: string, payload: Uint8Array): Uint8Array {
  return createHash("sha256").update(`${prefix}\0`).update(payload).digest().subarray(0, CHECKSUM_SIZE);
}
