// Deaths of the vault's machine, and failures of its disks, at durable steps of put, forget, repair, drain, sweep, compaction,
// replication and the next start, by seed: at least 300 seeds of four lives each.

import { expect, test } from "vitest";
import { startCountedCampaign } from "../support/campaign.ts";
import { crashBySeed } from "../support/vault-crash.ts";

const SEEDS = 300;

test(`${SEEDS} seeds of four lives lose, halve and revive nothing`, async () => {
  const { seed, goesOn, countMin } = startCountedCampaign(SEEDS);
  let count = 0;
  for (; goesOn(count); count++) {
    await crashBySeed(seed + count).catch((thrown: unknown) => {
      throw new Error(`CAMPAIGN_SEED=${seed + count} fails`, { cause: thrown });
    });
  }
  process.stdout.write(`${count} seeds\n`);
  expect(count).toBeGreaterThanOrEqual(countMin);
}, 3_600_000);
