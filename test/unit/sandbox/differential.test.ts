// Random and damaged modules in three forms: as they came, metered, and counted instruction by
// instruction by a second parser. A little of it here, more in the campaign `sandbox-fuzz`.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { expect, it } from "vitest";

import { assembleGuest } from "../../support/assemble.ts";
import { createChance } from "../../support/campaign.ts";
import { compareForms, emptyTally } from "../../support/compare-forms.ts";
import { damaged } from "../../support/damaged-module.ts";
import { randomModule } from "../../support/random-module.ts";
import { SAMPLE_PROGRAMS } from "./sample-programs.ts";

const SCRIPT = join(import.meta.dirname, "../../support/tier-loop.ts");

it("gives a random module the results of the original at the price of its instructions", () => {
  const tally = emptyTally();
  for (let seed = 0; seed < 60; seed++) compareForms(assembleGuest(randomModule(createChance(seed))), tally);
  expect(tally.refused).toBe(0);
  expect(tally.agreed).toBeGreaterThan(150);
  expect(tally.trapped).toBeGreaterThan(5);
});

it("refuses a damaged module, or agrees with what it has become", () => {
  const chance = createChance(1);
  const modules = [
    ...Object.values(SAMPLE_PROGRAMS).map((fields) => assembleGuest(`${fields} (export "direct" (func $run))`, "1 4")),
    ...Array.from({ length: 8 }, (_, seed) => assembleGuest(randomModule(createChance(seed)))),
  ];
  const tally = emptyTally();
  for (let round = 0; round < 600; round++) compareForms(damaged(modules[round % modules.length]!, chance), tally);
  expect(tally.refused).toBeGreaterThan(200);
  expect(tally.agreed).toBeGreaterThan(100);
});

it("burns the same in V8's two compilers", () => {
  const [quick, optimised] = ["--liftoff-only", "--no-liftoff"].map((flag) => {
    const { stdout, stderr } = spawnSync(process.execPath, [flag, SCRIPT, "0", "25"], { encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout;
  });
  expect(quick!.split("\n").length).toBe(25 * 8 + 1);
  expect(optimised).toBe(quick);
});
