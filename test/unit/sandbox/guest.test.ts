import { describe, expect, it } from "vitest";

import { TwinError } from "../../../host/base/errors.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { compileGuest, instantiate } from "../../../host/sandbox/guest.ts";
import type { Guest, GuestMemory } from "../../../host/sandbox/sandbox.ts";
import { assemble, assembleGuest } from "../../support/assemble.ts";
import { errorOf, POLICY, startGuest, startMethod, type StartOptions } from "./sandbox-support.ts";

const NO_PAYLOAD = new Uint8Array();
const BUDGET = { fuel: 10_000_000 };
const GIVE_BACK = `(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))`;

/** A guest whose allocator is `code`, and whose method `run` gives its payload back. */
function startWithAllocator(code: string): Guest {
  const run = `(func (export "run") (param i32 i32) (result i64) ${GIVE_BACK})`;
  return startGuest(
    assemble(
      `(module (memory (export "memory") 1) (func (export "twin_alloc") (param i32) (result i32) ${code}) ${run})`,
    ),
  );
}

/** A guest whose `run` calls `log(address, size, 0)` with its payload's place, and whose host does `act` then. */
function startCaller(
  act: (memory: GuestMemory, address: number, size: number) => void,
  options: StartOptions = {},
): Guest {
  const fields = `(import "twin" "log" (func $log (param i32 i32 i32)))`;
  const code = `(call $log (local.get 0) (local.get 1) (i32.const 0)) ${GIVE_BACK}`;
  return startMethod(code, fields, {
    ...options,
    host: { log: (memory, ...args) => act(memory, Number(args[0]), Number(args[1])) },
  });
}

describe("a call", () => {
  it("carries bytes in and out and tells what it used", () => {
    const guest = startMethod(GIVE_BACK);
    const payload = new TextEncoder().encode("hello");
    const answer = guest.call("run", payload, BUDGET);
    expect(answer.payload).toEqual(payload);
    expect(answer.usage).toEqual({ fuel: 7 + 6 + 7, memorySizeBytes: 65_536, hostCalls: {} });
    expect(guest.usage).toEqual(answer.usage);
    payload.fill(0);
    expect(new TextDecoder().decode(answer.payload)).toBe("hello");
  });

  it("counts host calls by name, for this call only", () => {
    const guest = startCaller(() => undefined);
    for (let round = 0; round < 2; round++) {
      expect(guest.call("run", NO_PAYLOAD, BUDGET).usage.hostCalls).toEqual({ log: 1 });
    }
  });

  it("of an unknown method, or of one with another signature, is a fault of the guest", () => {
    const bytes = assembleGuest(`(func (export "odd") (param i32) (result i64) (i64.const 0))`);
    for (const name of ["none", "odd", "memory", "twin_alloc", "twin_fuel", "__proto__"]) {
      errorOf(() => startGuest(bytes).call(name, NO_PAYLOAD, BUDGET), "TWIN_GUEST_ABI");
    }
  });

  it("takes only whole fuel", () => {
    for (const fuel of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => startMethod("i64.const 0").call("run", NO_PAYLOAD, { fuel })).toThrow(RangeError);
    }
  });

  it("with too large a payload does not reach the guest", () => {
    const guest = startMethod(GIVE_BACK);
    errorOf(() => guest.call("run", new Uint8Array(1_048_577), BUDGET), "TWIN_LIMIT_EXCEEDED");
    expect(guest.usage.fuel).toBe(0);
  });
});

