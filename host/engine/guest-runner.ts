// Runs methods of guests inside a run, and the calls that guests make of each other.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Holder } from "../grants/grant.ts";
import { methodOf } from "../packages/manifest-file.ts";
import type { Method } from "../packages/manifest.ts";
import { callableMethods } from "../packages/permission.ts";
import type { SchemaCheck } from "../packages/schema.ts";
import type { Guest } from "../sandbox/sandbox.ts";
import type { CallRun } from "./call-run.ts";
import type { CapabilityRegister } from "./capability-register.ts";
import { checkJson, rewriteJson } from "./checked-json.ts";
import type { GuestFrame, NestedCall, TimerView } from "./guest-frame.ts";
import type { GuestShelf, LoadedCapability } from "./guest-shelf.ts";
import { endOfFailure } from "./recording.ts";
import type { TraceSpan } from "./trace.ts";

/** One method to run. */
export interface Invocation {
  readonly loaded: LoadedCapability;
  readonly method: string;
  readonly caller: Holder;
  /** UTF-8 JSON, not checked yet. */
  readonly payload: Uint8Array;
  readonly fuel: number;
  /** Weighted frames that the guest may use; the sandbox's own limit when absent. */
  readonly callDepth?: number | undefined;
  /** Of a nested call; the run's own when absent. */
  readonly span?: TraceSpan | undefined;
}

/** A method's answer, valid by its schema, and what it used. */
export interface InvocationResult {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Including the start of a fresh instance and nested calls. */
  readonly fuel: number;
  readonly memorySizeBytes: number;
}

/** What a runner is made of. */
export interface RunnerParts {
  readonly twin: string;
  readonly register: Pick<CapabilityRegister, "find" | "providerOf">;
  readonly shelf: Pick<GuestShelf, "load" | "readerOf" | "guestOf">;
  readonly log: Log;
  /** Messages that the outbox can still take. */
  readonly outboxRoom: () => number;
  readonly timers: TimerView;
}

/** Runs the guests of one twin. */
export class GuestRunner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** The capability and its method. Throws `TWIN_CALL_UNKNOWN`. */
  find(capability: string, method: string): { readonly loaded: LoadedCapability; readonly method: Method } {
    const record = this.#parts.register.find(capability);
    const found = record === undefined ? undefined : methodOf(record.manifest, method);
    if (record === undefined || found === undefined) throw unknown(capability, method, record !== undefined);
    return { loaded: this.#parts.shelf.load(record), method: found };
  }

  /** What a guest of `from` calls: of several major versions side by side the one that it depends on. Throws `TWIN_CALL_UNKNOWN`. */
  findFor(from: LoadedCapability, { capability, method }: NestedCall): ReturnType<GuestRunner["find"]> {
    const provider = this.#parts.register.providerOf(from.record.manifest, capability);
    return this.find(provider?.name ?? capability, method);
  }

  /**
   * Runs one method within `run`, to which all of its effects go. When it throws, nothing of the run
   * may be committed, and the guests of all its participants must be dropped.
   */
  invoke(run: CallRun, invocation: Invocation): InvocationResult {
    const { loaded, method } = invocation;
    const params = checkedParams(invocation.payload, loaded.methodChecks.get(method)!.params, invocation);
    if (run.depth >= LIMITS.engine.nestedCallDepth) {
      throw new TwinError("TWIN_LIMIT_EXCEEDED", `Calls are nested at most ${LIMITS.engine.nestedCallDepth} deep.`);
    }
    run.depth += 1;
    try {
      return this.#callGuest(run, invocation, params);
    } finally {
      run.depth -= 1;
    }
  }

  /** Makes sure that the capability has a live guest, as a call would. Throws `TWIN_GUEST_*` when its start fails. */
  start(run: CallRun, invocation: Invocation): { readonly guest: Guest; readonly startFuel: number } {
    const { loaded, fuel } = invocation;
    run.participants.add(loaded);
    if (loaded.guest?.dropped === false) return { guest: loaded.guest, startFuel: 0 };
    // An instance that starts is in no method yet, and may do nothing that needs a permission.
    loaded.frame = this.frameOf(run, invocation, "init");
    try {
      return this.#parts.shelf.guestOf(loaded, fuel);
    } catch (thrown) {
      if (thrown instanceof TwinError) run.strayFuel += Number(thrown.details["fuel"] ?? 0);
      loaded.recorder?.end(endOfFailure(thrown, 0));
      throw thrown;
    } finally {
      loaded.frame = undefined;
    }
  }

  #callGuest(run: CallRun, invocation: Invocation, params: Uint8Array): InvocationResult {
    const { loaded, method, fuel } = invocation;
    const { recorder, compiled } = loaded;
    recorder?.begin({ payload: params, fuelMax: fuel, meterVersion: compiled.admitted.meterVersion });
    const { guest, startFuel } = this.start(run, invocation);
    loaded.frame = this.frameOf(run, invocation, methodOf(loaded.record.manifest, method)!.kind);
    try {
      const { payload } = guest.call(method, params, {
        fuel: Math.max(0, fuel - startFuel),
        callDepth: invocation.callDepth,
      });
      const used = { fuel: startFuel + guest.usage.fuel, memorySizeBytes: guest.memorySizeBytes };
      recorder?.end({ answer: payload, ...used });
      run.checkDeadline();
      checkResult(payload, loaded.methodChecks.get(method)!.result, invocation);
      return { payload, ...used };
    } catch (thrown) {
      recorder?.end(endOfFailure(thrown, startFuel));
      run.strayFuel += startFuel + guest.usage.fuel;
      run.memorySizeBytes = guest.memorySizeBytes;
      throw thrown;
    } finally {
      loaded.frame = undefined;
      run.countHostCalls(guest.usage.hostCalls);
    }
  }

  /** What the host functions know of one running method. */
  frameOf(run: CallRun, invocation: Invocation, kind: GuestFrame["kind"]): GuestFrame {
    const { loaded, method, caller, span } = invocation;
    const { name, manifest } = loaded.record;
    const { twin, log, outboxRoom, timers } = this.#parts;
    return {
      run,
      capability: name,
      method,
      kind,
      span,
      caller,
      twin,
      permissions: loaded.permissions,
      eventChecks: loaded.eventChecks,
      outboxRoom: outboxRoom(),
      timers,
      canSchedule: (name) => ["command", "task"].includes(methodOf(manifest, name)?.kind ?? ""),
      stage: undefined,
      call: (nested) => this.#nest(run, loaded, nested),
      log: (level, text) =>
        log[level]({ capability: name, method, trace: run.trace.id, span: (span ?? run.trace).span }, text),
    };
  }

  /**
   * A call that the guest of `from` makes, in its transaction. What its manifest declares was approved
   * when it was installed, so that no grant is needed; what it does not declare is refused.
   */
  #nest(run: CallRun, from: LoadedCapability, nested: NestedCall): InvocationResult {
    const { name, manifest } = from.record;
    if (!mayCall(manifest.permissions, nested)) throw undeclaredCall(name, nested);
    const { loaded: found, method } = this.findFor(from, nested);
    if (method.kind === "task")
      throw deniedCall(`${nested.capability}.${nested.method} is a task, for which no transaction waits.`);
    const loaded = run.isQuery ? this.#parts.shelf.readerOf(found) : found;
    if (loaded.frame !== undefined) {
      throw new TwinError("TWIN_CALL_CYCLE", `${name} calls ${nested.capability}, which waits for this very call.`);
    }
    if (from.frame?.kind === "query" && method.kind === "command") {
      throw deniedCall(`${name}.${from.frame.method} is a query; it cannot call commands.`);
    }
    const parent = from.frame?.span ?? run.trace;
    const span = run.createSpan(parent);
    const startMs = run.elapsedMs();
    const { capability, method: called, payload, fuel, callDepth } = nested;
    const caller: Holder = { kind: "capability", name };
    const result = this.invoke(run, { loaded, caller, method: called, payload, fuel, callDepth, span });
    if (run.nested.length < LIMITS.engine.nestedCallsKept) {
      const runMs = run.elapsedMs() - startMs;
      const spans = { span: span.span, parent: parent.span };
      run.nested.push({ capability, method: called, ...spans, fuel: result.fuel, startMs, runMs });
    }
    return result;
  }
}

