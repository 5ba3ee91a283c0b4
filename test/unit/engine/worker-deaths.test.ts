// A worker that is terminated at random moments, a few of them; many are in test/campaigns/worker-deaths.campaign.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createChance } from "../../support/campaign.ts";
import { runWorkerDeaths } from "../../support/worker-deaths.ts";

const root = mkdtempSync(join(tmpdir(), "twin-deaths-"));
afterAll(() => rmSync(root, { recursive: true }));

test("twins whose worker is terminated at random moments lose, halve and double nothing", async () => {
  const report = await runWorkerDeaths(root, { deaths: 4, below: createChance(1_000), hasTime: () => true });
  expect(report).toMatchObject({ problems: [], deaths: 4 });
  expect(report.calls).toBeGreaterThan(0);
});