describe("a fault", () => {
  it.each([
    ["unreachable", "unreachable", "TWIN_GUEST_TRAP"],
    ["division by zero", "(i32.div_u (i32.const 1) (i32.const 0)) drop i64.const 0", "TWIN_GUEST_TRAP"],
    ["a load behind the memory", "(i64.load (i32.const -4))", "TWIN_GUEST_TRAP"],
    ["an endless loop", "(loop (br 0)) unreachable", "TWIN_GUEST_FUEL"],
    ["a call of an empty table", "(call_indirect (type $t) (i32.const 0)) i64.const 0", "TWIN_GUEST_TRAP"],
    ["an answer behind the memory", "i64.const 0xffff000000000100", "TWIN_GUEST_ABI"],
    ["an answer over the memory's end", "i64.const 0x0000ffff00000002", "TWIN_GUEST_ABI"],
    ["an answer above the payload limit", "i64.const 0x0000000000100001", "TWIN_GUEST_ABI"],
    ["an answer of negative size", "i64.const -1", "TWIN_GUEST_ABI"],
  ] as const)("of %s drops the guest and tells what was used", (_, code, expected) => {
    const guest = startMethod(code, "(type $t (func)) (table 1 funcref)");
    const error = errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), expected);
    expect(error.details).toMatchObject({ fuel: guest.usage.fuel, memorySizeBytes: 65_536 });
    expect(guest.usage.fuel).toBeGreaterThan(0);
    expect(guest.dropped).toBe(true);
    expect(() => guest.call("run", NO_PAYLOAD, BUDGET)).toThrow(TypeError);
  });

  it("names V8's reason in its details", () => {
    const guest = startMethod("(i32.div_u (i32.const 1) (i32.const 0)) drop i64.const 0");
    expect(errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_TRAP").details["trap"]).toBe(
      "divide by zero",
    );
  });

  it("of the allocator is the guest's: no room, outside, over the end, not aligned, a trap", () => {
    const payload = new Uint8Array(16);
    const call = (code: string) => () => startWithAllocator(code).call("run", payload, BUDGET);
    errorOf(call("i32.const 0"), "TWIN_GUEST_MEMORY");
    errorOf(call("i32.const 0x7ffffff8"), "TWIN_GUEST_ABI");
    errorOf(call("i32.const -8"), "TWIN_GUEST_ABI");
    errorOf(call("i32.const 65528"), "TWIN_GUEST_ABI");
    errorOf(call("i32.const 1028"), "TWIN_GUEST_ABI");
    errorOf(call("unreachable"), "TWIN_GUEST_TRAP");
    errorOf(call("(loop (br 0)) unreachable"), "TWIN_GUEST_FUEL");
    expect(call("i32.const 65520")().payload).toEqual(payload);
    expect(call("(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))")().payload).toEqual(payload);
  });

  it("in one guest leaves others of the same module as they were", () => {
    const bytes = assembleGuest(`(func (export "trap") (param i32 i32) (result i64) unreachable)
      (func (export "run") (param i32 i32) (result i64) ${GIVE_BACK})`);
    const compiled = compileGuest(admit(bytes, POLICY));
    const start = (): Guest =>
      instantiate(compiled, { implementation: {}, limits: { callDepth: 100 }, budget: BUDGET });
    const [bad, good] = [start(), start()];
    errorOf(() => bad.call("trap", NO_PAYLOAD, BUDGET), "TWIN_GUEST_TRAP");
    expect(good.call("run", Uint8Array.of(1), BUDGET).payload).toEqual(Uint8Array.of(1));
  });
});