/** The error of a guest that calls what its manifest does not declare. */
export function undeclaredCall(name: string, { capability, method }: NestedCall): TwinError {
  return deniedCall(`The manifest of ${name} does not ask for a call of ${capability}.${method}.`);
}

/** The error of a guest that calls what it may not. */
export function deniedCall(message: string): TwinError {
  return new TwinError("TWIN_GUEST_DENIED", message, { function: "call" });
}

/** Whether the permissions name that method of that capability. */
export function mayCall(
  permissions: LoadedCapability["record"]["manifest"]["permissions"],
  { capability, method }: NestedCall,
): boolean {
  return permissions.some(({ permission }) => callableMethods(permission, capability).includes(method));
}

/**
 * The parameters as the guest gets them: as the host itself writes them. Readers of JSON differ (doubled
 * keys, odd numbers); the guest must read exactly what was checked.
 */
export function checkedParams(payload: Uint8Array, check: SchemaCheck, { loaded, method }: Invocation): Uint8Array {
  const checked = checkJson(payload, check);
  if (checked.violation === undefined) return rewriteJson(payload, checked);
  const at = `${loaded.record.manifest.name}.${method}`;
  const { violation } = checked;
  throw new TwinError("TWIN_CALL_PARAMS", `The parameters of ${at} do not fit its schema. ${violation}.`, {
    violation,
  });
}

/** Throws `TWIN_CALL_RESULT` when a method's answer does not fit its schema. */
export function checkResult(payload: Uint8Array, check: SchemaCheck, { loaded, method }: Invocation): void {
  const { violation } = checkJson(payload, check);
  if (violation === undefined) return;
  const at = `${loaded.record.manifest.name}.${method}`;
  const message = `The answer of ${at} does not fit its schema. ${violation}. Its author must fix it.`;
  throw new TwinError("TWIN_CALL_RESULT", message, { violation });
}

function unknown(capability: string, method: string, known: boolean): TwinError {
  const what = known ? `${capability} has no method ${method}` : `There is no capability ${capability}`;
  return new TwinError("TWIN_CALL_UNKNOWN", `${what}.`, { capability, method });
}
