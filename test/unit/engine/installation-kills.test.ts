// One operation, the telling steps; every step of every operation is in test/campaigns/installation-kills.campaign.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KILLED_OPERATIONS, killAtSteps } from "../../support/installation-kills.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kills-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("a kill while a package is written, before it has its name, and around its record leaves the old or the new", async () => {
  const around = /^(?:within writeSync|before renameSync|within write$|after write$)/u;
  const upgrade = KILLED_OPERATIONS.find(({ name }) => name === "upgrade")!;
  const seen = await killAtSteps(root, upgrade, (step) => around.test(step));
  expect(seen).toEqual({ old: 3, new: 1 });
}, 60_000);
