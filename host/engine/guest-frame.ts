// What the host functions know of the guest that calls them, for as long as its method runs.

import type { Holder } from "../grants/grant.ts";
import type { MethodKind } from "../packages/manifest.ts";
import type { SchemaCheck } from "../packages/schema.ts";
import type { CallRun } from "./call-run.ts";
import type { TraceSpan } from "./trace.ts";

/** A nested call, as a guest asks for it. */
export interface NestedCall {
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly fuel: number;
  /** Frames that are left: nested guests share one stack. */
  readonly callDepth: number;
}

/** Severity of a guest's log line. */
export type GuestLogLevel = "debug" | "info" | "warn" | "error";

/** What is committed of the twin's timers. */
export interface TimerView {
  /** How many more it can keep. */
  room(): number;
  has(capability: string, id: number): boolean;
}

/** One running method of one guest. */
export interface GuestFrame {
  readonly run: CallRun;
  /** The capability's name, which is also its namespace. */
  readonly capability: string;
  readonly method: string;
  /** `init` while the instance starts. */
  readonly kind: MethodKind | "init";
  /** Of a nested call; the run's own when absent. */
  readonly span: TraceSpan | undefined;
  readonly caller: Holder;
  /** Id of the twin that all this happens in. */
  readonly twin: string;
  /** Permission groups of the manifest; `call` when it asks for any. */
  readonly permissions: ReadonlySet<string>;
  readonly eventChecks: ReadonlyMap<string, SchemaCheck>;
  /** Messages that the outbox can still take. */
  readonly outboxRoom: number;
  readonly timers: TimerView;
  /** Whether the capability has a command or a task of that name. */
  readonly canSchedule: (method: string) => boolean;
  /** Bytes that wait for `take`. */
  stage: Uint8Array | undefined;
  call(nested: NestedCall): { readonly payload: Uint8Array; readonly fuel: number };
  log(level: GuestLogLevel, text: string): void;
}