describe("depth", () => {
  const recursion = (locals: string): string => `(func $f ${locals} call $f)`;

  it.each([
    ["small frames", ""],
    ["frames of many locals", `(local ${"i64 ".repeat(900)})`],
    ["frames of wide locals", `(local ${"v128 ".repeat(400)})`],
  ])("ends endless recursion with %s before the machine's stack does", (_, locals) => {
    const guest = startMethod("call $f i64.const 0", recursion(locals));
    const { cause } = errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DEPTH");
    expect(cause).toBeInstanceOf(WebAssembly.RuntimeError);
  });

  it("counts operands that wait on the stack, and parameters", () => {
    const tall = `(func $f ${"i64.const 1 ".repeat(5_000)} call $f ${"drop ".repeat(5_000)})`;
    const wide = `(func $f (param ${"i64 ".repeat(120)}) ${"i64.const 1 ".repeat(120)} call $f)`;
    for (const [fields, code] of [
      [tall, "call $f i64.const 0"],
      [wide, `${"i64.const 1 ".repeat(120)} call $f i64.const 0`],
    ] as const) {
      const { cause } = errorOf(() => startMethod(code, fields).call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DEPTH");
      expect(cause).toBeInstanceOf(WebAssembly.RuntimeError);
    }
  });

  it("ends mutual and indirect recursion", () => {
    const fields = `(type $t (func)) (table 1 funcref) (elem (i32.const 0) $b)
      (func $a call $b) (func $b (call_indirect (type $t) (i32.const 0))) (func $c call $d) (func $d call $c)`;
    errorOf(() => startMethod("call $a i64.const 0", fields).call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DEPTH");
    errorOf(() => startMethod("call $c i64.const 0", fields).call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DEPTH");
  });

  it.each([
    ["few values", "", ""],
    ["seven waiting operands", "", "i64.const 1 ".repeat(7)],
    ["many waiting operands", "", "i64.const 1 ".repeat(4_000)],
    ["many wide locals", `(local ${"v128 ".repeat(400)})`, ""],
  ])("leaves a host function room on the machine's stack below frames of %s", (_, locals, operands) => {
    const room = (): number => {
      let count = 0;
      const sink = (): void => {
        count++;
        sink();
      };
      expect(sink).toThrow(RangeError);
      return count;
    };
    const all = room();
    let frames = 0;
    let least = all;
    const drops = "drop ".repeat(operands.split(" ").length / 2);
    const fields = `(import "twin" "take" (func $take (param i32)))
      (func $f ${locals} (call $take (i32.const 0)) ${operands} call $f ${drops})`;
    const host = {
      take: () => {
        // Looking is slow: only where the frames come to an end.
        if (++frames === last) least = room();
      },
    };
    let last = 0;
    const run = (): unknown => startMethod("call $f i64.const 0", fields, { host }).call("run", NO_PAYLOAD, BUDGET);
    errorOf(run, "TWIN_GUEST_DEPTH");
    [last, frames] = [frames, 0];
    errorOf(run, "TWIN_GUEST_DEPTH");
    expect(least).toBeGreaterThan(all / 5);
  });

  it("is given back by every way out of a function", () => {
    const fields = `(func $leaf) (func $f (param i32) (result i32)
      call $leaf
      block local.get 0 i32.const 1 i32.eq if i32.const 5 return end end
      local.get 0 i32.const 2 i32.eq if (result i32) i32.const 6 br 1 else i32.const 7 end
      local.get 0 i32.const 3 i32.eq br_if 0
      block (param i32) (result i32) local.get 0 br_table 0 1 end)
      (func $g (result i32 i64) call $leaf i32.const 1 i64.const 2 i32.const 1 br_if 0 return)`;
    const ways = [0, 1, 2, 3, 4].map((way) => `(drop (call $f (i32.const ${way})))`).join(" ");
    const code = `(local $i i32) (loop ${ways} call $g drop drop
      (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000)))) i64.const 0`;
    startMethod(code, fields, { callDepth: 40 }).call("run", NO_PAYLOAD, BUDGET);
  });

  it("can be given in smaller measure, and never in greater, to one call", () => {
    const fields = `(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))`;
    const call = (callDepth: number) => () =>
      startMethod("i32.const 50 call $f i64.const 0", fields, { callDepth: 1_000 }).call("run", NO_PAYLOAD, {
        fuel: 100_000,
        callDepth,
      });
    errorOf(call(100), "TWIN_GUEST_DEPTH");
    expect(call(1_000)().usage.fuel).toBe(call(1_000_000)().usage.fuel);
    const endless = startMethod("call $f i64.const 0", recursion(""), { callDepth: 10 });
    expect(
      errorOf(() => endless.call("run", NO_PAYLOAD, { ...BUDGET, callDepth: 1e6 }), "TWIN_GUEST_DEPTH").details["fuel"],
    ).toBeLessThan(200);
  });
});

describe("initialisation", () => {
  it("runs the start section, then twin_init, once and metered", () => {
    const bytes = assembleGuest(`(global $g (mut i64) (i64.const 0)) (start $s)
      (func $s (global.set $g (i64.add (global.get $g) (i64.const 2))))
      (func (export "twin_init") (global.set $g (i64.mul (global.get $g) (i64.const 3))))
      (func (export "run") (param i32 i32) (result i64) (global.get $g))`);
    const guest = startGuest(bytes);
    expect(guest.usage.fuel).toBe(6 + 2 + 1 + 1 + 2 + (6 + 2 + 1 + 2 + 2));
    expect(guest.call("run", NO_PAYLOAD, BUDGET).payload.length).toBe(6);
    expect(guest.call("run", NO_PAYLOAD, BUDGET).payload.length).toBe(6);
  });

  it.each(["(start $s) (func $s (loop (br 0)))", `(func (export "twin_init") (loop (br 0)))`])(
    "that never ends is stopped: %s",
    (fields) => {
      errorOf(() => startGuest(assembleGuest(fields)), "TWIN_GUEST_FUEL");
    },
  );

  it("with data or elements outside their bounds is a typed trap", () => {
    errorOf(() => startGuest(assembleGuest(`(data (i32.const 65535) "ab")`)), "TWIN_GUEST_TRAP");
    errorOf(() => startGuest(assembleGuest(`(table 1 funcref) (elem (i32.const 1) 0)`)), "TWIN_GUEST_TRAP");
  });

  it("needs a function for each import", () => {
    const compiled = compileGuest(admit(assembleGuest(`(import "twin" "take" (func (param i32)))`), POLICY));
    const options = { implementation: {}, limits: { callDepth: 1 }, budget: BUDGET };
    expect(() => instantiate(compiled, options)).toThrow(TypeError);
  });
});

describe("a host function", () => {
  it("reads and writes the guest's memory within its bounds", () => {
    const guest = startCaller((memory, address, size) => {
      expect(memory.readText(address, size)).toBe("ab");
      const copy = memory.read(address, size);
      memory.write(address, Uint8Array.of(0x78, 0x79));
      expect(copy).toEqual(Uint8Array.of(0x61, 0x62));
    });
    expect(new TextDecoder().decode(guest.call("run", Uint8Array.of(0x61, 0x62), BUDGET).payload)).toBe("xy");
  });

  it.each([
    ["behind the end", 65_536, 1],
    ["over the end", 65_530, 7],
    ["negative address", -8, 4],
    ["negative size", 8, -1],
    ["both huge", -1, -1],
  ])("refuses a range %s", (_, address, size) => {
    for (const use of ["read", "readText", "write"] as const) {
      const guest = startCaller((memory) => {
        if (use === "write" && size > 0) memory.write(address, new Uint8Array(size));
        else if (use === "write") memory.read(address, size);
        else memory[use](address, size);
      });
      errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_ABI");
    }
  });

  it("refuses text that is not UTF-8", () => {
    const guest = startCaller((memory, address, size) => void memory.readText(address, size));
    errorOf(() => guest.call("run", Uint8Array.of(0xff), BUDGET), "TWIN_GUEST_ABI");
  });

  it("burns fuel for lengths, and sees what is left", () => {
    const guest = startCaller((memory) => {
      const left = memory.fuelLeft();
      memory.charge(500);
      expect(memory.fuelLeft()).toBe(left - 500);
      expect(memory.depthLeft()).toBeGreaterThan(9_000);
    });
    expect(guest.call("run", NO_PAYLOAD, BUDGET).usage.fuel).toBe(7 + 6 + 3 + 7 + 10 + 500 + 7);
    errorOf(() => guest.call("run", NO_PAYLOAD, { fuel: 400 }), "TWIN_GUEST_FUEL");
    const wrong = startCaller((memory) => memory.charge(-1));
    expect(errorOf(() => wrong.call("run", NO_PAYLOAD, BUDGET), "TWIN_HOST_INTERNAL").cause).toBeInstanceOf(RangeError);
  });

  it("ends the call with its own error, completed by the account", () => {
    const denied = new TwinError("TWIN_GUEST_DENIED", "no", { permission: "send" });
    const guest = startCaller(() => {
      throw denied;
    });
    expect(errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), "TWIN_GUEST_DENIED")).toBe(denied);
    expect(denied.details).toEqual({ permission: "send", fuel: guest.usage.fuel, memorySizeBytes: 65_536 });
    expect(guest.dropped).toBe(true);
  });

  it("that fails by a bug, even one that looks like a trap, is the host's fault", () => {
    for (const bug of [new Error("x"), new WebAssembly.RuntimeError("unreachable"), new RangeError("y"), "text"]) {
      const guest = startCaller(() => {
        throw bug;
      });
      expect(errorOf(() => guest.call("run", NO_PAYLOAD, BUDGET), "TWIN_HOST_INTERNAL").cause).toBe(bug);
    }
  });

  it("cannot call the guest back", () => {
    const attempts: unknown[] = [];
    const guest: Guest = startCaller(() => {
      try {
        guest.call("run", NO_PAYLOAD, BUDGET);
      } catch (error) {
        attempts.push(error);
      }
    });
    guest.call("run", NO_PAYLOAD, BUDGET);
    expect(attempts).toMatchObject([{ code: "TWIN_CALL_CYCLE" }]);
    expect(guest.dropped).toBe(false);
  });

  it("cannot use the guest's memory after the call", () => {
    let kept: GuestMemory | undefined;
    const guest = startCaller((memory) => {
      kept = memory;
    });
    guest.call("run", NO_PAYLOAD, BUDGET);
    expect(() => kept!.read(0, 1)).toThrow(TypeError);
    expect(() => kept!.charge(1)).toThrow(TypeError);
    expect(() => kept!.fuelLeft()).toThrow(TypeError);
    expect(() => kept!.depthLeft()).toThrow(TypeError);
  });
});
