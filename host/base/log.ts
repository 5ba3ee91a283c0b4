// Structured logs, one JSON line each, on standard error: standard output belongs to answers.

import { type DestinationStream, destination, pino } from "pino";

/** What the rooms may log to. `fields` never hold secrets or user data. */
export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The least severe level that is written. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A log of `level` and above to `stream` (standard error when absent), synchronous so that a crash loses no line. */
export function createLog(level: LogLevel, stream?: DestinationStream): Log {
  return pino({ level, base: null }, stream ?? destination({ dest: 2, sync: true }));
}

/** Swallows everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
