import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createChance } from "../../support/campaign.ts";
import { runCrashLoop } from "../../support/crash-loop.ts";

test("two twins that message each other lose, halve and double nothing, whenever their process is killed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "twin-crash-"));
  try {
    const { commands } = await runCrashLoop(folder, { kills: 3, below: createChance(20) });
    expect(commands).toBeGreaterThan(20);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
