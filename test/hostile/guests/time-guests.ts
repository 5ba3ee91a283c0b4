// Guests that want to run for ever, or make the host run for ever.

import { type HostileGuest, liar, LOG, NOW, READ, stillborn, stopped, WAIT } from "./hostile-guest.ts";

/** Endless work; all of it is paid for. */
export const TIME_GUESTS: readonly HostileGuest[] = [
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
  stopped("floods the host with calls", "TWIN_GUEST_FUEL", "(loop (drop (call $now)) (br 0)) unreachable", NOW),
  stopped(
    "floods the host with indirect calls",
    "TWIN_GUEST_FUEL",
    "(loop (drop (call_indirect (type $t) (i32.const 0))) (br 0)) unreachable",
    `${NOW} (type $t (func (result f64))) (table 1 funcref) (elem (i32.const 0) $now)`,
  ),
  stopped(
    "calls by a table of itself that changes",
    "TWIN_GUEST_FUEL",
    "(loop (table.set 0 (i32.const 0) (ref.func $f)) (call_indirect (type $t) (i32.const 0)) (br 0)) unreachable",
    "(type $t (func)) (table 1 funcref) (elem declare func $f) (func $f)",
  ),
  stopped(
    "jumps between loops without ever coming to a head twice in a row",
    "TWIN_GUEST_FUEL",
    "(local $i i32) (loop $a (block $out (loop $b (br_table $a $b $out (i32.rem_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))) (br $a)) unreachable",
  ),
  stopped(
    "loops for ever over vectors",
    "TWIN_GUEST_FUEL",
    "(local $v v128) (loop (local.set $v (f64x2.sqrt (f64x2.div (local.get $v) (local.get $v)))) (br 0)) unreachable",
  ),
  stopped(
    "divides for ever",
    "TWIN_GUEST_FUEL",
    "(local $x i64) (loop (local.set $x (i64.rem_u (i64.const -1) (i64.add (local.get $x) (i64.const 3)))) (br 0)) unreachable",
  ),
  stopped(
    "initialises its memory for ever",
    "TWIN_GUEST_FUEL",
    "(loop (memory.init $d (i32.const 0) (i32.const 0) (i32.const 5000)) (br 0)) unreachable",
    `(data $d "${"x".repeat(5_000)}")`,
  ),
  stopped(
    "initialises its table for ever",
    "TWIN_GUEST_FUEL",
    "(loop (table.init $e (i32.const 0) (i32.const 0) (i32.const 2000)) (br 0)) unreachable",
    `(table 2000 funcref) (func $f) (elem $e func ${"$f ".repeat(2_000)})`,
  ),
  stopped(
    "copies its table for ever",
    "TWIN_GUEST_FUEL",
    "(loop (table.copy (i32.const 0) (i32.const 1) (i32.const 9999)) (br 0)) unreachable",
    "(table 10000 funcref)",
  ),
  stopped(
    "makes references for ever",
    "TWIN_GUEST_FUEL",
    "(loop (drop (ref.func $f)) (br 0)) unreachable",
    "(elem declare func $f) (func $f)",
  ),
  stopped(
    "drops its segments for ever",
    "TWIN_GUEST_FUEL",
    "(loop (data.drop $d) (br 0)) unreachable",
    `(data $d "x")`,
  ),
  stopped(
    "floods the log",
    "TWIN_GUEST_FUEL",
    "(loop (call $log (i32.const 1) (i32.const 0) (i32.const 60000)) (br 0)) unreachable",
    LOG,
  ),
  stopped(
    "lets the host copy its memory for ever",
    "TWIN_GUEST_FUEL",
    "(loop (call $read (i32.const 0) (i32.const 65536)) (br 0)) unreachable",
    READ,
  ),
  stopped(
    "floods the host with promises",
    "TWIN_GUEST_FUEL",
    "(loop (call $wait (i32.const 0)) (br 0)) unreachable",
    WAIT,
  ),
  stopped("waits for what never comes", "TWIN_GUEST_DEADLINE", "(call $wait (i32.const -1)) (i64.const 0)", WAIT),
  stopped(
    "waits for a little, for ever",
    "TWIN_GUEST_DEADLINE",
    "(loop (call $wait (i32.const 1)) (br 0)) unreachable",
    WAIT,
  ),
  stillborn(
    "waits while it starts",
    "TWIN_GUEST_DENIED",
    `${WAIT} (func (export "twin_init") (call $wait (i32.const -1)))`,
  ),
  stillborn(
    "starts by a host function that waits",
    "TWIN_GUEST_DENIED",
    `(import "twin" "pause" (func $pause)) (start $pause)`,
  ),
];
