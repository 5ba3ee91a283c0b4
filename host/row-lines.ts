// Rows of a table as lines of JSON that a person can read: text where bytes are text, else base64url.

import { base64UrlDecode, base64UrlEncode, utf8Encode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import type { StateEntry } from "./state/state-store.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The line of a row, without its end: `{"key":…,"value":…}`, each with `64` behind its name when it is no text. */
export function encodeRowLine({ key, value }: StateEntry): string {
  return JSON.stringify({ ...field("key", key), ...field("value", value) });
}

/** The row of a line. Throws `TWIN_SEAL_BROKEN`. */
export function decodeRowLine(line: string): StateEntry {
  try {
    const fields = JSON.parse(line) as Partial<Record<string, string>>;
    return { key: bytesOf("key", fields), value: bytesOf("value", fields) };
  } catch (cause) {
    throw new TwinError("TWIN_SEAL_BROKEN", "A table of this export has a line that is no row.", {}, cause);
  }
}

function field(name: "key" | "value", bytes: Uint8Array): Readonly<Record<string, string>> {
  try {
    return { [name]: STRICT.decode(bytes) };
  } catch {
    return { [`${name}64`]: base64UrlEncode(bytes) };
  }
}

function bytesOf(name: "key" | "value", fields: Partial<Record<string, string>>): Uint8Array {
  const text = fields[name];
  return text === undefined ? base64UrlDecode(fields[`${name}64`]!) : utf8Encode(text);
}
