import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isErrorCode, TwinError } from "../../../host/base/errors.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { assembleGuest } from "../../support/assemble.ts";
import { POLICY, startGuest } from "./sandbox-support.ts";
import { SAMPLE_PROGRAMS } from "./sample-programs.ts";

/** A guest that runs a sample on the first byte of its payload and answers with the 8 bytes of the result. */
function sample(fields: string): Uint8Array<ArrayBuffer> {
  return assembleGuest(
    `${fields} (export "direct" (func $run)) (func (export "run") (param i32 i32) (result i64)
      (i64.store (i32.const 2048) (call $run (i32.load8_u (local.get 0)))) (i64.const ${(2048n << 32n) | 8n}))`,
    "1 16",
  );
}

describe("a metered program", () => {
  it.each(Object.entries(SAMPLE_PROGRAMS))("gives the same results as the original: %s", (_, fields) => {
    const bytes = sample(fields);
    for (const input of [0, 1, 2, 7, 15, 16]) {
      const original = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports["direct"] as (
        n: number,
      ) => bigint;
      const run = () => startGuest(bytes).call("run", Uint8Array.of(input), { fuel: 100_000_000 });
      const [first, second] = [run(), run()];
      expect(new BigInt64Array(first.payload.buffer)[0]).toBe(original(input));
      expect(second).toEqual(first);
    }
  });
});

describe("admission of damaged modules", () => {
  const modules = Object.values(SAMPLE_PROGRAMS).map(sample);
  const damage = fc.record({
    module: fc.nat(modules.length - 1),
    changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 }),
  });

  it("refuses with a TWIN_MODULE code, or yields what V8 compiles, and never fails otherwise", () => {
    let admitted = 0;
    fc.assert(
      fc.property(damage, ({ module, changes }) => {
        const bytes = modules[module]!.slice();
        // Half of the strikes hit the header and the declarations, which are few but decide most.
        for (const [place, value] of changes)
          bytes[place % (place % 2 ? bytes.length : Math.min(120, bytes.length))] = value;
        admitted += Number(isAdmitted(bytes));
      }),
      { numRuns: 3_000 },
    );
    expect(admitted).toBeGreaterThan(100);
  });

  it("refuses every cut-off module", () => {
    for (const bytes of modules) {
      for (let size = 0; size < bytes.length; size += 3) expect(isAdmitted(bytes.subarray(0, size))).toBe(false);
    }
  });
});

function isAdmitted(bytes: Uint8Array): boolean {
  let wasm: Uint8Array<ArrayBuffer>;
  try {
    ({ wasm } = admit(bytes, POLICY));
  } catch (error) {
    if (error instanceof TwinError && isErrorCode(error.code) && error.code.startsWith("TWIN_MODULE_")) return false;
    throw error;
  }
  void new WebAssembly.Module(wasm);
  return true;
}
