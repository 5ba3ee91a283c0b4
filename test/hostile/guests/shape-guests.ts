// Modules that attack those who read and compile them.

import { appendSection, assembleGuest, guestOfCode, guestOfMethod } from "../../support/assemble.ts";
import { harmless, harmlessBytes, type HostileGuest, method, refused, refusedBytes } from "./hostile-guest.ts";

const TYPE_SECTION = 1;
const CUSTOM_SECTION = 0;
const EMPTY_MODULE = Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

function flood(count: number): Uint8Array {
  let bytes: Uint8Array = assembleGuest("");
  for (let index = 0; index < count; index++) bytes = appendSection(bytes, CUSTOM_SECTION, [1, 0x78]);
  return bytes;
}

function nested(opcode: number, depth: number): Uint8Array {
  const open = Array.from({ length: depth }, () => [opcode, 0x40]).flat();
  return guestOfCode([...open, ...Array.from({ length: depth }, () => 0x0b)]);
}

/** A guest with a custom section of that name whose content is noise. */
function customSection(name: string): HostileGuest {
  const text = new TextEncoder().encode(name);
  const noise = Array.from({ length: 100 }, (_, index) => (index * 151) & 0xff);
  return harmlessBytes(`brings a broken custom section "${name}"`, () =>
    appendSection(assembleGuest(method("(i64.const 0)")), CUSTOM_SECTION, [text.length, ...text, ...noise]),
  );
}

/** Work for the compiler, within the limits: a body of about 60 KB that does almost nothing when it runs. */
function compileBomb(name: string, instructions: () => readonly number[], localCount = 0): HostileGuest {
  return harmlessBytes(`makes the compiler work: ${name}`, () => guestOfMethod(instructions(), localCount));
}

function repeat(count: number, ...instructions: readonly number[]): number[] {
  return Array.from({ length: count }, () => instructions).flat();
}

const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const END = 0x0b;
const ONE = [0x41, 1];
/** Many entries, and one more. */
const JUMP_TABLE = [0x0e, 0xa0, 0x1f, ...repeat(4_000, 50), 99];

/** Assignments between all locals of a function of `count`, two bytes of index each. */
function setsOf(count: number): number[] {
  const index = (at: number): number[] => [(at & 0x7f) | 0x80, at >>> 7];
  return Array.from({ length: count }, (_, at) => [0x20, ...index((at * 7) % count), 0x21, ...index(at)]).flat();
}

function typesOf(count: number): string {
  return Array.from({ length: count }, (_, at) => `(type $t${at} (func (param ${"i32 ".repeat(at % 100)})))`).join(" ");
}

function exportsOf(count: number): string {
  return Array.from({ length: count }, (_, at) => `(export "f${at}" (func $f))`).join(" ");
}

/** Sizes, shapes and sections. */
export const SHAPE_GUESTS: readonly HostileGuest[] = [
  refused("has huge locals", "TWIN_MODULE_LIMIT", `(func (local ${"i64 ".repeat(1_001)}))`),
  refused("has a huge function", "TWIN_MODULE_LIMIT", `(func ${"nop ".repeat(70_000)})`),
  refused("has a huge branch table", "TWIN_MODULE_LIMIT", `(func i32.const 0 br_table ${"0 ".repeat(5_000)})`),
  { name: "nests blocks deeply", metAt: "admission", code: "TWIN_MODULE_LIMIT", module: () => nested(0x02, 20_000) },
  { name: "nests loops deeply", metAt: "admission", code: "TWIN_MODULE_LIMIT", module: () => nested(0x03, 33) },
  { name: "is huge", metAt: "admission", code: "TWIN_MODULE_LIMIT", module: () => new Uint8Array(5_000_000) },
  { name: "is a flood of custom sections", metAt: "admission", code: "TWIN_MODULE_LIMIT", module: () => flood(65) },
  { name: "is nothing", metAt: "admission", code: "TWIN_MODULE_INVALID", module: () => new Uint8Array() },
  {
    name: "claims four thousand million types",
    metAt: "admission",
    code: "TWIN_MODULE_INVALID",
    module: () => appendSection(EMPTY_MODULE, TYPE_SECTION, [0xff, 0xff, 0xff, 0xff, 0x0f]),
  },
  refusedBytes("is not WebAssembly", "TWIN_MODULE_INVALID", () => new TextEncoder().encode("#!/bin/sh\nrm -rf /\n")),
  refusedBytes("ends in the middle", "TWIN_MODULE_INVALID", () => assembleGuest(method("(i64.const 0)")).slice(0, -3)),
  refusedBytes("is a component", "TWIN_MODULE_INVALID", () => Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])),
  refusedBytes("brings a section twice", "TWIN_MODULE_INVALID", () =>
    appendSection(assembleGuest(""), TYPE_SECTION, [0]),
  ),
  refused("has a function of a thousand parameters", "TWIN_MODULE_LIMIT", `(func (param ${"i32 ".repeat(1_000)}))`),
  refused("returns a hundred results", "TWIN_MODULE_LIMIT", `(type (func (result ${"i32 ".repeat(100)})))`),
  refused("has thousands of types", "TWIN_MODULE_LIMIT", typesOf(3_000)),
  refused("exports thousands of names", "TWIN_MODULE_LIMIT", `(func $f) ${exportsOf(3_000)}`),
  refused("has a name of ten thousand letters", "TWIN_MODULE_LIMIT", `(func (export "${"x".repeat(10_000)}"))`),
  customSection("name"),
  customSection("twin.manifest"),
  customSection("sourceMappingURL"),
  customSection("metadata.code.branch_hint"),
  customSection("dylink.0"),
  customSection(""),
  compileBomb(
    "thirty loops in each other over many locals",
    () => [...repeat(30, ...LOOP), ...repeat(8, ...setsOf(900)), ...repeat(30, END)],
    900,
  ),
  compileBomb("a thousand blocks in each other", () => [
    ...repeat(1_000, ...BLOCK),
    ...repeat(12_000, ...ONE, 0x0d, 0xe7, 0x07),
    ...repeat(1_000, END),
  ]),
  compileBomb("jump tables of thousands", () => [
    ...repeat(100, ...BLOCK),
    ...repeat(15, ...BLOCK, ...ONE, ...JUMP_TABLE, END),
    ...repeat(100, END),
  ]),
  compileBomb("thousands of calls in one function", () => [...ONE, 0x0d, 0, ...repeat(30_000, 0x10, 1)]),
  compileBomb("thousands of ways to choose", () => repeat(5_000, 0x20, 0, 0x20, 1, 0x20, 0, 0xa7, 0x1b, 0x21, 0), 2),
  compileBomb("thousands of bulk operations", () => repeat(6_000, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0)),
  compileBomb("thousands of nested choices", () => [...repeat(9_000, ...ONE, 0x04, 0x40, END)]),
  harmless("has nineteen thousand functions", "(i64.const 0)", "(func)".repeat(19_000)),
];
