// The memory of a put and a get does not grow with the object. CAMPAIGN_GIGABYTES says how large it is.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const LIMIT_BYTES = 300e6;
/** A disk, not a memory that poses as one. */
const PLACE = join(import.meta.dirname, "../../node_modules/.cache");

test("an object of any size goes in and out in 300 MB of memory", async () => {
  const folder = mkdtempSync(join(PLACE, "flat-memory-"));
  const script = join(import.meta.dirname, "../support/flat-memory.ts");
  try {
    const size = process.env["CAMPAIGN_GIGABYTES"] ?? "2";
    const { stdout } = await promisify(execFile)(process.execPath, [script, size, folder]);
    process.stdout.write(`${size} GB: ${stdout}\n`);
    const { put, get } = JSON.parse(stdout) as Readonly<Record<string, number>>;
    expect(put).toBeLessThan(LIMIT_BYTES);
    expect(get).toBeLessThan(LIMIT_BYTES);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
