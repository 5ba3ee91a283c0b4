import { describe, expect, it } from "vitest";

import { type Immediate, INSTRUCTIONS, OP } from "../../../host/sandbox/wasm/instruction-set.ts";
import { assemble } from "../../support/assemble.ts";

/** An immediate's text, and its bytes behind the opcode. */
const IMMEDIATES: Readonly<Partial<Record<Immediate, readonly [text: string, bytes: readonly number[]]>>> = {
  none: ["", []],
  function: ["0", [0]],
  indirect: ["(type 0)", [0, 0]],
  local: ["0", [0]],
  global: ["0", [0]],
  table: ["0", [0]],
  memory: ["", [0]],
  "memory-memory": ["", [0, 0]],
  "table-table": ["0 0", [0, 0]],
  data: ["0", [0]],
  "data-memory": ["0", [0, 0]],
  element: ["0", [0]],
  "element-table": ["0", [0, 0]],
  "heap-type": ["func", [0x70]],
  types: ["(result i32)", [1, 0x7f]],
  i32: ["1", [1]],
  i64: ["1", [1]],
  "bytes-4": ["0", Array.from({ length: 4 }, () => 0)],
  "bytes-8": ["0", Array.from({ length: 8 }, () => 0)],
  lane: ["1", [1]],
  label: ["0", [0]],
  labels: ["0 0", [1, 0, 0]],
};

const STRUCTURE = new Set<number>([OP.block, OP.loop, OP.if, OP.else, OP.end]);
const allowed = [...INSTRUCTIONS.entries()].filter(([opcode, entry]) => entry !== undefined && !STRUCTURE.has(opcode));

/** A module whose function holds `code` behind `unreachable`, where the stack gives whatever is asked. */
function around(code: string): string {
  return `(module (type (func)) (memory 1) (table 1 funcref) (global (mut i32) (i32.const 0)) (elem declare func 0)
    (elem func 0) (data "x") (func (type 0) (local i32) unreachable ${code} unreachable))`;
}

/** The text of one instruction, with an immediate that fits the module of {@link around}. */
function textOf(name: string, immediate: Immediate): string {
  if (name === "v128.const") return "v128.const i64x2 0 0";
  if (name === "i8x16.shuffle") return `i8x16.shuffle ${"0 ".repeat(16)}`;
  if (immediate === "memarg") return `${name} offset=5`;
  if (immediate === "memarg-lane") return `${name} offset=5 0`;
  return `${name === "select_t" ? "select" : name} ${IMMEDIATES[immediate]![0]}`;
}

function opcodeBytes(opcode: number): number[] {
  if (opcode < 0x100) return [opcode];
  const prefix = opcode < OP.simdPage ? 0xfc : 0xfd;
  const sub = opcode & 0xff;
  return sub < 0x80 ? [prefix, sub] : [prefix, (sub & 0x7f) | 0x80, 1];
}

describe("the allow-list of instructions", () => {
  it("has the standard's 183 single-byte, 18 bulk and saturating, and 236 SIMD instructions", () => {
    const count = (from: number, to: number): number => allowed.filter(([op]) => op >= from && op < to).length;
    expect([count(0, 0x100), count(0x100, 0x200), count(0x200, 0x300)]).toEqual([183 - STRUCTURE.size, 18, 236]);
  });

  it("names every opcode as an independent assembler does", () => {
    for (const [opcode, entry] of allowed) {
      const { name, immediate } = entry!;
      // Behind the header, whose first two bytes look like code.
      const module = assemble(around(textOf(name, immediate))).subarray(8);
      const tail = IMMEDIATES[immediate]?.[1] ?? [];
      const found = indexOfBytes(module, [OP.unreachable, ...opcodeBytes(opcode), ...tail]);
      expect(`${name} ${found > 0}`).toBe(`${name} true`);
    }
  });

  it("knows how many values each plain instruction takes and leaves", () => {
    for (const [opcode, entry] of allowed) {
      const { name, immediate, pops, pushes } = entry!;
      if (opcode <= OP.callIndirect) continue;
      const text = textOf(name, immediate);
      // V8 is the judge: a block's result must be exactly what is left on its own stack.
      const types = operandTypes(text, pops);
      expect(`${name} takes ${pops}: ${types !== undefined}`).toBe(`${name} takes ${pops}: true`);
      const operands = types!.map(constant).join(" ");
      const valid = (drops: number): boolean =>
        WebAssembly.validate(assemble(around(`block ${operands} ${text} ${"drop ".repeat(drops)} end`)));
      expect(`${name} leaves ${[0, 1, 2].filter(valid).join()}`).toBe(`${name} leaves ${pushes}`);
    }
  });
});

const TYPES = ["i32", "i64", "f32", "f64", "v128", "funcref"] as const;
type Type = (typeof TYPES)[number];

function constant(type: Type): string {
  if (type === "v128") return "v128.const i64x2 0 0";
  return type === "funcref" ? "ref.null func" : `${type}.const 0`;
}

/** The types of operands with which V8 accepts the instruction, out of all combinations of `count`. */
function operandTypes(text: string, count: number): Type[] | undefined {
  let tuples: Type[][] = [[]];
  for (let index = 0; index < count; index++) tuples = tuples.flatMap((tuple) => TYPES.map((type) => [...tuple, type]));
  return tuples.find((tuple) => {
    const code = `${tuple.map(constant).join(" ")} ${text} unreachable`;
    return WebAssembly.validate(assemble(around(`block ${code} end`)));
  });
}

function indexOfBytes(bytes: Uint8Array, wanted: readonly number[]): number {
  return bytes.findIndex((_, start) => wanted.every((byte, index) => bytes[start + index] === byte));
}
