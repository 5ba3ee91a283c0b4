import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // By default one core is left idle; most of the waiting here is for processes, browsers and disks.
    maxWorkers: "100%",
    setupFiles: ["test/support/property-seed.ts", "test/support/stray-children.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
