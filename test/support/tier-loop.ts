// Prints what random modules answer and burn, for a process with one tier of V8 switched on alone.
// Arguments: the first seed, and how many.

import { admit } from "../../host/sandbox/admit.ts";
import { assembleGuest } from "./assemble.ts";
import { createChance } from "./campaign.ts";
import { randomModule } from "./random-module.ts";

const [first, count] = process.argv.slice(2).map(Number) as [number, number];
const POLICY = { hostInterface: {}, limits: { memorySizeBytes: 4 * 65_536 } };
/** Twice: the second time, V8 may have optimised by what it saw the first time. */
const ROUNDS = 2;

for (let seed = first; seed < first + count; seed++) {
  const { wasm } = admit(assembleGuest(randomModule(createChance(seed))), POLICY);
  const exports = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports;
  const fuel = exports["twin_fuel"] as WebAssembly.Global;
  const depth = exports["twin_depth"] as WebAssembly.Global;
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ["f0", "f1", "f2", "f3"]) {
      fuel.value = 20_000n;
      depth.value = 400;
      process.stdout.write(`${seed} ${name} ${answerOf(exports[name] as Callable)} ${fuel.value} ${depth.value}\n`);
    }
  }
}

type Callable = (...args: readonly (number | bigint)[]) => unknown;

/** Numbers of either type fit: what does not is converted, or is a `TypeError` in both tiers. */
function answerOf(run: Callable): string {
  try {
    return String(run(...Array.from({ length: run.length }, (_, index) => index + 3)));
  } catch (error) {
    return error instanceof Error ? error.name : "?";
  }
}
