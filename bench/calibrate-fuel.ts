// Compares the cost table with what instructions take here, in code that V8 has optimised. Run it on
// a quiet machine before changing a price: `npm run bench:fuel`. It prints, it changes nothing.

import { INSTRUCTION_FUEL } from "../host/sandbox/metering/cost-table.ts";
import { INSTRUCTIONS } from "../host/sandbox/wasm/instruction-set.ts";
import { assemble } from "../test/support/assemble.ts";
import { type Operation, OPERATIONS, type Type } from "../test/support/random-module.ts";
import { quantile } from "./measure.ts";

/** One kind of instruction as a piece of code that takes the local `$x`, which differs each time. */
interface Subject {
  readonly name: string;
  /** Fuel of the piece. */
  readonly fuel: number;
  /** Type of `$x`. */
  readonly type: Type;
  /** Leaves a value of the type `to`. */
  readonly code: string;
  readonly to: Type;
}

/** Nanoseconds that a unit of fuel stands for. */
const UNIT_NS = 1 / 3;
/** A price is suspicious when an instruction takes this many times longer than it pays for. */
const SUSPICIOUS = 4;
const COPIES = 32;
const ROUNDS = 2_000;
const SAMPLES = 15;

const fuelByName = new Map(
  INSTRUCTIONS.flatMap((instruction, opcode) =>
    instruction === undefined ? [] : [[instruction.name, INSTRUCTION_FUEL[opcode]!] as const],
  ),
);

function arithmetic({ name, from, to }: Operation): Subject {
  const type = from[0]!;
  // The divisor or shift count is a local too: V8 must not know it.
  const code = from.length === 1 ? `local.get $x ${name}` : `local.get $x local.get $other ${name}`;
  return { name, fuel: fuelByName.get(name)! + from.length, type, code, to };
}

function piece(name: string, type: Type, code: string, to: Type): Subject {
  const fuel = [...code.matchAll(/[a-z_0-9]+\.?[a-z_0-9.]*/gu)].reduce(
    (sum, [word]) => sum + (fuelByName.get(word) ?? 0),
    0,
  );
  return { name, fuel, type, code, to };
}

const SUBJECTS: readonly Subject[] = [
  ...OPERATIONS.map(arithmetic),
  piece("i32.load", "i32", "local.get $x i32.const 65532 i32.and i32.load", "i32"),
  piece("i64.load8_s", "i32", "local.get $x i32.const 65532 i32.and i64.load8_s", "i64"),
  piece("i32.store", "i32", "local.get $x i32.const 65532 i32.and local.get $x i32.store local.get $x", "i32"),
  piece("f64.store", "f64", "i32.const 64 local.get $x f64.store local.get $x", "f64"),
  piece("select", "i32", "local.get $x local.get $other local.get $x i32.const 1 i32.and select", "i32"),
  piece("global.set", "i32", "local.get $x global.set $g global.get $g", "i32"),
  piece("call", "i32", "local.get $x call $callee", "i32"),
  piece("call_indirect", "i32", "local.get $x i32.const 0 call_indirect (type $t)", "i32"),
  piece("table.set", "i32", "i32.const 0 ref.func $callee table.set 0 local.get $x", "i32"),
  piece("memory.size", "i32", "local.get $x memory.size i32.add", "i32"),
];

/** Seconds of one run: `COPIES * ROUNDS` times the piece, or without it when `subject` has no code. */
function programOf({ type, code, to }: Subject): () => unknown {
  const one = `(${type}.const ${type.startsWith("f") ? "1.000001" : "3"})`;
  const step = `(local.set $x (${type}.add (local.get $x) ${one}))`;
  const copy = code === "" ? step : `${step} ${code} (local.get $sum) ${to}.add local.set $sum`;
  const text = `(module (memory (export "memory") 2) (global $g (mut i32) (i32.const 0)) (table 1 funcref) (elem (i32.const 0) $callee)
    (type $t (func (param i32) (result i32))) (func $callee (type $t) (i32.add (local.get 0) (i32.const 1)))
    (func (export "run") (param $other ${type}) (result ${to}) (local $x ${type}) (local $sum ${to}) (local $round i32)
      (local.set $x ${one})
      (loop $again ${copy.repeat(COPIES)}
        (br_if $again (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const ${ROUNDS}))))
      (local.get $sum)))`;
  const run = new WebAssembly.Instance(new WebAssembly.Module(assemble(text))).exports["run"] as (
    other: number | bigint,
  ) => unknown;
  const other = type === "i64" ? 7n : 7;
  return () => run(other);
}

/** Nanoseconds of one piece, without what surrounds it. */
function measure(subject: Subject): number {
  const forms = [programOf(subject), programOf({ ...subject, code: "" })];
  const times: number[][] = [[], []];
  for (let sample = -SAMPLES; sample < SAMPLES; sample++) {
    for (const [index, run] of forms.entries()) {
      const started = performance.now();
      run();
      // The first half is for warming up.
      if (sample >= 0) times[index]!.push(performance.now() - started);
    }
  }
  const [full, empty] = times.map((list) =>
    quantile(
      list.toSorted((left, right) => left - right),
      0.1,
    ),
  );
  return Math.max(0, ((full! - empty!) * 1e6) / (COPIES * ROUNDS));
}

const rows = SUBJECTS.map((subject) => {
  // Adding to the sum costs as much as its kind of addition.
  const fuel = subject.fuel + 2 + fuelByName.get(`${subject.to}.add`)!;
  const ns = measure(subject);
  return { instruction: subject.name, fuel, ns, factor: ns / (fuel * UNIT_NS) };
}).toSorted((left, right) => right.factor - left.factor);

for (const { instruction, fuel, ns, factor } of rows) {
  const mark = factor > SUSPICIOUS ? "  <- takes longer than it pays for" : "";
  process.stdout.write(
    `${instruction.padEnd(22)} ${String(fuel).padStart(4)} fuel ${ns.toFixed(2).padStart(7)} ns  x ${factor.toFixed(2)}${mark}\n`,
  );
}
const suspicious = rows.filter(({ factor }) => factor > SUSPICIOUS);
process.stdout.write(`${suspicious.length} of ${rows.length} prices are more than ${SUSPICIOUS} times too low\n`);
