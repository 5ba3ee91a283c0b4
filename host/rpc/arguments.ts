// Checks of what arrives from the other side of a connection: types bind nobody there. Each returns
// the value as its type or throws `TWIN_INPUT_INVALID` naming the argument.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { parseTraceparent } from "../engine/trace.ts";
import type { CallOptions, Json } from "./api.ts";

/** Text of `min` to `max` UTF-16 code units (default 1 to 1,024). */
export function checkText(value: unknown, name: string, size: { min?: number; max?: number } = {}): string {
  const { min = 1, max = 1024 } = size;
  if (typeof value === "string" && value.length >= min && value.length <= max) return value;
  throw invalid(name, `text of ${min} to ${max} characters`, value);
}

/** A whole number from `min` to `max`. */
export function checkInteger(value: unknown, name: string, range: { min: number; max: number }): number {
  if (Number.isSafeInteger(value) && (value as number) >= range.min && (value as number) <= range.max)
    return value as number;
  throw invalid(name, `a whole number from ${range.min} to ${range.max}`, value);
}

/** Bytes, at most `sizeBytesMax`. */
export function checkBytes(value: unknown, name: string, sizeBytesMax: number): Uint8Array {
  if (value instanceof Uint8Array && value.length <= sizeBytesMax) return value;
  throw invalid(name, `at most ${sizeBytesMax} bytes`, value);
}

/** 1 to `countMax` distinct texts. */
export function checkTexts(value: unknown, name: string, countMax: number): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > countMax)
    throw invalid(name, `a list of 1 to ${countMax} texts`, value);
  const texts = value.map((item) => checkText(item, `${name}[]`));
  if (new Set(texts).size !== texts.length) throw invalid(name, "a list without repetition", value);
  return texts;
}

/** A plain object (an absent one is empty). Unknown keys are ignored by who reads it. */
export function checkRecord(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (isRecord(value)) return value;
  throw invalid(name, "an object", value);
}

/** A function (or the stub of one), or undefined. */
export function checkFunction(value: unknown, name: string): ((...args: never[]) => unknown) | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "function") return value as (...args: never[]) => unknown;
  throw invalid(name, "a function", value);
}

/** A JSON value, nested at most `LIMITS.rpc.jsonDepth` deep: no stubs, dates, bytes or `undefined`. */
export function checkJson(value: unknown, name: string): Json {
  if (isJson(value, LIMITS.rpc.jsonDepth)) return value;
  throw invalid(name, `JSON nested at most ${LIMITS.rpc.jsonDepth} deep`, value);
}

/** A `traceparent`, or undefined. */
export function checkTrace(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && parseTraceparent(value) !== undefined) return value;
  throw invalid(name, "a traceparent (W3C Trace Context)", value);
}

/** {@link CallOptions}, copied. */
export function checkCallOptions(value: unknown): CallOptions {
  const { callId, fuel, timeoutMs, traceparent } = checkRecord(value, "options");
  return {
    traceparent: checkTrace(traceparent, "options.traceparent"),
    callId: callId === undefined ? undefined : checkText(callId, "options.callId", { max: 64 }),
    fuel: fuel === undefined ? undefined : checkInteger(fuel, "options.fuel", { min: 1, max: Number.MAX_SAFE_INTEGER }),
    timeoutMs:
      timeoutMs === undefined
        ? undefined
        : checkInteger(timeoutMs, "options.timeoutMs", { min: 1, max: LIMITS.engine.taskTimeoutMs }),
  };
}

/** The error of an argument. Tells its kind, never its content. */
export function invalid(name: string, expected: string, got: unknown): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `"${name}" must be ${expected}; got ${kindOf(got)}.`, { argument: name });
}

function isJson(value: unknown, depthLeft: number): value is Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (depthLeft === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depthLeft - 1));
  return isRecord(value) && Object.values(value).every((item) => isJson(item, depthLeft - 1));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return `text of ${value.length} characters`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
