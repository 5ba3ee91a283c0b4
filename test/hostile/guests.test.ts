// Every hostile guest meets its typed end, and a good neighbour in the same process never notices.

import { describe, expect, it } from "vitest";

import { TwinError } from "../../host/base/errors.ts";
import { admit } from "../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../host/sandbox/guest.ts";
import type { Guest } from "../../host/sandbox/sandbox.ts";
import { assembleGuest } from "../support/assemble.ts";
import { HOSTILE_GUESTS, type HostileGuest } from "./guests/hostile-guest.ts";

const MEMORY_SIZE_BYTES = 16 * 65_536;
const BUDGET = { fuel: 20_000_000 };
const POLICY = {
  hostInterface: { now_ms: { params: [], results: ["f64"], fuel: 100 } },
  limits: { memorySizeBytes: MEMORY_SIZE_BYTES },
} as const;

function start(module: Uint8Array): Guest {
  const compiled = compileGuest(admit(module, POLICY));
  return instantiate(compiled, { implementation: { now_ms: () => 0 }, limits: { callDepth: 10_000 }, budget: BUDGET });
}

/** A guest that counts its calls and answers with the count's bytes. */
const neighbour = start(
  assembleGuest(`(func (export "run") (param i32 i32) (result i64)
    (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1))) (i64.const ${(2048n << 32n) | 4n}))`),
);
let neighbourCalls = 0;

/** Where the guest was met, and by what. */
function meet({ module, payload }: HostileGuest): { metAt: string; code: string; guest: Guest | undefined } {
  const bytes = module();
  let metAt = "admission";
  let guest: Guest | undefined;
  try {
    admit(bytes, POLICY);
    metAt = "start";
    guest = start(bytes);
    metAt = "call";
    guest.call("run", payload ?? new Uint8Array(), BUDGET);
    return { metAt, code: "nothing", guest };
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    return { metAt, code: error.code, guest };
  }
}

describe("a hostile guest that", () => {
  it.each(HOSTILE_GUESTS.map((hostile) => [hostile.name, hostile] as const))("%s", (_, hostile) => {
    const { metAt, code, guest } = meet(hostile);
    expect({ metAt, code }).toEqual({ metAt: hostile.metAt, code: hostile.code });
    if (guest !== undefined) {
      expect(guest.dropped).toBe(true);
      expect(guest.memorySizeBytes).toBeLessThanOrEqual(MEMORY_SIZE_BYTES);
    }
    const { payload } = neighbour.call("run", new Uint8Array(), BUDGET);
    expect(new Uint32Array(payload.buffer)[0]).toBe(++neighbourCalls);
  });
});
