// kill -9 of a real process on real files, at any moment of put, forget, repair, drain, scrub and compaction.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCountedCampaign } from "../support/campaign.ts";
import { killAtWork } from "../support/vault-kills.ts";

const KILLS = 25;
const folder = await mkdtemp(join(tmpdir(), "vault-kills-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test(`${KILLS} kills lose, halve and revive nothing`, async () => {
  const { below, goesOn, countMin } = startCountedCampaign(KILLS);
  const { kills, objects } = await killAtWork(folder, { below, goesOn });
  process.stdout.write(`${kills} kills, ${objects} objects left\n`);
  expect(kills).toBeGreaterThanOrEqual(countMin);
}, 3_600_000);
