// Guests that want what is not theirs: our meters, the host's functions, features without a bound.

import { appendSection, assemble, assembleGuest } from "../../support/assemble.ts";
import {
  harmless,
  type HostileGuest,
  method,
  NOW,
  refused,
  refusedBytes,
  stillborn,
  stopped,
} from "./hostile-guest.ts";

const TYPE_SECTION = 1;
const EMPTY_MODULE = Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** A guest that names an index beyond its own, where something of ours will be: the last byte of `code` becomes `index`. */
function capture(
  what: string,
  index: number,
  { code, fields }: { code: readonly number[]; fields: string },
): HostileGuest {
  return refusedBytes(`captures our ${what} by its index ${index}`, "TWIN_MODULE_INVALID", () => {
    const bytes = assembleGuest(`${fields} ${method("(loop (br 0)) unreachable")}`);
    const place = bytes.findIndex((_, at) => code.every((byte, offset) => bytes[at + offset] === byte));
    if (place < 0) throw new Error(`The code to change was not found: ${what}`);
    bytes[place + code.length - 1] = index;
    return bytes;
  });
}

const GLOBALS = {
  code: [0x42, 0xff, 0x00, 0x24, 0x00],
  fields: "(global (mut i64) (i64.const 0)) (func (global.set 0 (i64.const 127)))",
};
const CALLS = { code: [0x41, 0x2a, 0x1a, 0x10, 0x00], fields: "(func) (func (drop (i32.const 42)) (call 0))" };
const LOCALS = { code: [0x42, 0xff, 0x00, 0x21, 0x00], fields: "(func (local i64) (local.set 0 (i64.const 127)))" };
const TYPES = { code: [0x41, 0x2a, 0x11, 0x00], fields: "(table 1 funcref) (func (call_indirect (i32.const 42)))" };

/** Indices, names, imports, exports and features. */
export const AUTHORITY_GUESTS: readonly HostileGuest[] = [
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
  capture("fuel counter", 1, GLOBALS),
  capture("depth counter", 2, GLOBALS),
  capture("stand-in of a host function", 4, CALLS),
  capture("copy of the fuel counter", 1, LOCALS),
  capture("block type", 9, TYPES),
  refused("exports our fuel counter's name", "TWIN_MODULE_EXPORT", `(global (export "twin_fuel") i64 (i64.const 9))`),
  refused("exports our start's name", "TWIN_MODULE_EXPORT", `(func (export "twin_start"))`),
  refused("exports a mutable global", "TWIN_MODULE_EXPORT", `(global (export "g") (mut i64) (i64.const 9))`),
  stopped(
    "hides a host function behind an export of its name",
    "TWIN_GUEST_FUEL",
    "(loop (drop (call $now)) (br 0)) unreachable",
    `${NOW} (func (export "now_ms") (param i32 i32) (result i64) (i64.const 0))`,
  ),
  refused(
    "imports the same host function under another signature, too",
    "TWIN_MODULE_IMPORT",
    `${NOW} (import "twin" "now_ms" (func (result f32)))`,
  ),
  refused(
    "imports a host function with a result that it does not have",
    "TWIN_MODULE_IMPORT",
    `(import "twin" "log" (func (param i32 i32 i32) (result i64)))`,
  ),
  refused("imports our meter", "TWIN_MODULE_IMPORT", `(import "twin" "twin_fuel" (global (mut i64)))`),
  refused("imports a tag", "TWIN_MODULE_IMPORT", `(import "twin" "t" (tag))`),
  refused("exports our depth counter's name", "TWIN_MODULE_EXPORT", `(func (export "twin_depth"))`),
  refused(
    "has an initialisation that wants parameters",
    "TWIN_MODULE_EXPORT",
    `(func (export "twin_init") (param i32))`,
  ),
  refusedBytes("has no memory", "TWIN_MODULE_EXPORT", () =>
    assemble(`(module (func (export "twin_alloc") (param i32) (result i32) (i32.const 8)))`),
  ),
  refusedBytes("has an allocator that is none", "TWIN_MODULE_EXPORT", () =>
    assemble(`(module (memory (export "memory") 1) (global (export "twin_alloc") i32 (i32.const 8)))`),
  ),
  refusedBytes("exports a name twice", "TWIN_MODULE_INVALID", () =>
    assemble(`(module (memory (export "memory") 1) (export "memory" (memory 0)))`),
  ),
  stillborn(
    "runs a host function as its start, for ever in its init",
    "TWIN_GUEST_FUEL",
    `(import "twin" "tick" (func $tick)) (start $tick) (func (export "twin_init") (loop (call $tick) (br 0)))`,
  ),
  harmless(
    "exports names that every object has",
    "(i64.const 0)",
    ["constructor", "__proto__", "toString", "then"]
      .map((name) => `(func (export "${name}") (param i32 i32) (result i64) (i64.const 0))`)
      .join(" "),
  ),
  harmless(
    "calls its own exports by other names",
    "(i64.const 0)",
    `(func $f (export "a") (export "b") (param i32 i32) (result i64) (i64.const 0))`,
  ),
  harmless(
    "exports a host function as its own",
    "(i64.const 0)",
    `(import "twin" "now_ms" (func $now (result f64))) (export "clock" (func $now))`,
  ),
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
  refusedBytes("allocates outside its memory with GC structs", "TWIN_MODULE_FEATURE", () =>
    appendSection(EMPTY_MODULE, TYPE_SECTION, [1, 0x5f, 1, 0x7e, 1]),
  ),
  refusedBytes("allocates outside its memory with GC arrays", "TWIN_MODULE_FEATURE", () =>
    appendSection(EMPTY_MODULE, TYPE_SECTION, [1, 0x5e, 0x7e, 1]),
  ),
  refused("throws", "TWIN_MODULE_FEATURE", "(tag $t) (func throw $t)"),
  refusedBytes("calls by typed references", "TWIN_MODULE_FEATURE", () =>
    appendSection(EMPTY_MODULE, TYPE_SECTION, [2, 0x60, 0, 0, 0x60, 1, 0x63, 0, 0]),
  ),
  refused(
    "tests whether it runs in many threads",
    "TWIN_MODULE_FEATURE",
    "(func (drop (i32.atomic.load (i32.const 0))))",
  ),
];
