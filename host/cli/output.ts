// What the command line prints: answers on standard output, everything else on standard error.

import { getSystemErrorMessage, inspect } from "node:util";

import { progress as progressBar } from "@clack/prompts";

import { TwinError, toTwinError } from "../base/errors.ts";
import type { OnProgress } from "../index.ts";

/** `text` without what a terminal would take as a command: names and messages may be a stranger's. Escapes as JSON has them. */
export function harmless(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- these are what it is about
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Writes one line to standard output. */
export function print(line: string): void {
  process.stdout.write(`${harmless(line)}\n`);
}

/** Writes one line to standard error: notes that are not part of the answer. */
export function note(line: string): void {
  process.stderr.write(`${harmless(line)}\n`);
}

/** Prints `value` as JSON when `--json` was given, else the lines of `text`. */
export function answer(
  options: { readonly json?: boolean | undefined },
  value: unknown,
  text: () => readonly string[] | string,
): void {
  if (options.json === true) return print(JSON.stringify(value));
  const lines = text();
  for (const line of typeof lines === "string" ? [lines] : lines) print(line);
}

/** Prints an error as one clear sentence (or JSON) and sets the exit code. */
export function fail(thrown: unknown, json: boolean): void {
  const error = fileError(thrown) ?? toTwinError(thrown);
  if (json) print(JSON.stringify({ error: error.toWire() }));
  else note(`${error.message} (${error.code})`);
  // One of a running host has no cause here: its log has it, and our own stack says nothing.
  if (error.code === "TWIN_HOST_INTERNAL" && error.cause !== undefined) note(inspect(error.cause));
  process.exitCode = 1;
}

/** Lets the exit code say that the command did not do all of its work. Of what it was, it has told. */
export function endIncomplete(): void {
  process.exitCode = 1;
}

/** What the system says of a file that the user named: nobody needs to see a stack for that. */
function fileError(thrown: unknown): TwinError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { path, errno } = thrown as NodeJS.ErrnoException;
  if (path === undefined || errno === undefined) return undefined;
  return new TwinError("TWIN_INPUT_INVALID", `${path} cannot be used: ${getSystemErrorMessage(errno)}.`, {}, thrown);
}

/** A progress bar on standard error while `work` runs, when a person looks at it. */
export async function withProgress<T>(title: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return await work(() => {});
  const STEPS = 1_000;
  const bar = progressBar({ max: STEPS, output: process.stderr });
  let shown = 0;
  bar.start(title);
  try {
    const result = await work((done, total) => {
      const step = total === undefined || total === 0 ? shown : Math.min(STEPS, Math.floor((done / total) * STEPS));
      bar.advance(step - shown, total === undefined ? `${title}: ${formatSize(done)}` : title);
      shown = step;
    });
    bar.stop(title);
    return result;
  } catch (thrown) {
    bar.error(title);
    throw thrown;
  }
}

/** Rows as aligned columns; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  "),
  );
}

/** `1 shard`, `2 shards`. */
export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** `1.5 MB`: decimal units, two significant places at most. */
export function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** `2026-01-31 09:05:00` in the machine's time zone. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toLocaleString("sv-SE");
}
