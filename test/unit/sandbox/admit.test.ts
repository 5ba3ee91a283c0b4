import { describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { admit } from "../../../host/sandbox/admit.ts";
import { METER_VERSION } from "../../../host/sandbox/metering/cost-table.ts";
import { appendSection, assemble, assembleGuest, guestOfCode, guestText } from "../../support/assemble.ts";
import { errorOf, MEMORY_SIZE_BYTES, POLICY, startGuest } from "./sandbox-support.ts";

const METHOD = `(func (export "run") (param i32 i32) (result i64) (i64.const 0))`;

/** The rule that refuses `bytes` with `code`, and its place. */
function refusedBy(bytes: Uint8Array, code: Parameters<typeof errorOf>[1]): string {
  const { details, message } = errorOf(() => admit(bytes, POLICY), code);
  expect(message).toContain(`byte ${String(details["offset"])}`);
  return String(details["rule"]);
}

describe("admission", () => {
  it("tells the author's methods and imports", () => {
    const admitted = admit(
      assembleGuest(`(import "twin" "now_ms" (func (result f64))) (import "twin" "now_ms" (func (result f64)))
        (import "twin" "take" (func (param i32))) ${METHOD} (func (export "__new") (param i32) (result i32) local.get 0)`),
      POLICY,
    );
    expect(admitted.exports).toEqual(["run"]);
    expect(admitted.imports).toEqual(["now_ms", "take"]);
    expect(admitted.meterVersion).toBe(METER_VERSION);
    expect(admitted.sizeBytes.admitted).toBe(admitted.wasm.length);
    expect(structuredClone(admitted)).toEqual(admitted);
  });

  it("exports functions, the memory and our two globals, and nothing else of the author's", () => {
    const admitted = admit(
      assembleGuest(`(global (export "g") i32 (i32.const 1)) (table (export "t") 1 funcref) ${METHOD}`),
      POLICY,
    );
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(admitted.wasm));
    expect(exports.map(({ name }) => name).toSorted()).toEqual([
      "memory",
      "run",
      "twin_alloc",
      "twin_depth",
      "twin_fuel",
    ]);
  });

  it("strips custom sections wherever they stand", () => {
    const custom = appendSection(assembleGuest(METHOD), 0, [4, 0x6e, 0x61, 0x6d, 0x65, 9, 9, 9]);
    const { wasm } = admit(custom, POLICY);
    expect(wasm).toEqual(admit(assembleGuest(METHOD), POLICY).wasm);
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(wasm), "name")).toEqual([]);
  });

  it("clamps memory and table to their limits, and leaves lower maxima alone", () => {
    const grown = (memory: string): number => {
      const code = `(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.store (i32.const 2048) (memory.size)) (i64.const ${(2048n << 32n) | 4n})`;
      const guest = startGuest(assembleGuest(`(func (export "run") (param i32 i32) (result i64) ${code})`, memory));
      const { payload } = guest.call("run", new Uint8Array(), { fuel: 1_000_000_000 });
      return new Uint32Array(payload.buffer)[0]!;
    };
    expect([grown("1"), grown("1 65536"), grown("1 3")]).toEqual([16, 16, 3]);
  });

  it("takes the start section out and runs it metered instead", () => {
    const bytes = assembleGuest(
      `(memory 0) (global $g (mut i32) (i32.const 0)) (func $s (global.set $g (i32.const 7)))
      (start $s) (func (export "run") (param i32 i32) (result i64) (i64.extend_i32_u (global.get $g)))`.replace(
        "(memory 0)",
        "",
      ),
    );
    const guest = startGuest(bytes);
    expect(guest.usage.fuel).toBe(6 + 1 + 2);
    expect(guest.call("run", new Uint8Array(), { fuel: 1_000 }).payload.length).toBe(7);
  });

  it("accepts every allowed feature in one module", () => {
    startGuest(
      assembleGuest(`(type $two (func (param i32 i64) (result i64 i32))) (table 2 20000 funcref) (elem (i32.const 0) func $swap)
        (elem declare func $swap) (elem func $swap) (elem (i32.const 1) funcref (ref.null func)) (data $d "abc") (data (i32.const 8) "x")
        (global $base i32 (i32.const 8)) (global $far i32 (i32.add (i32.const 8) (i32.mul (i32.const 2) (i32.const 3))))
        (global $r (mut funcref) (ref.func $swap)) (global $v (mut v128) (v128.const i32x4 1 2 3 4)) (data (global.get $base) "y")
        (func $swap (type $two) local.get 1 local.get 0)
        (func (export "run") (param i32 i32) (result i64) (local v128 funcref)
          (global.set $v (i8x16.add (global.get $v) (i8x16.splat (i32.extend8_s (i32.trunc_sat_f64_s (f64.const 1e99))))))
          (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $d)
          (table.set (i32.const 1) (select (result funcref) (global.get $r) (ref.func $swap) (i32.const 1)))
          (call_indirect (type $two) (i32.const 1) (i64.const 2) (i32.const 1))
          (block (param i64 i32) drop drop) (drop (ref.is_null (table.get (i32.const 0)))) (i64.const 0))`),
    ).call("run", new Uint8Array(), { fuel: 10_000 });
  });
});

