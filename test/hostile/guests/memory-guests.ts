// Guests that want more of the stack, the memory or the tables than they may have.

import { assembleGuest } from "../../support/assemble.ts";
import {
  COPY,
  harmless,
  harmlessBytes,
  type HostileGuest,
  method,
  NOW,
  refused,
  stillborn,
  stopped,
  WAIT,
} from "./hostile-guest.ts";

/** Depth, memory and tables; each has its bound. */
export const MEMORY_GUESTS: readonly HostileGuest[] = [
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
  stopped(
    "calls itself for ever with wide locals",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    `(func $f (local ${"v128 ".repeat(500)}) call $f)`,
  ),
  stopped(
    "calls itself for ever while it may wait",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    `${WAIT} (func $f (local ${"i64 ".repeat(200)}) call $f (call $wait (i32.const 0)))`,
  ),
  stopped(
    "calls the host from the depth of its stack",
    "TWIN_GUEST_DEPTH",
    "(call $f) (i64.const 0)",
    `${NOW} (func $f (drop (call $now)) call $f)`,
  ),
  stopped(
    "passes a hundred parameters at each of its endless calls",
    "TWIN_GUEST_DEPTH",
    `${"(i64.const 1)".repeat(100)} (call $f) (i64.const 0)`,
    `(func $f (param ${"i64 ".repeat(100)}) ${"(i64.const 1)".repeat(100)} call $f)`,
  ),
  stopped(
    "writes behind what it was refused to grow to",
    "TWIN_GUEST_TRAP",
    "(drop (memory.grow (i32.const 1000))) (i64.store (i32.const 0x3e00000) (i64.const 1)) (i64.const 0)",
  ),
  stopped(
    "sets a table element that it was refused to grow to",
    "TWIN_GUEST_TRAP",
    "(drop (table.grow 0 (ref.null func) (i32.const 100000))) (table.set 0 (i32.const 50000) (ref.null func)) (i64.const 0)",
    "(table 1 funcref)",
  ),
  stopped(
    "fills more memory than there is",
    "TWIN_GUEST_TRAP",
    "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1)) (i64.const 0)",
  ),
  stopped(
    "calls a function of another type through its table",
    "TWIN_GUEST_TRAP",
    "(call_indirect (type $t) (i32.const 0) (i32.const 0)) (i64.const 0)",
    "(type $t (func (param i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f)",
  ),
  refused("wants a memory with room for all", "TWIN_MODULE_LIMIT", "", "257"),
  refused("declares ten thousand globals", "TWIN_MODULE_LIMIT", "(global i64 (i64.const 0))".repeat(10_000)),
  stillborn(
    "puts functions outside its table",
    "TWIN_GUEST_TRAP",
    "(table 1 funcref) (func $f) (elem (i32.const 1) $f)",
  ),
  harmlessBytes("declares the largest memory that there is, and gets what it may have", () =>
    assembleGuest(method("(drop (memory.grow (i32.const 15))) (i64.const 0)"), "1 65536"),
  ),
  harmless(
    "grows to all that it may have, and writes its last byte",
    "(drop (memory.grow (i32.const 15))) (i32.store8 (i32.const 0xfffff) (i32.const 1)) (i64.const 0)",
  ),
  harmless(
    "grows below the feet of the host",
    "(drop (memory.grow (i32.const 1))) (call $copy (i32.const 0) (i32.const 65536) (i32.const 65536)) (i64.const 0)",
    COPY,
  ),
];
