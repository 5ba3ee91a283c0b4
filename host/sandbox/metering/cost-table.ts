// What each instruction costs in fuel. One unit is about a third of a nanosecond of the machine
// class we test on, within a small factor for every opcode. docs/formats/metering.md shows the
// table; a test compares the two. Any change here is a new METER_VERSION.

import { INSTRUCTIONS } from "../wasm/instruction-set.ts";

/** Version of the table and of the rules by which it is applied. Receipts of two versions cannot be compared. */
export const METER_VERSION = 3;

/** Fuel of entering a function, without its locals. */
export const ENTRY_FUEL = 6;

/** Fuel of every round of a loop, for the check at its head. */
export const ROUND_FUEL = 3;

/** Locals that are zeroed for one unit of fuel at each entry. */
export const LOCALS_PER_FUEL = 4;

/** Length charges are counted in quarters of a unit: per byte, table element and memory page. */
export const LENGTH_QUARTERS = { byte: 1, element: 160, page: 65_536 } as const;

/** Instructions by cost; what is not named costs 1, or 2 when it is of the SIMD page. */
const COSTS: Readonly<Record<number, string>> = {
  0: "nop block loop else end",
  2:
    "global.get global.set memory.size table.size i32.mul i64.mul " +
    "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u " +
    "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u " +
    "i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32 " +
    "f32.add f32.sub f32.mul f64.add f64.sub f64.mul f32.copysign f64.copysign",
  3:
    "f32.ceil f32.floor f32.trunc f32.nearest f64.ceil f64.floor f64.trunc f64.nearest " +
    "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.demote_f64 " +
    "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.promote_f32 " +
    "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u " +
    "v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.load32_zero v128.load64_zero " +
    "v128.store v128.any_true i8x16.all_true i16x8.all_true i32x4.all_true i64x2.all_true " +
    "i8x16.bitmask i16x8.bitmask i32x4.bitmask i64x2.bitmask i8x16.swizzle i8x16.shuffle",
  4:
    "br_table call table.get f32.min f32.max f64.min f64.max f32.convert_i64_u f64.convert_i64_u " +
    "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane " +
    "v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane " +
    "f32x4.add f32x4.sub f32x4.mul f64x2.add f64x2.sub f64x2.mul i32x4.mul " +
    "f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest",
  6:
    "i8x16.shl i8x16.shr_s i8x16.shr_u i64x2.shr_s f32x4.min f32x4.max f64x2.min f64x2.max " +
    "f32x4.convert_i32x4_s f32x4.convert_i32x4_u f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u " +
    "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4",
  8:
    "f32.div f64.div i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u " +
    "i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u " +
    "i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u " +
    "i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u " +
    "i64x2.mul i8x16.popcnt i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u " +
    "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero",
  10:
    "call_indirect f32.sqrt f64.sqrt i32.div_s i32.div_u i32.rem_s i32.rem_u " +
    "i64.div_s i64.div_u i64.rem_s i64.rem_u f32x4.div f64x2.div",
  12: "f32x4.sqrt f64x2.sqrt",
  20: "ref.func data.drop elem.drop",
  30: "memory.fill memory.copy table.fill table.copy",
  100: "table.set table.init memory.init",
  500: "memory.grow table.grow",
};

const SIMD_PAGE = 0x200;
const costByName = new Map(
  Object.entries(COSTS).flatMap(([cost, names]) => names.split(" ").map((name) => [name, Number(cost)] as const)),
);

/** Fuel of each instruction, by opcode as in `INSTRUCTIONS`. Calls and branches add what they carry. */
export const INSTRUCTION_FUEL: Readonly<Uint16Array> = Uint16Array.from(INSTRUCTIONS, (instruction, opcode) => {
  if (instruction === undefined) return 0;
  return costByName.get(instruction.name) ?? (opcode >= SIMD_PAGE ? 2 : 1);
});
