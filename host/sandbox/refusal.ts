// How admission says no: one typed error with the rule that was broken, where, and what to do.

import { TwinError } from "../base/errors.ts";

/** The codes with which a module is refused. */
export type RefusalCode =
  | "TWIN_MODULE_INVALID"
  | "TWIN_MODULE_FEATURE"
  | "TWIN_MODULE_IMPORT"
  | "TWIN_MODULE_EXPORT"
  | "TWIN_MODULE_LIMIT";

/** What was broken, and where. */
export interface Refusal {
  /** Stable kebab-case name of the rule, also in the error's details. */
  readonly rule: string;
  /** Byte offset in the original module, 0-based. */
  readonly offset: number;
  /** Expected against found, and what to do next. One or two sentences without a full stop at the end. */
  readonly reason: string;
}

/** The error of a refused module. Its details hold `rule` and `offset`. Control characters of its names are masked. */
export function refusal(code: RefusalCode, { rule, offset, reason }: Refusal): TwinError {
  const printable = reason.replaceAll(/\p{C}/gu, "?");
  return new TwinError(code, `Module refused at byte ${offset} (${rule}): ${printable}.`, { rule, offset });
}

/** A count or size above its limit. */
export interface Excess {
  /** Plural noun of what is counted, for example `functions`. */
  readonly what: string;
  readonly found: number;
  readonly limit: number;
  readonly offset: number;
}

/** Throws `TWIN_MODULE_LIMIT` when `found` is above `limit`. */
export function checkLimit({ what, found, limit, offset }: Excess): void {
  if (found <= limit) return;
  const rule = `${what.replaceAll(" ", "-")}-limit`;
  throw refusal("TWIN_MODULE_LIMIT", {
    rule,
    offset,
    reason: `${found} ${what}, at most ${limit} are allowed; use fewer`,
  });
}

/** Names a part of the format that is not on the allow-list, with the way out. */
const FEATURES = {
  "exception-handling": "exceptions can swallow the host's own; compile without them",
  "garbage-collection": "GC objects live outside every memory limit; compile for linear memory",
  "reference-types": "only funcref is allowed; compile without externref and other reference types",
  "typed-function-references": "only plain funcref is allowed; compile without typed function references",
  threads: "shared memory and atomics are not deterministic; compile for a single thread",
  memory64: "only 32-bit memories and tables are allowed; compile for wasm32",
  "multi-memory": "only one memory is allowed; compile with a single memory",
  "custom-page-sizes": "only pages of 64 KiB are allowed; compile without custom page sizes",
  "relaxed-simd": "relaxed SIMD differs between machines; compile with fixed-width SIMD",
  "tail-calls": "tail calls escape the depth count; compile without them",
  "unknown-feature": "it is not part of the allowed instruction set; compile for WebAssembly 2.0",
} as const;

/** One of the features that are refused by name. */
export type RefusedFeature = keyof typeof FEATURES;

/** The error for a module that uses `feature` at `offset`. */
export function refuseFeature(feature: RefusedFeature, offset: number): TwinError {
  return refusal("TWIN_MODULE_FEATURE", { rule: feature, offset, reason: FEATURES[feature] });
}
