// A kill, or a disk that fails, at the writes, syncs, renames and commits of a restore and of the copy that a host keeps
// of its twin: each run breaks at another step.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCampaign } from "../support/campaign.ts";
import { breakRestoreAtSteps } from "../support/restore-steps.ts";

const RUNS_EACH = Number(process.env["CAMPAIGN_MINUTES"] ?? 0) > 10 ? 100 : 8;

test.each([
  ["restore", "kill"],
  ["restore", "fail"],
  ["replicate", "kill"],
  ["replicate", "fail"],
] as const)(
  "%s leaves a whole twin or none, and stores that give it back, when it meets a %s",
  async (operation, fate) => {
    const root = mkdtempSync(join(tmpdir(), "restore-steps-"));
    try {
      const { below } = startCampaign(1);
      const steps = await breakRestoreAtSteps(root, { operation, fate, count: RUNS_EACH }, below);
      process.stdout.write(`${operation}, ${fate}: ${RUNS_EACH} of ${steps} steps\n`);
      expect(steps).toBeGreaterThan(4);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
  600_000,
);
