// The memory of a put, of reads and of a repair does not grow with the object. CAMPAIGN_GIGABYTES says how large it is.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const LIMIT_BYTES = 300e6;
/** As a host is started: without it each thread keeps tens of megabytes for young objects. */
const HOST_FLAGS = ["--max-semi-space-size=4"];
/** A disk, not a memory that poses as one. */
const PLACE = join(import.meta.dirname, "../../node_modules/.cache");

test("an object of any size goes in and out, and is repaired, in 300 MB of memory", async () => {
  const folder = mkdtempSync(join(PLACE, "flat-memory-"));
  const script = join(import.meta.dirname, "../support/flat-memory.ts");
  try {
    const size = process.env["CAMPAIGN_GIGABYTES"] ?? "2";
    const { stdout } = await promisify(execFile)(process.execPath, [...HOST_FLAGS, script, size, folder]);
    process.stdout.write(`${size} GB: ${stdout}\n`);
    const peaks = JSON.parse(stdout) as Readonly<Record<string, number>>;
    expect(Object.keys(peaks)).toEqual(["start", "put", "get", "get with two stores lost", "repair"]);
    for (const [phase, peak] of Object.entries(peaks)) expect(peak, phase).toBeLessThan(LIMIT_BYTES);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
