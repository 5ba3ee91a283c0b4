// The allow-list: every instruction a module may contain, with its immediates and its effect on
// the operand stack. What is absent here is refused. WebAssembly core 2.0, section 5.4.

import type { RefusedFeature } from "../refusal.ts";

/** What follows an opcode in the code. */
export type Immediate =
  | "none"
  | "block" // block type
  | "label"
  | "labels" // vector of labels and a default
  | "function"
  | "indirect" // type, table
  | "local"
  | "global"
  | "table"
  | "types" // vector of value types
  | "heap-type"
  | "memarg" // alignment, offset
  | "memarg-lane"
  | "memory"
  | "memory-memory"
  | "data"
  | "data-memory"
  | "element"
  | "element-table"
  | "table-table"
  | "i32"
  | "i64"
  | "bytes-4"
  | "bytes-8"
  | "bytes-16"
  | "lane";

/** One allowed instruction. Control instructions have their stack effect worked out by the reader. */
export interface Instruction {
  /** The standard's name. */
  readonly name: string;
  readonly immediate: Immediate;
  readonly pops: number;
  readonly pushes: number;
}

/** Opcodes that the reader or the meter treats by name. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  refNull: 0xd0,
  refFunc: 0xd2,
  /** Prefixed opcodes: prefix page (0xFC: 0x100, 0xFD: 0x200) and sub-opcode. */
  memoryInit: 0x108,
  memoryCopy: 0x10a,
  memoryFill: 0x10b,
  tableInit: 0x10c,
  tableCopy: 0x10e,
  tableGrow: 0x10f,
  tableFill: 0x111,
  simdPage: 0x200,
  v128Const: 0x20c,
} as const;

const instructions: (Instruction | undefined)[] = Array.from({ length: 0x300 });

/** Gives consecutive opcodes from `first` to `names` (separated by spaces; `-` leaves a hole). */
function allow(first: number, stack: `${number}>${number}`, immediate: Immediate, names: string): void {
  const [pops, pushes] = stack.split(">").map(Number) as [number, number];
  for (const [index, name] of names.split(" ").entries()) {
    if (name !== "-") instructions[first + index] = { name, immediate, pops, pushes };
  }
}

/** `allow` for several groups that share a prefix, such as the four integer lane shapes. */
function allowOf(prefix: string, first: number, stack: `${number}>${number}`, names: string): void {
  const full = names.split(" ").map((name) => (name === "-" ? name : `${prefix}.${name}`));
  allow(first, stack, "none", full.join(" "));
}

const INTEGER_COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const FLOAT_COMPARISONS = "eq ne lt gt le ge";
const INTEGER_ARITHMETIC = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const FLOAT_ROUNDING = "abs neg ceil floor trunc nearest sqrt";
const FLOAT_ARITHMETIC = "add sub mul div min max copysign";

