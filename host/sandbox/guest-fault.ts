// What ends a call, as a typed error: whose fault it was, and what to do about it.

import { TwinError, toTwinError } from "../base/errors.ts";
import { outOfFuel } from "./guest-memory.ts";
import { isSuspendError } from "./suspending.ts";

/** What is left of a call's budget; below zero when it was overdrawn. */
export interface BudgetLeft {
  readonly fuel: { readonly value: bigint };
  readonly depth: { readonly value: number };
}

/** The typed error of a call that ended with `thrown`. */
export function nameFault(thrown: unknown, left: BudgetLeft): TwinError {
  if (isStackOverflow(thrown)) return tooDeep(thrown);
  if (isSuspendError(thrown)) return cannotWait(thrown);
  if (!(thrown instanceof WebAssembly.RuntimeError)) return toTwinError(thrown);
  if (left.depth.value < 0) return tooDeep(thrown);
  if (left.fuel.value < 0n) return outOfFuel();
  const reason = `The guest trapped: ${thrown.message}.`;
  return new TwinError("TWIN_GUEST_TRAP", reason, { trap: thrown.message }, thrown);
}

/** What a host function threw: never a trap of the guest, whatever it looks like. */
export function nameHostFault(thrown: unknown): unknown {
  return isStackOverflow(thrown) ? thrown : toTwinError(thrown);
}

/** A new instance of `module`. Throws `TWIN_GUEST_TRAP` when its segments do not fit, `TWIN_GUEST_MEMORY` when V8 has no room. */
export function createInstance(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      const reason = `The guest could not start: ${cause.message}.`;
      throw new TwinError("TWIN_GUEST_TRAP", reason, { trap: cause.message, fuel: 0, memorySizeBytes: 0 }, cause);
    }
    if (!(cause instanceof RangeError)) throw cause;
    const reason = "The host has no memory left for another guest; try again when others have ended.";
    throw new TwinError("TWIN_GUEST_MEMORY", reason, { fuel: 0, memorySizeBytes: 0 }, cause);
  }
}

/** The error of a guest that broke the ABI. */
export function abiFault(reason: string): TwinError {
  return new TwinError("TWIN_GUEST_ABI", reason);
}

function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === "Maximum call stack size exceeded";
}

function tooDeep(cause: unknown): TwinError {
  const reason = "The guest's calls are nested too deeply; recurse less, or use smaller frames.";
  return new TwinError("TWIN_GUEST_DEPTH", reason, {}, cause);
}

function cannotWait(cause: unknown): TwinError {
  const reason = "The guest used a host function that waits where nothing may wait; use it in a task.";
  return new TwinError("TWIN_GUEST_DENIED", reason, {}, cause);
}
