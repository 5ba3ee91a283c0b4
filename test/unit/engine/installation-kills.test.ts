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

const operation = (name: string) => KILLED_OPERATIONS.find((each) => each.name === name)!;

test("a kill while a package is written, before it has its name, and around its record leaves the old or the new", async () => {
  const around = /^(?:within writeSync|before renameSync|within write$|after write$)/u;
  const seen = await killAtSteps(root, operation("upgrade"), (step) => around.test(step));
  expect(seen).toEqual({ old: 3, new: 1 });
}, 60_000);

test("a kill around the record of a rollback leaves the old or the new", async () => {
  const seen = await killAtSteps(root, operation("rollBack"), (step) => /^(?:within|after) write$/u.test(step));
  expect(seen).toEqual({ old: 1, new: 1 });
}, 60_000);
