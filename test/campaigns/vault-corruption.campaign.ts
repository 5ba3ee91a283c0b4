// Each field of each structure in the stores, damaged in each way, in stores that chance picks.

import { expect, test } from "vitest";
import { startCampaign } from "../support/campaign.ts";
import { CORRUPTION_CASES, openCorruptibleVault } from "../support/vault-corruption.ts";

const ROUNDS = 3;

test("no field of no structure can be damaged unnoticed, or beyond what was promised", async () => {
  const { below, hasTime } = startCampaign(3);
  const vault = await openCorruptibleVault();
  let count = 0;
  for (let round = 0; round < ROUNDS || (process.env["CAMPAIGN_MINUTES"] !== undefined && hasTime()); round++) {
    for (const damage of CORRUPTION_CASES) {
      await vault.check(damage, below).catch((cause: unknown) => {
        throw new Error(`${damage.structure}, ${damage.field}, ${damage.method}`, { cause });
      });
      count++;
    }
  }
  process.stdout.write(`${count} damages\n`);
  expect(count).toBeGreaterThanOrEqual(ROUNDS * CORRUPTION_CASES.length);
});
