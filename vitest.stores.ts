// Tests of stores against engines that come from Debian: see test/stores/.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/stores/*.stores.ts"], testTimeout: 120_000, hookTimeout: 120_000, reporters: ["verbose"] },
});
