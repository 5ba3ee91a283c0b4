import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCountedCampaign } from "../support/campaign.ts";
import { runCrashLoop } from "../support/crash-loop.ts";

const KILLS = 200;
const KILLS_PER_FOLDER = 25;

test(`${KILLS} kills of two busy twins lose, halve and double nothing`, async () => {
  const { below, goesOn, countMin } = startCountedCampaign(KILLS);
  let [kills, commands] = [0, 0];
  while (goesOn(kills)) {
    // A fresh folder now and then: the judge reads all of it after each kill.
    const folder = mkdtempSync(join(tmpdir(), "twin-crash-"));
    const before = kills;
    const isTimeLeft = (): boolean => goesOn(before);
    const round = await runCrashLoop(folder, { kills: KILLS_PER_FOLDER, below, hasTime: isTimeLeft });
    kills += round.kills;
    commands += round.commands;
    rmSync(folder, { recursive: true });
  }
  process.stdout.write(`${kills} kills, ${commands} commands\n`);
  expect(kills).toBeGreaterThanOrEqual(countMin);
}, 3_600_000);
