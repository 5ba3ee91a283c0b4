// Random and damaged modules for as long as there is time: what admission lets in compiles, runs as
// the original does, burns what its instructions cost, and the same in both of V8's compilers.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { expect, it } from "vitest";

import { assembleGuest } from "../support/assemble.ts";
import { startCampaign } from "../support/campaign.ts";
import { compareForms, emptyTally } from "../support/compare-forms.ts";
import { damaged } from "../support/damaged-module.ts";
import { randomModule } from "../support/random-module.ts";

const SCRIPT = join(import.meta.dirname, "../support/tier-loop.ts");
/** Descendants of one random module before another one begins. */
const DESCENDANTS = 40;

it("finds no module that differs from its metered form", () => {
  const { below, hasTime } = startCampaign(1);
  const tally = emptyTally();
  while (hasTime()) {
    const module = assembleGuest(randomModule(below));
    compareForms(module, tally);
    for (let descendant = 0; descendant < DESCENDANTS; descendant++) compareForms(damaged(module, below), tally);
  }
  process.stdout.write(`${JSON.stringify(tally)}\n`);
  expect(tally.agreed).toBeGreaterThan(0);
});

it("finds no module that burns otherwise in another compiler", () => {
  const { below, hasTime } = startCampaign(1);
  while (hasTime()) {
    const first = String(below(2 ** 31));
    const [quick, optimised] = ["--liftoff-only", "--no-liftoff"].map(
      (flag) => spawnSync(process.execPath, [flag, SCRIPT, first, "100"], { encoding: "utf8" }).stdout,
    );
    expect(quick).not.toBe("");
    expect(optimised).toBe(quick);
  }
});
