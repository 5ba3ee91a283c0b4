// Longer, seeded campaigns (crash, fuzz). CAMPAIGN_SEED repeats a run, CAMPAIGN_MINUTES says how long it lasts.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/campaigns/**/*.campaign.ts"],
    pool: "forks",
    setupFiles: ["test/support/stray-children.ts"],
    fileParallelism: false,
    testTimeout: 20 * 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ["verbose"],
  },
});
