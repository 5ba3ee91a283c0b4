// Kills at every step of installing, upgrading, rolling back, removing and restoring: old or new, never between.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KILLED_OPERATIONS, killAtSteps } from "../support/installation-kills.ts";

test.each(KILLED_OPERATIONS)(
  "a kill at any step of $name leaves the old or the new",
  async (operation) => {
    const root = mkdtempSync(join(tmpdir(), "kills-"));
    try {
      const seen = await killAtSteps(root, operation);
      expect(seen.old).toBeGreaterThan(0);
      expect(seen.new).toBeGreaterThan(0);
      console.log(`${operation.name}: ${seen.old} times the old, ${seen.new} times the new`);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
  600_000,
);
