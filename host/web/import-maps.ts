// Import maps are the only inline scripts that run: each is parsed, written anew and named in the
// page's Content-Security-Policy by its hash. JSON is no JavaScript program, so a hash cannot let
// anything else in.

import { createHash } from "node:crypto";

import { utf8Decode, utf8Encode } from "../base/bytes.ts";

/** The one spelling that is taken: a browser runs no other, because no other gets a hash. */
const IMPORT_MAP = /<script type="importmap">([\s\S]*?)<\/script>/g;
/** Each hash lengthens a header: a page of thousands would break its own response. */
const MAP_COUNT_MAX = 4;
const KEYS = ["imports", "scopes", "integrity"] as const;

/** A page as it is sent. */
export interface PreparedPage {
  readonly bytes: Uint8Array;
  /** `'sha256-…'` for each import map. */
  readonly scriptHashes: readonly string[];
}

/** Writes the import maps of a page anew. What does not parse stays as it is and will not run. Bytes that are not UTF-8 are sent unchanged. */
export function preparePage(html: Uint8Array): PreparedPage {
  let text: string;
  try {
    text = utf8Decode(html);
  } catch {
    return { bytes: html, scriptHashes: [] };
  }
  const scriptHashes: string[] = [];
  const prepared = text.replace(IMPORT_MAP, (whole, json: string) => {
    const map = scriptHashes.length < MAP_COUNT_MAX ? rewriteMap(json) : undefined;
    if (map === undefined) return whole;
    scriptHashes.push(scriptHash(map));
    return `<script type="importmap">${map}</script>`;
  });
  return { bytes: utf8Encode(prepared), scriptHashes };
}

/** `'sha256-…'` of an inline script's or style's exact text (CSP 3, section 6.7.3.3). */
export function scriptHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function rewriteMap(json: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const kept = KEYS.filter((key) => Object.hasOwn(value, key));
  if (kept.length === 0) return undefined;
  const map = Object.fromEntries(kept.map((key) => [key, (value as Record<string, unknown>)[key]]));
  // Escaped, so that no text of the map can end the element.
  return JSON.stringify(map).replaceAll("<", "\\u003c");
}
