// Shortcuts of the sandbox's tests: from text to a running guest.

import { expect } from "vitest";

import { TwinError, type TwinErrorCode } from "../../../host/base/errors.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../../host/sandbox/guest.ts";
import type { Guest, HostImplementation, HostInterface } from "../../../host/sandbox/sandbox.ts";
import { assembleGuest } from "../../support/assemble.ts";

/** Room for 16 pages. */
export const MEMORY_SIZE_BYTES = 16 * 65_536;

/** A small list of host functions, with a price for each. */
const HOST_INTERFACE: HostInterface = {
  take: { params: ["i32"], results: [], fuel: 50 },
  now_ms: { params: [], results: ["f64"], fuel: 100 },
  kv_get: { params: ["i32", "i32"], results: ["i32"], fuel: 200 },
  log: { params: ["i32", "i32", "i32"], results: [], fuel: 10 },
};

/** Does nothing, for guests that import and do not care. */
const IDLE_HOST: HostImplementation = {
  take: () => undefined,
  now_ms: () => 5,
  kv_get: () => -1,
  log: () => undefined,
};

/** The policy of most tests. */
export const POLICY = { hostInterface: HOST_INTERFACE, limits: { memorySizeBytes: MEMORY_SIZE_BYTES } };

/** How {@link startGuest} differs from the usual. */
export interface StartOptions {
  readonly host?: HostImplementation;
  readonly callDepth?: number;
  readonly fuel?: number;
}

/** Admits, compiles and instantiates `bytes`. */
export function startGuest(bytes: Uint8Array, { host, callDepth, fuel }: StartOptions = {}): Guest {
  const compiled = compileGuest(admit(bytes, POLICY));
  return instantiate(compiled, {
    implementation: { ...IDLE_HOST, ...host },
    limits: { callDepth: callDepth ?? 10_000 },
    budget: { fuel: fuel ?? 100_000_000 },
  });
}

/** A guest with one method `run` whose body is `code`, behind other `fields`. */
export function startMethod(code: string, fields = "", options: StartOptions = {}): Guest {
  return startGuest(assembleGuest(`${fields} (func (export "run") (param i32 i32) (result i64) ${code})`), options);
}

/** Fuel of a call of `run` without payload. */
export function fuelOf(guest: Guest): number {
  return guest.call("run", new Uint8Array(), { fuel: 1_000_000_000 }).usage.fuel;
}

/** The TwinError that `act` throws, which must have `code`. */
export function errorOf(act: () => unknown, code: TwinErrorCode): TwinError {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TwinError);
  const error = thrown as TwinError;
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `, "u"));
  return error;
}
