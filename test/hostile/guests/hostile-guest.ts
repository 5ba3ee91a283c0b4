// The corpus of hostile guests: each is a module of a stranger with one bad intent, and the typed
// outcome that must meet it. To add one, append an entry; nothing else is needed.

import type { TwinErrorCode } from "../../../host/base/errors.ts";
import { appendSection, assemble, assembleGuest, guestOfCode } from "../../support/assemble.ts";

/** One attack. */
export interface HostileGuest {
  /** What it tries. */
  readonly name: string;
  readonly module: () => Uint8Array;
  /** Where it must be met: when it is admitted, instantiated, or called (method `run`, no payload unless given). */
  readonly metAt: "admission" | "start" | "call";
  readonly code: TwinErrorCode;
  readonly payload?: Uint8Array;
}

/** A guest with `fields` that is refused before it can do anything. */
function refused(name: string, code: TwinErrorCode, fields: string, memory?: string): HostileGuest {
  return { name, metAt: "admission", code, module: () => assembleGuest(fields, memory) };
}

/** A guest whose `run` is `code`. */
function stopped(name: string, code: TwinErrorCode, run: string, fields = ""): HostileGuest {
  const method = `(func (export "run") (param i32 i32) (result i64) ${run})`;
  return { name, metAt: "call", code, module: () => assembleGuest(`${fields} ${method}`) };
}

/** A guest that never comes to life. */
function stillborn(name: string, code: TwinErrorCode, fields: string): HostileGuest {
  return { name, metAt: "start", code, module: () => assembleGuest(fields) };
}

/** A guest that lies about where its payload may be put. */
function liar(name: string, code: TwinErrorCode, alloc: string): HostileGuest {
  const text = `(module (memory (export "memory") 1) (func (export "twin_alloc") (param i32) (result i32) ${alloc})
    (func (export "run") (param i32 i32) (result i64) (i64.const 0)))`;
  return { name, metAt: "call", code, module: () => assemble(text), payload: new Uint8Array(64) };
}

const TYPE_SECTION = 1;
const CUSTOM_SECTION = 0;
const EMPTY_MODULE = Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const SET_GLOBAL_0 = [0x42, 0xff, 0x00, 0x24, 0x00] as const;

/** Sets a global that it does not have, which is where our fuel counter will be. */
function globalCapture(index: number): HostileGuest {
  const module = (): Uint8Array => {
    const bytes = assembleGuest(`(global (mut i64) (i64.const 0)) (func (global.set 0 (i64.const 127)))
      (func (export "run") (param i32 i32) (result i64) (loop (br 0)) unreachable)`);
    const place = bytes.findIndex((_, at) => SET_GLOBAL_0.every((byte, offset) => bytes[at + offset] === byte));
    bytes[place + SET_GLOBAL_0.length - 1] = index;
    return bytes;
  };
  return { name: `refuels itself through global ${index}`, metAt: "admission", code: "TWIN_MODULE_INVALID", module };
}

function flood(count: number): Uint8Array {
  let bytes: Uint8Array = assembleGuest("");
  for (let index = 0; index < count; index++) bytes = appendSection(bytes, CUSTOM_SECTION, [1, 0x78]);
  return bytes;
}

function nested(opcode: number, depth: number): Uint8Array {
  const open = Array.from({ length: depth }, () => [opcode, 0x40]).flat();
  return guestOfCode([...open, ...Array.from({ length: depth }, () => 0x0b)]);
}

