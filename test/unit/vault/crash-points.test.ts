// The machine dies at any durable step of any work of the vault. More seeds: test/campaigns/vault-crash.campaign.ts.

import { test } from "vitest";
import { crashBySeed } from "../../support/vault-crash.ts";

const SEEDS = 12;

test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
  "four lives of seed %i lose, halve and revive nothing",
  async (seed) => {
    await crashBySeed(seed);
  },
);
