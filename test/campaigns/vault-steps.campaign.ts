// A kill, or a disk that fails, at the writes, syncs, truncations, deletions and commits of put, forget, scrub, drain and
// compaction: each run breaks at another step.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCampaign } from "../support/campaign.ts";
import { breakAtSteps, STEP_FATES, STEPPED_OPERATIONS } from "../support/vault-steps.ts";

const RUNS_EACH = Number(process.env["CAMPAIGN_MINUTES"] ?? 0) > 10 ? 100 : 8;

test.each(STEPPED_OPERATIONS.flatMap((operation) => STEP_FATES.map((fate) => [operation, fate] as const)))(
  "%s loses, halves and revives nothing when it meets a %s",
  async (operation, fate) => {
    const root = mkdtempSync(join(tmpdir(), "vault-steps-"));
    try {
      const { below } = startCampaign(1);
      const steps = await breakAtSteps(root, { operation, fate, count: RUNS_EACH }, below);
      process.stdout.write(`${operation}, ${fate}: ${RUNS_EACH} of ${steps} steps\n`);
      expect(steps).toBeGreaterThan(4);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
  600_000,
);
