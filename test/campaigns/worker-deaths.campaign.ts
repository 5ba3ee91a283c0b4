import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCountedCampaign } from "../support/campaign.ts";
import { runWorkerDeaths } from "../support/worker-deaths.ts";

const DEATHS = 200;
const DEATHS_PER_FOLDER = 25;

test(`${DEATHS} deaths of a worker with busy twins lose, halve and double nothing`, async () => {
  const { below, goesOn, countMin } = startCountedCampaign(DEATHS);
  let [deaths, calls, met] = [0, 0, 0];
  while (goesOn(deaths)) {
    const folder = mkdtempSync(join(tmpdir(), "twin-deaths-"));
    const before = deaths;
    const isTimeLeft = (): boolean => goesOn(before);
    const report = await runWorkerDeaths(folder, { deaths: DEATHS_PER_FOLDER, below, hasTime: isTimeLeft });
    expect(report.problems).toEqual([]);
    deaths += report.deaths;
    calls += report.calls;
    met += report.met;
    rmSync(folder, { recursive: true });
  }
  process.stdout.write(`${deaths} deaths met ${met} of ${calls} commands\n`);
  expect(deaths).toBeGreaterThanOrEqual(countMin);
  expect(met).toBeGreaterThan(0);
}, 3_600_000);
