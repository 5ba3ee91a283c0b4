import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCampaign } from "../support/campaign.ts";
import { runWorkerDeaths } from "../support/worker-deaths.ts";

const DEATHS = 200;
const DEATHS_PER_FOLDER = 25;

test(`${DEATHS} deaths of a worker with busy twins lose, halve and double nothing`, async () => {
  const { below, hasTime } = startCampaign(2);
  let [deaths, calls, met] = [0, 0, 0];
  while (deaths < DEATHS && hasTime()) {
    const folder = mkdtempSync(join(tmpdir(), "twin-deaths-"));
    const report = await runWorkerDeaths(folder, { deaths: DEATHS_PER_FOLDER, below, hasTime });
    expect(report.problems).toEqual([]);
    deaths += report.deaths;
    calls += report.calls;
    met += report.met;
    rmSync(folder, { recursive: true });
  }
  process.stdout.write(`${deaths} deaths met ${met} of ${calls} commands\n`);
  expect(met).toBeGreaterThan(0);
});