/** All of them. */
export const HOSTILE_GUESTS: readonly HostileGuest[] = [
  // time
  stopped("loops for ever", "TWIN_GUEST_FUEL", "(loop (br 0)) unreachable"),
  stopped("loops for ever by br_table", "TWIN_GUEST_FUEL", "(loop (br_table 0 0 0 (i32.const 1))) unreachable"),
  stopped("loops for ever by br_if", "TWIN_GUEST_FUEL", "(loop (br_if 0 (i32.const 1))) unreachable"),
  stopped("loops for ever through an outer loop", "TWIN_GUEST_FUEL", "(loop $a (loop $b (br $a))) unreachable"),
  stopped("loops for ever in an else", "TWIN_GUEST_FUEL", "(loop (if (i32.const 0) (then) (else (br 1)))) unreachable"),
  stopped(
    "calls in a loop of loops",
    "TWIN_GUEST_FUEL",
    "(loop (call $f) (br 0)) unreachable",
    "(func $f (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))))",
  ),
  stopped(
    "doubles its work at every level",
    "TWIN_GUEST_FUEL",
    "(call $f (i32.const 60)) (i64.const 0)",
    "(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))",
  ),
  stillborn("loops for ever in its start section", "TWIN_GUEST_FUEL", "(start $s) (func $s (loop (br 0)))"),
  stillborn("loops for ever in twin_init", "TWIN_GUEST_FUEL", `(func (export "twin_init") (loop (br 0)))`),
  liar("loops for ever in twin_alloc", "TWIN_GUEST_FUEL", "(loop (br 0)) unreachable"),
  stopped(
    "fills its memory for ever",
    "TWIN_GUEST_FUEL",
    "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000000)) (br 0)) unreachable",
    `(func (export "twin_init") (drop (memory.grow (i32.const 15))))`,
  ),
  stopped(
    "copies its memory for ever",
    "TWIN_GUEST_FUEL",
    "(loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 65000)) (br 0)) unreachable",
  ),
  stopped(
    "fills its table for ever",
    "TWIN_GUEST_FUEL",
    "(loop (table.fill 0 (i32.const 0) (ref.null func) (i32.const 10000)) (br 0)) unreachable",
    "(table 10000 funcref)",
  ),
  stopped(
    "asks for memory for ever",
    "TWIN_GUEST_FUEL",
    "(loop (drop (memory.grow (i32.const 0))) (br 0)) unreachable",
  ),
  stopped(
    "floods the host with calls",
    "TWIN_GUEST_FUEL",
    "(loop (drop (call $now)) (br 0)) unreachable",
    `(import "twin" "now_ms" (func $now (result f64)))`,
  ),
  stopped(
    "floods the host with indirect calls",
    "TWIN_GUEST_FUEL",
    "(loop (drop (call_indirect (type $t) (i32.const 0))) (br 0)) unreachable",
    `(import "twin" "now_ms" (func $now (result f64))) (type $t (func (result f64))) (table 1 funcref) (elem (i32.const 0) $now)`,
  ),

  // depth
  stopped("calls itself for ever", "TWIN_GUEST_DEPTH", "(call $f) (i64.const 0)", "(func $f call $f)"),
  stopped("calls in a circle", "TWIN_GUEST_DEPTH", "(call $a) (i64.const 0)", "(func $a call $b) (func $b call $a)"),
  stopped(
    "calls itself through a table",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    "(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f (call_indirect (type $t) (i32.const 0)))",
  ),
  stopped(
    "calls itself with huge frames",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    `(func $f (local ${"i64 ".repeat(1_000)}) call $f)`,
  ),
  stopped(
    "calls itself with a tall operand stack",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    `(func $f ${"i64.const 1 ".repeat(9_000)} call $f ${"drop ".repeat(9_000)})`,
  ),
  stillborn("calls itself for ever in its start section", "TWIN_GUEST_DEPTH", "(start $s) (func $s call $s)"),

  // memory and tables
  refused("asks for too much memory at once", "TWIN_MODULE_LIMIT", "", "65536"),
  stopped("grows without end", "TWIN_GUEST_FUEL", "(loop (drop (memory.grow (i32.const 1))) (br 0)) unreachable"),
  refused("asks for a huge table", "TWIN_MODULE_LIMIT", "(table 10000000 funcref)"),
  stopped(
    "grows its table without end",
    "TWIN_GUEST_FUEL",
    "(loop (drop (table.grow 0 (ref.null func) (i32.const 1))) (br 0)) unreachable",
    "(table 1 funcref)",
  ),
  refused("brings a flood of data segments", "TWIN_MODULE_LIMIT", `(data (i32.const 0) "x")`.repeat(10_001)),
  stillborn("puts data outside its memory", "TWIN_GUEST_TRAP", `(data (i32.const 0x7fffffff) "x")`),
  refused(
    "fills its table a thousand times over",
    "TWIN_MODULE_LIMIT",
    `(table 9999 funcref) (func $f) ${`(elem (i32.const 0) ${"0 ".repeat(9_999)})`.repeat(11)}`,
  ),

  // size and shape
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

  // authority
  refused("imports from another module", "TWIN_MODULE_IMPORT", `(import "env" "abort" (func))`),
  refused("imports what the host does not offer", "TWIN_MODULE_IMPORT", `(import "twin" "fs_read" (func))`),
  refused("imports a name that every object has", "TWIN_MODULE_IMPORT", `(import "twin" "toString" (func))`),
  refused("imports with another signature", "TWIN_MODULE_IMPORT", `(import "twin" "now_ms" (func (param i32)))`),
  refused("imports a global", "TWIN_MODULE_IMPORT", `(import "twin" "g" (global (mut i32)))`),
  refused("imports a table", "TWIN_MODULE_IMPORT", `(import "twin" "t" (table 1 funcref))`),
  {
    name: "imports a memory",
    metAt: "admission",
    code: "TWIN_MODULE_IMPORT",
    module: () => assemble(`(module (import "twin" "memory" (memory 1)) (export "memory" (memory 0)))`),
  },
  globalCapture(1),
  globalCapture(2),
  refused("exports our fuel counter's name", "TWIN_MODULE_EXPORT", `(global (export "twin_fuel") i64 (i64.const 9))`),
  refused("exports our start's name", "TWIN_MODULE_EXPORT", `(func (export "twin_start"))`),
  refused("exports a mutable global", "TWIN_MODULE_EXPORT", `(global (export "g") (mut i64) (i64.const 9))`),
  stopped(
    "hides a host function behind an export of its name",
    "TWIN_GUEST_FUEL",
    "(loop (drop (call $now)) (br 0)) unreachable",
    `(import "twin" "now_ms" (func $now (result f64))) (func (export "now_ms") (param i32 i32) (result i64) (i64.const 0))`,
  ),

  // pointers
  liar("puts its payload outside its memory", "TWIN_GUEST_ABI", "(i32.const 0x7ffffff8)"),
  liar("puts its payload at a negative address", "TWIN_GUEST_ABI", "(i32.const -64)"),
  liar("puts its payload over the memory's end", "TWIN_GUEST_ABI", "(i32.const 65480)"),
  liar("puts its payload at an odd address", "TWIN_GUEST_ABI", "(i32.const 1025)"),
  liar("has no room for its payload", "TWIN_GUEST_MEMORY", "(i32.const 0)"),
  liar("traps in its allocator", "TWIN_GUEST_TRAP", "unreachable"),
  stopped("answers from outside its memory", "TWIN_GUEST_ABI", "(i64.const 0x7fffffff00000010)"),
  stopped("answers with four gigabytes", "TWIN_GUEST_ABI", "(i64.const 0x00000000ffffffff)"),
  stopped("answers with more than a payload", "TWIN_GUEST_ABI", "(i64.const 0x0000000000200000)"),
  stopped("traps", "TWIN_GUEST_TRAP", "unreachable"),

  // features
  refused("catches the host's exceptions", "TWIN_MODULE_FEATURE", "(func try catch_all end)"),
  refused("shares its memory", "TWIN_MODULE_FEATURE", "", "1 2 shared"),
  refused("waits on an atomic", "TWIN_MODULE_FEATURE", "(func atomic.fence)"),
  refused("has a 64-bit memory", "TWIN_MODULE_FEATURE", "", "i64 1"),
  refused("has two memories", "TWIN_MODULE_FEATURE", "(memory 1)"),
  refused("keeps host objects", "TWIN_MODULE_FEATURE", "(table 100 externref)"),
  refused("escapes the depth count by tail calls", "TWIN_MODULE_FEATURE", "(func $f return_call $f)"),
  refused(
    "computes differently on another machine",
    "TWIN_MODULE_FEATURE",
    "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
  ),
  {
    name: "allocates outside its memory with GC structs",
    metAt: "admission",
    code: "TWIN_MODULE_FEATURE",
    module: () => appendSection(EMPTY_MODULE, TYPE_SECTION, [1, 0x5f, 1, 0x7e, 1]),
  },
  {
    name: "allocates outside its memory with GC arrays",
    metAt: "admission",
    code: "TWIN_MODULE_FEATURE",
    module: () => appendSection(EMPTY_MODULE, TYPE_SECTION, [1, 0x5e, 0x7e, 1]),
  },
];
