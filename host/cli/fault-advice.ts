// What an author can do about the fault of a capability, where the error alone does not say.

import type { TwinError } from "../base/errors.ts";

/** A guest that has grown to this many bytes may have come to its limit. */
const ROOMY_SIZE_BYTES = 4_000_000;

/** One sentence, or undefined where the message says all there is. */
export function faultAdvice({ code, details }: TwinError): string | undefined {
  if (code === "TWIN_GUEST_FUEL") return "limits.callFuel in capability.json asks for more.";
  if (code !== "TWIN_GUEST_TRAP") return undefined;
  // A program of AssemblyScript that finds no memory is the only one to trap without a word.
  return details["trap"] === "unreachable" && Number(details["memorySizeBytes"]) > ROOMY_SIZE_BYTES
    ? "If it logged nothing, it found no more memory: limits.memorySizeBytes in capability.json asks for more."
    : "Why stands in what it logged: in the host's log, and under twin capability dev.";
}
