// Fuel counted by hand from the cost table. `twin_alloc` of these guests costs 7: entry 6, constant 1.

import { describe, expect, it } from "vitest";

import { admit } from "../../../host/sandbox/admit.ts";
import { assembleGuest } from "../../support/assemble.ts";
import { errorOf, fuelOf, POLICY, startMethod } from "./sandbox-support.ts";

const ALLOC = 7;
/** Entry of `run`, and the constant that it answers with. */
const RUN = 6 + 1;

/** Fuel of `code` alone, which leaves nothing on the stack, in `run` without locals of its own. */
function fuelOfCode(code: string, fields = ""): number {
  return fuelOf(startMethod(`${code} i64.const 0`, fields)) - ALLOC - RUN;
}

describe("fuel", () => {
  it("is the entry and the instructions of straight code", () => {
    expect(fuelOfCode("")).toBe(0);
    expect(fuelOfCode("nop")).toBe(0);
    expect(fuelOfCode("i32.const 6 i32.const 2 i32.div_u drop")).toBe(1 + 1 + 10 + 1);
    expect(fuelOfCode("i32.const 8 i32.load drop")).toBe(1 + 2 + 1);
    expect(fuelOfCode("f64.const 2 f64.sqrt drop")).toBe(1 + 10 + 1);
  });

  it("grows with locals, four for one", () => {
    const withLocals = (count: number): number =>
      fuelOfCode("call $f", `(func $f (local ${"i64 ".repeat(count)}))`) - 4 - 6;
    expect([0, 1, 4, 5, 8, 9].map(withLocals)).toEqual([0, 1, 1, 2, 2, 3]);
  });

  it("pays a loop's body and the check at its head once for each round", () => {
    // Locals: 0 and 1 are parameters; `run` counts parameter 0 up to n.
    const loop = (rounds: number): string =>
      `loop local.get 0 i32.const 1 i32.add local.tee 0 i32.const ${rounds} i32.lt_u br_if 0 end`;
    // The guest's payload is empty and lies at 1024, where the count starts.
    for (const rounds of [1, 2, 1000]) expect(fuelOfCode(loop(1024 + rounds))).toBe(rounds * (3 + 7));
  });

  it("pays only the arm of an if that is taken", () => {
    const code = (test: number): string =>
      `i32.const ${test} if i32.const 1 drop else i32.const 1 i64.extend_i32_u drop end`;
    expect(fuelOfCode(code(1))).toBe(1 + 1 + 2);
    expect(fuelOfCode(code(0))).toBe(1 + 1 + 3);
    expect(fuelOfCode("i32.const 0 if i32.const 1 drop end i32.const 1 drop")).toBe(1 + 1 + 2);
  });

  it("pays what follows a block only when control comes there", () => {
    const code = (test: number): string =>
      `block block i32.const ${test} br_if 1 i32.const 1 drop end i32.const 2 drop end i32.const 3 drop`;
    expect(fuelOfCode(code(1))).toBe(1 + 1 + 2);
    expect(fuelOfCode(code(0))).toBe(1 + 1 + 2 + 2 + 2);
  });

  it("pays a br_table for itself and the place that it leads to", () => {
    const code = (index: number): string =>
      `block block block i32.const ${index} br_table 0 1 2 end i32.const 1 drop br 1 end i32.const 1 drop i32.const 1 drop end`;
    expect([0, 1, 2, 99].map((index) => fuelOfCode(code(index)))).toEqual([1 + 4 + 3, 1 + 4 + 4, 1 + 4, 1 + 4]);
  });

  it("pays nothing for code that control cannot reach", () => {
    expect(fuelOfCode("block br 0 i32.const 1 drop loop i32.const 1 drop br 0 end end")).toBe(1);
  });

  it("adds what calls and branches carry", () => {
    expect(fuelOfCode("call $f", "(func $f)")).toBe(4 + 6);
    expect(fuelOfCode("i32.const 1 call $f drop", "(func $f (param i32) (result i32) local.get 0)")).toBe(
      1 + 6 + 7 + 1,
    );
    expect(fuelOfCode("block (result i32 i64) i32.const 1 i64.const 2 br 0 end drop drop")).toBe(2 + 3 + 2);
    expect(fuelOfCode("call $f", "(func $f return)")).toBe(4 + 6 + 1);
  });

  it("adds up nested and indirect calls", () => {
    const fields = `(type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) $a $b)
      (func $a (result i32) i32.const 1) (func $b (result i32) call $a call $a i32.add)`;
    const a = 7;
    const b = 6 + 2 * (4 + 1 + a) + 1;
    expect(fuelOfCode("i32.const 0 call_indirect (type $t) drop", fields)).toBe(1 + 11 + a + 1);
    expect(fuelOfCode("i32.const 1 call_indirect (type $t) drop", fields)).toBe(1 + 11 + b + 1);
  });

  it("charges bulk memory work by its bytes, four for one", () => {
    const fill = (size: number): string => `i32.const 0 i32.const 7 i32.const ${size} memory.fill`;
    expect([0, 3, 4, 65_536].map((size) => fuelOfCode(fill(size)))).toEqual([33, 33, 34, 33 + 16_384]);
    expect(fuelOfCode("i32.const 0 i32.const 9 i32.const 4000 memory.copy")).toBe(33 + 1_000);
    expect(fuelOfCode("i32.const 0 i32.const 0 i32.const 8 memory.init 0", `(data "12345678")`)).toBe(103 + 2);
  });

  it("charges table work by its elements, forty each", () => {
    const fields = "(table 50 funcref) (elem func $f $f) (func $f)";
    expect(fuelOfCode("i32.const 0 ref.null func i32.const 50 table.fill 0", fields)).toBe(33 + 50 * 40);
    expect(fuelOfCode("i32.const 0 i32.const 9 i32.const 3 table.copy 0 0", fields)).toBe(33 + 3 * 40);
    expect(fuelOfCode("i32.const 0 i32.const 0 i32.const 2 table.init 0 1", `${fields} (elem func $f $f)`)).toBe(
      103 + 2 * 40,
    );
    expect(fuelOfCode("ref.null func i32.const 7 table.grow 0 drop", fields)).toBe(1 + 1 + 500 + 7 * 40 + 1);
  });

  it("charges the growth of memory by its pages, and nothing more for one that cannot succeed", () => {
    const grow = (pages: number): string => `i32.const ${pages} memory.grow drop`;
    expect(fuelOfCode(grow(2))).toBe(1 + 500 + 2 * 16_384 + 1);
    expect(fuelOfCode(grow(-1))).toBe(1 + 500 + 1);
  });

  it("charges a host function's price before it acts, by whatever way it is called", () => {
    const fields = `(import "twin" "now_ms" (func $now (result f64))) (type $t (func (result f64)))
      (table 1 funcref) (elem (i32.const 0) $now)`;
    const standIn = 100;
    expect(fuelOfCode("call $now drop", fields)).toBe(4 + 1 + standIn + 1);
    expect(fuelOfCode("i32.const 0 call_indirect (type $t) drop", fields)).toBe(1 + 10 + 1 + standIn + 1);
    let acted = false;
    const host = {
      now_ms: () => {
        acted = true;
        return 0;
      },
    };
    const guest = startMethod("call $now drop i64.const 0", fields, { host });
    errorOf(() => guest.call("run", new Uint8Array(), { fuel: 100 }), "TWIN_GUEST_FUEL");
    expect(acted).toBe(false);
  });

  it("is enough at exactly the price and too little at one less", () => {
    const code = "i32.const 3 drop i64.const 0";
    const price = fuelOf(startMethod(code));
    const call = (fuel: number) => startMethod(code).call("run", new Uint8Array(), { fuel });
    expect(call(price).usage.fuel).toBe(price);
    expect(errorOf(() => call(price - 1), "TWIN_GUEST_FUEL").details["fuel"]).toBe(price);
  });

  it("is the same in every run", () => {
    const code = `(local $i i32) loop local.get $i i32.const 1 i32.add local.tee $i i32.const 5000 i32.lt_u br_if 0 end i64.const 0`;
    const guest = startMethod(code);
    const runs = Array.from({ length: 50 }, () => fuelOf(guest));
    expect(new Set([...runs, fuelOf(startMethod(code))]).size).toBe(1);
  });

  it("pays what is certain to come when a call fails, and nothing of what is not", () => {
    const failing = (code: string, fields = ""): unknown => {
      const guest = startMethod(code, fields);
      return errorOf(() => guest.call("run", new Uint8Array(), { fuel: 10_000 }), "TWIN_GUEST_TRAP").details["fuel"];
    };
    // Entry of `run`, call, entry and body of $f; then the three instructions that would have followed.
    const fields = "(func $f unreachable)";
    const paid = ALLOC + 6 + 4 + 6 + 1;
    expect(failing("call $f i32.const 1 drop i64.const 0", fields)).toBe(paid + 3);
    // What follows the branch is not certain. `run` answers with a constant behind its block.
    expect(failing("block call $f local.get 0 br_if 0 i32.const 1 drop end i64.const 0", fields)).toBe(paid + 2 + 1);
    expect(failing("block local.get 1 br_if 0 unreachable end i64.const 0")).toBe(ALLOC + 6 + 2 + 1 + 1);
  });

  it("is the same on every way through arms, early exits and rounds", () => {
    // Arms of different cost that leave a loop by three ways; parameter 0 starts at 1024.
    const code = (
      rounds: number,
    ): string => `block loop local.get 0 i32.const 1 i32.add local.tee 0 i32.const ${1024 + rounds}
      i32.ge_u br_if 1 local.get 0 i32.const 1 i32.and if i32.const 7 i32.const 2 i32.div_u drop br 1 else br 1 end end end`;
    const head = 3 + 4 + 2 + 1;
    const test = 3 + 1;
    const rounds = (count: number): number => {
      let fuel = 0;
      for (let place = 1; place < count; place++)
        fuel += head + test + ((1024 + place) % 2 === 1 ? 1 + 1 + 10 + 1 + 1 : 1);
      return fuel + head;
    };
    for (const count of [1, 2, 3, 50]) expect(fuelOfCode(code(count))).toBe(rounds(count));
  });

  it("overdraws by no more than one straight piece of code", () => {
    const guest = startMethod("loop i32.const 1 drop br 0 end unreachable");
    const error = errorOf(() => guest.call("run", new Uint8Array(), { fuel: 10_000 }), "TWIN_GUEST_FUEL");
    expect(error.details["fuel"]).toBe(ALLOC + 6 + 1_665 * (3 + 3));
  });
});

describe("a metered module", () => {
  it("keeps references of functions that only an export names", () => {
    const fields = `(func $f (export "f") (result i32) i32.const 5) (table 1 funcref) (type $t (func (result i32)))`;
    const code = "i32.const 0 ref.func $f table.set 0 i32.const 0 call_indirect (type $t) drop";
    expect(fuelOfCode(code, fields)).toBe(1 + 20 + 100 + 1 + 10 + 1 + 6 + 1 + 1);
  });

  it("keeps branches out of a function valid where control cannot come", () => {
    const fields =
      "(func $f (result i32 i64) i32.const 1 i64.const 2 return i32.const 0 br_if 0 i32.const 3 i64.const 4 br 0)";
    expect(fuelOfCode("call $f drop drop", fields)).toBe(4 + 2 + 6 + 2 + 1 + 2 + 2);
  });

  it("is the same bytes for the same bytes", () => {
    const bytes = assembleGuest(`(func (export "run") (param i32 i32) (result i64) (i64.const 0))`);
    const copy = bytes.slice();
    expect(admit(bytes, POLICY)).toEqual(admit(copy, POLICY));
    expect(bytes).toEqual(copy);
  });
});