describe("a refusal", () => {
  it("meets a module above the size limit before anything reads it", () => {
    expect(refusedBy(new Uint8Array(LIMITS.sandbox.moduleSizeBytes + 1), "TWIN_MODULE_LIMIT")).toBe("bytes-limit");
  });

  it("meets what is not WebAssembly, with V8's own place and words", () => {
    expect(refusedBy(new TextEncoder().encode("<!doctype html>"), "TWIN_MODULE_INVALID")).toBe("validation");
    const { details, message } = errorOf(
      () => admit(assemble(guestText(`(func (result i32) (i64.const 1))`)), POLICY),
      "TWIN_MODULE_INVALID",
    );
    expect(details["offset"]).toBeGreaterThan(20);
    expect(message).toContain("type error");
  });

  it.each([
    ["another module's function", `(import "env" "now_ms" (func (result f64)))`, "import-module"],
    ["a function that the host lacks", `(import "twin" "fetch" (func))`, "import-name"],
    ["a name of every object", `(import "twin" "constructor" (func))`, "import-name"],
    ["a prototype", `(import "twin" "__proto__" (func))`, "import-name"],
    ["another result", `(import "twin" "now_ms" (func (result i64)))`, "import-signature"],
    ["another parameter", `(import "twin" "take" (func (param i32 i32)))`, "import-signature"],
    ["a global", `(import "twin" "g" (global i32))`, "import-kind"],
    ["a table", `(import "twin" "t" (table 1 funcref))`, "import-kind"],
    ["a tag", `(import "twin" "e" (tag))`, "import-kind"],
  ])("meets an import of %s", (_, fields, rule) => {
    expect(refusedBy(assembleGuest(fields), "TWIN_MODULE_IMPORT")).toBe(rule);
  });

  it("meets an imported memory", () => {
    const text = `(module (import "twin" "memory" (memory 1)) (export "memory" (memory 0)))`;
    expect(refusedBy(assemble(text), "TWIN_MODULE_IMPORT")).toBe("import-kind");
  });

  it.each([
    ["a mutable global", `(global (export "g") (mut i32) (i32.const 0))`, "mutable-global"],
    ["the name of our fuel", `(func (export "twin_fuel"))`, "reserved-name"],
    ["the name of our start function", `(func (export "twin_start"))`, "reserved-name"],
    ["any name of ours to come", `(global (export "twin_x") i32 (i32.const 0))`, "reserved-name"],
    ["twin_init with a parameter", `(func (export "twin_init") (param i32))`, "abi-export"],
  ])("meets an export of %s", (_, fields, rule) => {
    expect(refusedBy(assembleGuest(fields), "TWIN_MODULE_EXPORT")).toBe(rule);
  });

  it("meets a module without memory or allocator, or with another signature", () => {
    expect(refusedBy(assemble("(module)"), "TWIN_MODULE_EXPORT")).toBe("memory");
    expect(refusedBy(assemble(`(module (func (export "memory")))`), "TWIN_MODULE_EXPORT")).toBe("memory");
    expect(refusedBy(assemble(`(module (memory (export "memory") 1))`), "TWIN_MODULE_EXPORT")).toBe("abi-export");
    const wrong = `(module (memory (export "memory") 1) (func (export "twin_alloc") (param i64) (result i32) i32.const 8))`;
    expect(refusedBy(assemble(wrong), "TWIN_MODULE_EXPORT")).toBe("abi-export");
  });

  it.each([
    ["legacy exceptions", "(tag $e) (func try throw $e catch $e end)", "exception-handling"],
    ["atomics", "(func i32.const 0 i32.atomic.load drop)", "threads"],
    ["a fence", "(func atomic.fence)", "threads"],
    ["externref", "(func (param externref))", "reference-types"],
    ["a table of externref", "(table 1 externref)", "reference-types"],
    ["a null externref", "(func ref.null extern drop)", "reference-types"],
    ["a tail call", "(func $f return_call $f)", "tail-calls"],
    ["an indirect tail call", "(table 1 funcref) (func i32.const 0 return_call_indirect (type 0))", "tail-calls"],
    ["relaxed SIMD", "(func (param v128) local.get 0 local.get 0 i8x16.relaxed_swizzle drop)", "relaxed-simd"],
  ])("meets %s by name", (_, fields, rule) => {
    expect(refusedBy(assembleGuest(fields), "TWIN_MODULE_FEATURE")).toBe(rule);
  });

  it("meets shared, 64-bit and second memories, and 64-bit tables by name", () => {
    const withMemory = (memory: string): string => refusedBy(assembleGuest("", memory), "TWIN_MODULE_FEATURE");
    expect(withMemory("1 2 shared")).toBe("threads");
    expect(withMemory("i64 1")).toBe("memory64");
    expect(refusedBy(assembleGuest("(memory 1)"), "TWIN_MODULE_FEATURE")).toBe("multi-memory");
  });

  it.each([
    ["a struct type", [1, 0x5f, 0], "garbage-collection"],
    ["an array type", [1, 0x5e, 0x7f, 0], "garbage-collection"],
    ["a recursion group", [1, 0x4e, 1, 0x60, 0, 0], "garbage-collection"],
    ["anyref", [1, 0x60, 1, 0x6e, 0], "garbage-collection"],
    ["i31ref", [1, 0x60, 1, 0x6c, 0], "garbage-collection"],
    ["a typed function reference", [2, 0x60, 0, 0, 0x60, 1, 0x63, 0, 0], "typed-function-references"],
    ["exnref", [1, 0x60, 1, 0x69, 0], "exception-handling"],
  ])("meets %s by name", (_, types, rule) => {
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const bytes = appendSection(Uint8Array.from(header), 1, types);
    // What V8 does not know yet it refuses itself; what it knows must be refused by us, by name.
    expect(refusedBy(bytes, WebAssembly.validate(bytes) ? "TWIN_MODULE_FEATURE" : "TWIN_MODULE_INVALID")).toBe(
      WebAssembly.validate(bytes) ? rule : "validation",
    );
  });

  it.each([
    ["memory", "", `${MEMORY_SIZE_BYTES / 65_536 + 1}`, "memory-pages-limit"],
    ["a table", "(table 10001 funcref)", "1", "table-elements-limit"],
    ["locals", `(func (local ${"i32 ".repeat(1_001)}))`, "1", "locals-limit"],
    ["a branch table", `(func i32.const 0 br_table ${"0 ".repeat(4_098)})`, "1", "branch-table-labels-limit"],
    ["a body", `(func ${"nop ".repeat(65_536)})`, "1", "bytes-in-a-function-body-limit"],
    ["parameters", `(func (param ${"i32 ".repeat(129)}))`, "1", "params-limit"],
    ["results", `(func (result ${"i32 ".repeat(17)}) unreachable)`, "1", "results-limit"],
    ["globals", "(global i32 (i32.const 0))".repeat(1_001), "1", "globals-limit"],
    ["data segments", `(data "")`.repeat(10_001), "1", "data-segments-limit"],
    ["element segments", "(elem func)".repeat(1_001), "1", "element-segments-limit"],
    ["elements", `(func $f) ${`(elem func ${"0 ".repeat(1_000)})`.repeat(101)}`, "1", "elements-in-segments-limit"],
    ["tables", "(table 1 funcref) (table 1 funcref)", "1", "tables-limit"],
    ["functions", "(func)".repeat(20_000), "1", "functions-limit"],
  ])("meets too much: %s", (_, fields, memory, rule) => {
    expect(refusedBy(assembleGuest(fields, memory), "TWIN_MODULE_LIMIT")).toBe(rule);
  });

  it("meets blocks and loops that are nested too deeply", () => {
    const nested = (opcode: number, depth: number): Uint8Array =>
      guestOfCode([
        ...Array.from({ length: depth }, () => [opcode, 0x40]).flat(),
        ...Array.from({ length: depth }, () => 0x0b),
      ]);
    admit(nested(0x02, 1_024), POLICY);
    expect(refusedBy(nested(0x02, 1_025), "TWIN_MODULE_LIMIT")).toBe("nested-blocks-limit");
    admit(nested(0x03, 32), POLICY);
    expect(refusedBy(nested(0x03, 33), "TWIN_MODULE_LIMIT")).toBe("nested-loops-limit");
  });

  it("meets too many imports, exports, types and custom sections", () => {
    const many = (count: number, field: (index: number) => string): string =>
      Array.from({ length: count }, (_, index) => field(index)).join(" ");
    const imports = many(65, () => `(import "twin" "take" (func (param i32)))`);
    expect(refusedBy(assembleGuest(imports), "TWIN_MODULE_LIMIT")).toBe("imports-limit");
    const exports = many(200, (index) => `(export "e${index}" (func 0))`);
    expect(refusedBy(assembleGuest(exports), "TWIN_MODULE_LIMIT")).toBe("exports-limit");
    expect(refusedBy(assembleGuest(many(2_001, () => "(type (func))")), "TWIN_MODULE_LIMIT")).toBe("types-limit");
    let flooded: Uint8Array = assembleGuest("");
    for (let index = 0; index < 65; index++) flooded = appendSection(flooded, 0, [1, 0x78]);
    expect(refusedBy(flooded, "TWIN_MODULE_LIMIT")).toBe("custom-sections-limit");
  });

  it("meets a module that names an index beyond its own, which would become ours", () => {
    for (const index of [0, 1]) {
      const bytes = assembleGuest("(global $g (mut i64) (i64.const 0)) (func (global.set $g (i64.const 99)))");
      // Body: no locals, i64.const 99, global.set 0, end.
      const place = bytes.findIndex((_, at) =>
        [0x42, 0xe3, 0x00, 0x24, 0x00].every((byte, i) => bytes[at + i] === byte),
      );
      expect(place).toBeGreaterThan(0);
      bytes[place + 4] = 1 + index;
      expect(refusedBy(bytes, "TWIN_MODULE_INVALID")).toBe("validation");
    }
  });

  it("meets names that are too long, and prints none with its control characters", () => {
    const long = `(func (export "${"x".repeat(300)}"))`;
    expect(refusedBy(assembleGuest(long), "TWIN_MODULE_LIMIT")).toBe("bytes-in-a-name-limit");
    const { message } = errorOf(
      () => admit(assembleGuest(String.raw`(import "twin" "\1b[2J\0a\e2\80\ae" (func))`), POLICY),
      "TWIN_MODULE_IMPORT",
    );
    expect(message).toContain('"?[2J??"');
  });

  it("does not meet numbers that are longer than they need to be", () => {
    const padded = [0x81, 0x80, 0x80, 0x80, 0x00];
    // i32.const 1, drop; block of no type; br 0; end; call 1, that is itself.
    const bytes = guestOfCode([0x41, ...padded, 0x1a, 0x02, 0x40, 0x0c, 0x80, 0x00, 0x0b, 0x10, ...padded]);
    expect(WebAssembly.validate(admit(bytes, POLICY).wasm)).toBe(true);
  });

  it("is not misled by bytes that change while it reads", () => {
    const bytes = assembleGuest(METHOD);
    const { wasm } = admit(bytes, POLICY);
    bytes.fill(0);
    expect(WebAssembly.validate(wasm)).toBe(true);
  });
});
