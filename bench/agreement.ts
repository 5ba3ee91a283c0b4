// A contender that computes something else is not a contender: before a case is measured, all of its
// results are compared.

import { compareBytes } from "../host/base/bytes.ts";

/** Throws with the name of the first whose result is not `expected`. */
export function requireAgreement(
  what: string,
  expected: Uint8Array,
  results: readonly { readonly name: string; readonly result: Uint8Array }[],
): void {
  const wrong = results.find(({ result }) => compareBytes(result, expected) !== 0);
  if (wrong === undefined) return;
  throw new Error(`${what}: ${wrong.name} computes something else than the reference (${wrong.result.length} bytes).`);
}
