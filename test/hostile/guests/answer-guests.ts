// Guests that lie about places, sizes and numbers.

import { COPY, harmless, type HostileGuest, liar, LOG, READ, stopped } from "./hostile-guest.ts";

/** Pointers, sizes, numbers, and calling back. */
export const ANSWER_GUESTS: readonly HostileGuest[] = [
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
  liar("has no memory at all for its payload", "TWIN_GUEST_ABI", "(i32.const 8)", "0"),
  liar("grows, and then lies about it", "TWIN_GUEST_ABI", "(drop (memory.grow (i32.const 1))) (i32.const 0x40000)"),
  liar(
    "grows for its payload until nothing is left",
    "TWIN_GUEST_FUEL",
    "(loop (drop (memory.grow (i32.const 1))) (br 0)) unreachable",
  ),
  liar("calls itself for ever in its allocator", "TWIN_GUEST_DEPTH", "(call 0 (local.get 0))"),
  {
    ...liar("sends more than a payload through its allocator", "TWIN_LIMIT_EXCEEDED", "(i32.const 8)"),
    payload: new Uint8Array(1_048_577),
  },
  stopped("answers with nothing from outside its memory", "TWIN_GUEST_ABI", "(i64.const 0xffffffff00000000)"),
  stopped("answers with the last address and one byte", "TWIN_GUEST_ABI", "(i64.const 0x0001000000000001)"),
  stopped("answers with a negative size", "TWIN_GUEST_ABI", "(i64.const -1)"),
  stopped(
    "lets the host read behind its memory",
    "TWIN_GUEST_ABI",
    "(call $read (i32.const 65530) (i32.const 7)) (i64.const 0)",
    READ,
  ),
  stopped(
    "lets the host read with a negative size",
    "TWIN_GUEST_ABI",
    "(call $read (i32.const 8) (i32.const -1)) (i64.const 0)",
    READ,
  ),
  stopped(
    "lets the host read around the end of all addresses",
    "TWIN_GUEST_ABI",
    "(call $read (i32.const -8) (i32.const 16)) (i64.const 0)",
    READ,
  ),
  stopped(
    "lets the host write behind its memory",
    "TWIN_GUEST_ABI",
    "(call $copy (i32.const 0) (i32.const 16) (i32.const 65528)) (i64.const 0)",
    COPY,
  ),
  stopped(
    "logs what is not text",
    "TWIN_GUEST_ABI",
    "(i32.store (i32.const 0) (i32.const -1)) (call $log (i32.const 1) (i32.const 0) (i32.const 4)) (i64.const 0)",
    LOG,
  ),
  stopped(
    "calls itself through the host",
    "TWIN_CALL_CYCLE",
    "(call $again) (i64.const 0)",
    `(import "twin" "again" (func $again))`,
  ),
  stopped("makes a number of what is none", "TWIN_GUEST_TRAP", "(i64.trunc_f64_s (f64.const nan))"),
  stopped(
    "makes an address of infinity",
    "TWIN_GUEST_TRAP",
    "(i32.load (i32.trunc_f64_u (f64.const inf))) drop (i64.const 0)",
  ),
  stopped(
    "loops until nothing equals nothing",
    "TWIN_GUEST_FUEL",
    "(loop (br_if 0 (f64.ne (f64.const nan) (f64.const nan)))) (i64.const 0)",
  ),
  stopped(
    "divides the smallest number by minus one",
    "TWIN_GUEST_TRAP",
    "(i64.div_s (i64.const 0x8000000000000000) (i64.const -1))",
  ),
  harmless(
    "makes an address of what is no number, the gentle way",
    "(i32.load (i32.trunc_sat_f64_u (f64.const nan))) drop (i64.const 0)",
  ),
  harmless(
    "hides bits in what is no number",
    "(i64.and (i64.reinterpret_f64 (f64.add (f64.reinterpret_i64 (i64.const 0x7ff0000000000001)) (f64.const 1))) (i64.const 0))",
  ),
  harmless(
    "lets the host copy a range over itself",
    "(call $copy (i32.const 0) (i32.const 60000) (i32.const 100)) (i64.const 0)",
    COPY,
  ),
  harmless("answers with its own payload's allocator", "(i64.const 0x0000040000000400)"),
  harmless("answers with all of its memory", "(i64.const 0x10000)"),
];
