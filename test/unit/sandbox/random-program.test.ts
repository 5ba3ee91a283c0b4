import fc from "fast-check";
import { expect, it } from "vitest";

import { type Program, programs, programText, TooLong, walk } from "./random-program.ts";
import { errorOf, startMethod } from "./sandbox-support.ts";

const FUEL_MAX = 200_000;
const NO_PAYLOAD = new Uint8Array();
/** `twin_alloc`: entry 6, constant 1. `run`: entry 6, four constants, call 4 + 3, store 2. */
const FUEL_AROUND = 7 + 6 + 4 + 7 + 2;
/** The answer lies at 2048 and has 4 bytes. */
const ANSWER = (2048n << 32n) | 4n;

it("burns exactly what a walk over the same program counts, and gives the same result", () => {
  let completed = 0;
  fc.assert(
    fc.property(programs, fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), (program, left, right) => {
      const expected = walkWithin(program, [left, right]);
      const code = `i32.const 2048 i32.const ${left} i32.const ${right} call $f2 i32.store i64.const ${ANSWER}`;
      const guest = startMethod(code, programText(program));
      if (expected === undefined) {
        errorOf(() => guest.call("run", NO_PAYLOAD, { fuel: FUEL_MAX }), "TWIN_GUEST_FUEL");
        return;
      }
      completed++;
      const fuel = expected.fuel + FUEL_AROUND;
      const { payload, usage } = guest.call("run", NO_PAYLOAD, { fuel });
      expect(new Int32Array(payload.buffer)).toEqual(Int32Array.of(expected.value));
      expect(usage.fuel).toBe(fuel);
      errorOf(() => guest.call("run", NO_PAYLOAD, { fuel: fuel - 1 }), "TWIN_GUEST_FUEL");
    }),
    { numRuns: 200 },
  );
  expect(completed).toBeGreaterThan(100);
});

function walkWithin(program: Program, args: readonly [number, number]): { value: number; fuel: number } | undefined {
  try {
    return walk(program, args, FUEL_MAX);
  } catch (error) {
    if (error instanceof TooLong) return undefined;
    throw error;
  }
}
