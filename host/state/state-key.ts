// The bounds of keys and ranges, the same for every store.

import { utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateKey, StateRange } from "./state-store.ts";

/** Names in memory; more are as good as none. */
const NAMES_COUNT = 1_024;
const names = new Map<string, Uint8Array>();

/** UTF-8 of a namespace's name, which nobody may change: it is remembered, as thousands of twins have namespaces of the same names. */
export function namespaceBytes(namespace: string): Uint8Array {
  const known = names.get(namespace);
  if (known !== undefined) return known;
  if (names.size >= NAMES_COUNT) names.clear();
  const bytes = utf8Encode(namespace);
  names.set(namespace, bytes);
  return bytes;
}

/** Throws `RangeError` unless the namespace has a name of allowed length. */
export function checkNamespace(namespace: string): void {
  if (namespace === "") throw new RangeError("A namespace has a name.");
  if (namespace.length > LIMITS.state.namespaceLength) {
    throw new RangeError(`A namespace has at most ${LIMITS.state.namespaceLength} characters.`);
  }
}

/** Throws `RangeError` unless namespace and key are within bounds. */
export function checkKey({ namespace, key }: StateKey): void {
  checkNamespace(namespace);
  if (key.length === 0 || key.length > LIMITS.state.keySizeBytes) {
    throw new RangeError(`A key has 1 to ${LIMITS.state.keySizeBytes} bytes, not ${key.length}.`);
  }
}

/** Throws `RangeError` unless the range can be scanned. */
export function checkRange({ namespace, limit }: StateRange): void {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError("A scan's limit is 0 or more.");
  checkNamespace(namespace);
}
