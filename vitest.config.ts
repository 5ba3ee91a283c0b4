import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    // By default one core is left idle; most of the waiting here is for processes, browsers and disks.
    maxWorkers: "100%",
    setupFiles: ["test/support/property-seed.ts", "test/support/stray-children.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A machine that is busy with other things is slow, and nothing is wrong.
    expect: { poll: { timeout: 30_000 } },
    reporters: ["default"],
    projects: [
      // Nothing here keeps state in modules, so files may follow each other in one process: that saves a third.
      { extends: true, test: { name: "unit", include: ["test/*.test.ts", "test/unit/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: {
          // Before "unit" also in the alphabet, which is the order: at the end both cores have small files left.
          name: "hosts",
          include: ["test/{e2e,hostile}/**/*.test.ts"],
          // Dozens of real processes one after the other: a busy machine takes ten times as long.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});
