// A folder for one run on the project's own disk, and what that disk can do: figures of durable work
// mean nothing without it.

import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fillRandom } from "./arena.ts";
import { quantile } from "./measure.ts";

const CACHE = join(import.meta.dirname, "../node_modules/.cache/twin-bench");
const SYNC_COUNT = 60;
const WRITE_SIZE = 64 * 1_048_576;
const PIECE_SIZE = 1_048_576;

/** A fresh folder; disposing it deletes it with all that is in it. */
export function openScratch(): { readonly folder: string } & Disposable {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "run-"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** How long this disk takes to make 4 KiB durable, in words. */
export function syncFact(folder: string): Record<string, string> {
  const file = openSync(join(folder, "sync-probe"), "w");
  const page = fillRandom(new Uint8Array(4_096), 7);
  const times: number[] = [];
  for (let index = 0; index < SYNC_COUNT; index++) {
    writeSync(file, page);
    const started = performance.now();
    fdatasyncSync(file);
    times.push(performance.now() - started);
  }
  closeSync(file);
  const median = quantile(
    times.toSorted((left, right) => left - right),
    0.5,
  );
  return { "disk: fdatasync of 4 KiB": `${(median * 1_000).toFixed(0)} us median` };
}

/** How fast this disk takes and gives bytes in order, in words. What was just written is read from memory. */
export function rateFact(folder: string): Record<string, string> {
  const file = openSync(join(folder, "rate-probe"), "w+");
  const piece = fillRandom(new Uint8Array(PIECE_SIZE), 8);
  const started = performance.now();
  for (let at = 0; at < WRITE_SIZE; at += PIECE_SIZE) writeSync(file, piece);
  fdatasyncSync(file);
  const writeMs = performance.now() - started;
  for (let at = 0; at < WRITE_SIZE; at += PIECE_SIZE) readSync(file, piece, 0, PIECE_SIZE, at);
  const readMs = performance.now() - started - writeMs;
  closeSync(file);
  return {
    "disk: 64 MiB in order": `${rateOf(writeMs)} written and synced, ${rateOf(readMs)} read from the page cache`,
  };
}

function rateOf(spentMs: number): string {
  return `${(WRITE_SIZE / spentMs / 1e3).toFixed(0)} MB/s`;
}
