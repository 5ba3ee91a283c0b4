import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TwinError } from "../../../host/base/errors.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../../host/sandbox/guest.ts";
import type { AdmittedModule } from "../../../host/sandbox/sandbox.ts";
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
  // Mostly one byte, anywhere; its new value is near the old one half of the time, as a neighbour among
  // opcodes and indices is what still makes sense.
  const change = fc.record({
    place: fc.noBias(fc.nat(1_000_000)),
    value: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.noBias(fc.nat(255))),
  });
  const damage = fc.record({
    module: fc.noBias(fc.nat(modules.length - 1)),
    changes: fc.oneof({ arbitrary: fc.tuple(change), weight: 3 }, fc.array(change, { minLength: 2, maxLength: 4 })),
  });

  it("refuses with a TWIN_MODULE code, or yields a guest that ends typed, and never fails otherwise", () => {
    let admitted = 0;
    fc.assert(
      fc.property(damage, ({ module, changes }) => {
        const bytes = modules[module]!.slice();
        for (const { place, value } of changes) bytes[place % bytes.length]! += value;
        admitted += Number(isAdmitted(bytes));
      }),
      { numRuns: 2_000 },
    );
    expect(admitted).toBeGreaterThan(100);
  });

  it("refuses every cut-off module", () => {
    for (const bytes of modules) {
      for (let size = 0; size < bytes.length; size += 3) expect(isAdmitted(bytes.subarray(0, size))).toBe(false);
    }
  });
});

/** Whether `bytes` are admitted; then they also run, and must end with an answer or a guest's fault. */
function isAdmitted(bytes: Uint8Array): boolean {
  let admitted: AdmittedModule;
  try {
    admitted = admit(bytes, POLICY);
  } catch (error) {
    expect(codeOf(error)).toMatch(/^TWIN_MODULE_/u);
    return false;
  }
  const compiled = compileGuest(admitted);
  try {
    const guest = instantiate(compiled, { implementation: {}, limits: { callDepth: 1_000 }, budget: { fuel: 10_000 } });
    guest.call("run", Uint8Array.of(9), { fuel: 50_000 });
  } catch (error) {
    expect(codeOf(error)).toMatch(/^TWIN_GUEST_/u);
  }
  return true;
}

function codeOf(error: unknown): string {
  return error instanceof TwinError ? error.code : String(error);
}