allow(0x00, "0>0", "none", "unreachable nop");
allow(0x02, "0>0", "block", "block loop");
allow(0x04, "1>0", "block", "if");
allow(0x05, "0>0", "none", "else");
allow(0x0b, "0>0", "none", "end");
allow(0x0c, "0>0", "label", "br");
allow(0x0d, "1>0", "label", "br_if");
allow(0x0e, "1>0", "labels", "br_table");
allow(0x0f, "0>0", "none", "return");
allow(0x10, "0>0", "function", "call");
allow(0x11, "1>0", "indirect", "call_indirect");
allow(0x1a, "1>0", "none", "drop");
allow(0x1b, "3>1", "none", "select");
allow(0x1c, "3>1", "types", "select_t");
allow(0x20, "0>1", "local", "local.get");
allow(0x21, "1>0", "local", "local.set");
allow(0x22, "1>1", "local", "local.tee");
allow(0x23, "0>1", "global", "global.get");
allow(0x24, "1>0", "global", "global.set");
allow(0x25, "1>1", "table", "table.get");
allow(0x26, "2>0", "table", "table.set");
allow(0x28, "1>1", "memarg", "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u");
allow(0x30, "1>1", "memarg", "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u");
allow(0x36, "2>0", "memarg", "i32.store i64.store f32.store f64.store");
allow(0x3a, "2>0", "memarg", "i32.store8 i32.store16 i64.store8 i64.store16 i64.store32");
allow(0x3f, "0>1", "memory", "memory.size");
allow(0x40, "1>1", "memory", "memory.grow");
allow(0x41, "0>1", "i32", "i32.const");
allow(0x42, "0>1", "i64", "i64.const");
allow(0x43, "0>1", "bytes-4", "f32.const");
allow(0x44, "0>1", "bytes-8", "f64.const");
allowOf("i32", 0x45, "1>1", "eqz");
allowOf("i32", 0x46, "2>1", INTEGER_COMPARISONS);
allowOf("i64", 0x50, "1>1", "eqz");
allowOf("i64", 0x51, "2>1", INTEGER_COMPARISONS);
allowOf("f32", 0x5b, "2>1", FLOAT_COMPARISONS);
allowOf("f64", 0x61, "2>1", FLOAT_COMPARISONS);
allowOf("i32", 0x67, "1>1", "clz ctz popcnt");
allowOf("i32", 0x6a, "2>1", INTEGER_ARITHMETIC);
allowOf("i64", 0x79, "1>1", "clz ctz popcnt");
allowOf("i64", 0x7c, "2>1", INTEGER_ARITHMETIC);
allowOf("f32", 0x8b, "1>1", FLOAT_ROUNDING);
allowOf("f32", 0x92, "2>1", FLOAT_ARITHMETIC);
allowOf("f64", 0x99, "1>1", FLOAT_ROUNDING);
allowOf("f64", 0xa0, "2>1", FLOAT_ARITHMETIC);
allowOf("i32", 0xa7, "1>1", "wrap_i64 trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u");
allowOf("i64", 0xac, "1>1", "extend_i32_s extend_i32_u trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u");
allowOf("f32", 0xb2, "1>1", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64");
allowOf("f64", 0xb7, "1>1", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32");
allow(0xbc, "1>1", "none", "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64");
allow(0xc0, "1>1", "none", "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s");
allow(0xd0, "0>1", "heap-type", "ref.null");
allow(0xd1, "1>1", "none", "ref.is_null");
allow(0xd2, "0>1", "function", "ref.func");

allowOf("i32", 0x100, "1>1", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u");
allowOf("i64", 0x104, "1>1", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u");
allow(0x108, "3>0", "data-memory", "memory.init");
allow(0x109, "0>0", "data", "data.drop");
allow(0x10a, "3>0", "memory-memory", "memory.copy");
allow(0x10b, "3>0", "memory", "memory.fill");
allow(0x10c, "3>0", "element-table", "table.init");
allow(0x10d, "0>0", "element", "elem.drop");
allow(0x10e, "3>0", "table-table", "table.copy");
allow(0x10f, "2>1", "table", "table.grow");
allow(0x110, "0>1", "table", "table.size");
allow(0x111, "3>0", "table", "table.fill");

allow(0x200, "1>1", "memarg", "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u");
allow(0x205, "1>1", "memarg", "v128.load32x2_s v128.load32x2_u v128.load8_splat v128.load16_splat");
allow(0x209, "1>1", "memarg", "v128.load32_splat v128.load64_splat");
allow(0x20b, "2>0", "memarg", "v128.store");
allow(0x20c, "0>1", "bytes-16", "v128.const");
allow(0x20d, "2>1", "bytes-16", "i8x16.shuffle");
allow(0x20e, "2>1", "none", "i8x16.swizzle");
allow(0x20f, "1>1", "none", "i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat");
allow(0x215, "1>1", "lane", "i8x16.extract_lane_s i8x16.extract_lane_u - i16x8.extract_lane_s i16x8.extract_lane_u");
allow(0x21b, "1>1", "lane", "i32x4.extract_lane - i64x2.extract_lane - f32x4.extract_lane - f64x2.extract_lane");
allow(0x217, "2>1", "lane", "i8x16.replace_lane - - i16x8.replace_lane");
allow(0x21c, "2>1", "lane", "i32x4.replace_lane - i64x2.replace_lane - f32x4.replace_lane - f64x2.replace_lane");
allowOf("i8x16", 0x223, "2>1", INTEGER_COMPARISONS);
allowOf("i16x8", 0x22d, "2>1", INTEGER_COMPARISONS);
allowOf("i32x4", 0x237, "2>1", INTEGER_COMPARISONS);
allowOf("f32x4", 0x241, "2>1", FLOAT_COMPARISONS);
allowOf("f64x2", 0x247, "2>1", FLOAT_COMPARISONS);
allow(0x24d, "1>1", "none", "v128.not");
allow(0x24e, "2>1", "none", "v128.and v128.andnot v128.or v128.xor");
allow(0x252, "3>1", "none", "v128.bitselect");
allow(0x253, "1>1", "none", "v128.any_true");
allow(0x254, "2>1", "memarg-lane", "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane");
allow(0x258, "2>0", "memarg-lane", "v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane");
allow(0x25c, "1>1", "memarg", "v128.load32_zero v128.load64_zero");
allow(0x25e, "1>1", "none", "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4");
allowOf("i8x16", 0x260, "1>1", "abs neg popcnt all_true bitmask");
allowOf("i8x16", 0x265, "2>1", "narrow_i16x8_s narrow_i16x8_u");
allowOf("f32x4", 0x267, "1>1", "ceil floor trunc nearest");
allowOf("i8x16", 0x26b, "2>1", "shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u");
allowOf("f64x2", 0x274, "1>1", "ceil floor");
allowOf("i8x16", 0x276, "2>1", "min_s min_u max_s max_u");
allowOf("f64x2", 0x27a, "1>1", "trunc");
allowOf("i8x16", 0x27b, "2>1", "avgr_u");
allowOf("i16x8", 0x27c, "1>1", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u");
allowOf("i32x4", 0x27e, "1>1", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u");
allowOf("i16x8", 0x280, "1>1", "abs neg - all_true bitmask");
allowOf("i16x8", 0x282, "2>1", "q15mulr_sat_s");
allowOf("i16x8", 0x285, "2>1", "narrow_i32x4_s narrow_i32x4_u");
allowOf("i16x8", 0x287, "1>1", "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u");
allowOf("i16x8", 0x28b, "2>1", "shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u");
allowOf("f64x2", 0x294, "1>1", "nearest");
allowOf("i16x8", 0x295, "2>1", "mul min_s min_u max_s max_u - avgr_u");
allowOf("i16x8", 0x29c, "2>1", "extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u");
allowOf("i32x4", 0x2a0, "1>1", "abs neg - all_true bitmask");
allowOf("i32x4", 0x2a7, "1>1", "extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u");
allowOf("i32x4", 0x2ab, "2>1", "shl shr_s shr_u add - - sub - - - mul min_s min_u max_s max_u dot_i16x8_s");
allowOf("i32x4", 0x2bc, "2>1", "extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u");
allowOf("i64x2", 0x2c0, "1>1", "abs neg - all_true bitmask");
allowOf("i64x2", 0x2c7, "1>1", "extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u");
allowOf("i64x2", 0x2cb, "2>1", "shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s");
allowOf("i64x2", 0x2dc, "2>1", "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u");
allowOf("f32x4", 0x2e0, "1>1", "abs neg - sqrt");
allowOf("f32x4", 0x2e4, "2>1", "add sub mul div min max pmin pmax");
allowOf("f64x2", 0x2ec, "1>1", "abs neg - sqrt");
allowOf("f64x2", 0x2f0, "2>1", "add sub mul div min max pmin pmax");
allowOf("i32x4", 0x2f8, "1>1", "trunc_sat_f32x4_s trunc_sat_f32x4_u");
allowOf("f32x4", 0x2fa, "1>1", "convert_i32x4_s convert_i32x4_u");
allowOf("i32x4", 0x2fc, "1>1", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero");
allowOf("f64x2", 0x2fe, "1>1", "convert_low_i32x4_s convert_low_i32x4_u");

/** Allowed instructions by opcode; prefixed ones by page and sub-opcode, as {@link OP} says. */
export const INSTRUCTIONS: readonly (Instruction | undefined)[] = instructions;

/** The feature an opcode that is not allowed belongs to. `subOpcode` counts for the prefixes only. */
export function featureOf(opcode: number, subOpcode: number): RefusedFeature {
  if ([0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f].includes(opcode)) return "exception-handling";
  if ([0x12, 0x13, 0x15].includes(opcode)) return "tail-calls";
  if ([0x14, 0xd4, 0xd5, 0xd6].includes(opcode)) return "typed-function-references";
  if (opcode === 0xd3 || opcode === 0xfb) return "garbage-collection";
  if (opcode === 0xfe) return "threads";
  if (opcode === 0xfd && subOpcode >= 0x100 && subOpcode <= 0x11f) return "relaxed-simd";
  return "unknown-feature";
}
