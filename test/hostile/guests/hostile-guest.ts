// A hostile guest: the module of a stranger with one bad intent, and the typed outcome that must meet
// it. The lists beside this file are the corpus; to add an attack, append it to one of them.

import type { TwinErrorCode } from "../../../host/base/errors.ts";
import { assemble, assembleGuest } from "../../support/assemble.ts";

/** One attack. */
export interface HostileGuest {
  /** What it tries. */
  readonly name: string;
  readonly module: () => Uint8Array;
  /** Where it must be met: when it is admitted, instantiated, or called (method `run`, no payload unless given). */
  readonly metAt: "admission" | "start" | "call" | "nowhere";
  /** How its end is named, or that there is none: it gets an answer and has won nothing by it. */
  readonly code: TwinErrorCode | "harmless";
  readonly payload?: Uint8Array;
}

/** Functions of `hostile-host.ts` that attacks import. */
export const NOW = `(import "twin" "now_ms" (func $now (result f64)))`;
/** Reads the range and does nothing with it. */
export const READ = `(import "twin" "read" (func $read (param i32 i32)))`;
/** Copies a range of the guest's memory within it: `(from, size, to)`. */
export const COPY = `(import "twin" "copy" (func $copy (param i32 i32 i32)))`;
/** Reads text, as a log does. */
export const LOG = `(import "twin" "log" (func $log (param i32 i32 i32)))`;
/** Waits for so many milliseconds; for ever when negative. */
export const WAIT = `(import "twin" "wait" (func $wait (param i32)))`;

/** A guest with `fields` that is refused before it can do anything. */
export function refused(name: string, code: TwinErrorCode, fields: string, memory?: string): HostileGuest {
  return { name, metAt: "admission", code, module: () => assembleGuest(fields, memory) };
}

/** A guest of these bytes that is refused. */
export function refusedBytes(name: string, code: TwinErrorCode, module: () => Uint8Array): HostileGuest {
  return { name, metAt: "admission", code, module };
}

/** A guest whose `run` is `code`. */
export function stopped(name: string, code: TwinErrorCode, run: string, fields = ""): HostileGuest {
  return { name, metAt: "call", code, module: () => assembleGuest(`${fields} ${method(run)}`) };
}

/** A guest that never comes to life. */
export function stillborn(name: string, code: TwinErrorCode, fields: string): HostileGuest {
  return { name, metAt: "start", code, module: () => assembleGuest(fields) };
}

/** A guest that lies about where its payload may be put. */
export function liar(name: string, code: TwinErrorCode, alloc: string, memory = "1"): HostileGuest {
  const text = `(module (memory (export "memory") ${memory})
    (func (export "twin_alloc") (param i32) (result i32) ${alloc}) ${method("(i64.const 0)")})`;
  return { name, metAt: "call", code, module: () => assemble(text), payload: new Uint8Array(64) };
}

/** A guest that is allowed to do what it does, because it harms nobody but itself. */
export function harmless(name: string, run: string, fields = ""): HostileGuest {
  return harmlessBytes(name, () => assembleGuest(`${fields} ${method(run)}`));
}

/** A guest of these bytes that harms nobody. */
export function harmlessBytes(name: string, module: () => Uint8Array): HostileGuest {
  return { name, metAt: "nowhere", code: "harmless", module };
}

/** The export `run` with this body. */
export function method(run: string): string {
  return `(func (export "run") (param i32 i32) (result i64) ${run})`;
}
