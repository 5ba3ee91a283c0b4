// Damage to each field of what stands in the stores; all ways and more victims: test/campaigns/vault-corruption.campaign.ts.

import { expect, test } from "vitest";
import { createChance } from "../../support/campaign.ts";
import { CORRUPTION_CASES, openCorruptibleVault } from "../../support/vault-corruption.ts";

test("each field, damaged in one way of five, is detected, named and repaired, or refused by name", async () => {
  const vault = await openCorruptibleVault();
  const below = createChance(7);
  const chosen = CORRUPTION_CASES.filter((_, at) => at % 5 === Math.floor(at / 5) % 5);
  expect(new Set(chosen.map(({ structure, field }) => `${structure} ${field}`)).size).toBe(CORRUPTION_CASES.length / 5);
  for (const damage of chosen) {
    await vault.check(damage, below).catch((cause: unknown) => {
      throw new Error(`${damage.structure}, ${damage.field}, ${damage.method}`, { cause });
    });
  }
});
