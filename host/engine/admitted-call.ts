// A call that may run, what it may use, and its account when it has ended.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { callerName } from "../grants/decide.ts";
import type { Method } from "../packages/manifest.ts";
import type { CallRun } from "./call-run.ts";
import type { CallAnswer, CallRequest, Receipt } from "./engine.ts";
import type { InvocationResult } from "./guest-runner.ts";
import { callFuelOf, type LoadedCapability } from "./guest-shelf.ts";
import type { ReceiptDraft } from "./receipt-book.ts";

/** A call that may run: decided, its method found. */
export interface AdmittedCall {
  readonly request: CallRequest;
  readonly loaded: LoadedCapability;
  readonly method: Method;
  readonly grantId: string | undefined;
  readonly queueMs: number;
}

/** How a call ended; all that it rests on and all that it did is durable. */
export type Completion =
  | { readonly answer: CallAnswer; readonly error?: undefined }
  | { readonly answer?: undefined; readonly error: TwinError };

/** What the call may use, within the limits. Throws `TWIN_INPUT_INVALID` for a budget that is none. */
export function budgetOf({ request: { budget }, loaded, method }: AdmittedCall): { fuel: number; timeoutMs: number } {
  const [usualMs, mostMs] =
    method.kind === "task"
      ? [LIMITS.engine.taskTimeoutMs, LIMITS.engine.taskTimeoutMs]
      : [LIMITS.sandbox.callTimeoutMs, LIMITS.engine.callTimeoutMsMax];
  const fuel = Math.min(budget?.fuel ?? Infinity, callFuelOf(loaded.record.manifest));
  const timeoutMs = Math.min(budget?.timeoutMs ?? usualMs, mostMs);
  if (!Number.isSafeInteger(fuel) || fuel < 0 || !(timeoutMs >= 0)) {
    throw new TwinError("TWIN_INPUT_INVALID", "A budget is a whole number of fuel and a time in ms, both 0 or more.");
  }
  return { fuel, timeoutMs };
}

/** The account of a call, before it has a number. */
export function describeCall(about: {
  readonly admitted: AdmittedCall;
  readonly run: CallRun;
  readonly result: InvocationResult | undefined;
  readonly error: TwinError | undefined;
}): ReceiptDraft {
  const { admitted, run, result, error } = about;
  const { request, loaded, grantId, queueMs } = admitted;
  const { manifest, hash } = loaded.record;
  return {
    atMs: run.atMs,
    caller: callerName(request.holder),
    grantId,
    capability: request.capability,
    version: manifest.version,
    moduleHash: hash,
    method: request.method,
    outcome: error === undefined ? "ok" : "error",
    code: error?.code,
    fuel: (result?.fuel ?? 0) + run.strayFuel,
    memorySizeBytes: result?.memorySizeBytes ?? run.memorySizeBytes,
    hostCalls: run.hostCalls,
    bytes: {
      in: request.payload.length,
      out: result?.payload.length ?? 0,
      read: run.bytes.read,
      received: run.bytes.received,
      sent: run.bytes.sent,
      // What a failed call wrote was dropped.
      written: error === undefined ? run.bytes.written : 0,
    },
    queueMs,
    runMs: Math.round(run.elapsedMs() * 1_000) / 1_000,
    trace: run.linkedTrace,
    nested: run.nested.length === 0 ? undefined : run.nested,
  };
}

/** The error with the number of its receipt. */
export function withReceipt({ code, message, details, cause }: TwinError, { sequence }: Receipt): TwinError {
  return new TwinError(code, message, { ...details, receipt: sequence }, cause);
}
