// The code that metering injects. A running call's account are two numbers: `fuel`, what is left,
// and `depth`, the weighted frames that are left. They travel as the last parameters of functions,
// as far as these need them; fuel comes back as the last result. So they stay in registers.

import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { VALUE_TYPE } from "../wasm/module-shape.ts";
import type { Account } from "./call-plan.ts";

/** Indices of our globals and functions in the rewritten module. */
export interface MeterIndices {
  /** i64: always the fuel that is left, for the host and for traps. */
  readonly fuelGlobal: number;
  /** i32: the depth with which exports start; below zero after a trap for depth. */
  readonly depthGlobal: number;
  /** Of the function that charges by length: `(n: i32, quarters: i32, nMax: i32, fuel: i64) -> (n, fuel)`. */
  readonly lengthFunction: number;
}

const EMPTY = 0x40;
const I32_GT_U = 0x4b;
const I64_LT_S = 0x53;
const I64_SUB = 0x7d;
const I64_MUL = 0x7e;
const I64_OR = 0x84;
const I64_SHR_U = 0x88;
const I32_WRAP_I64 = 0xa7;
const I64_EXTEND_I32_S = 0xac;
const I64_EXTEND_I32_U = 0xad;
const DROP = 0x1a;

/** Our locals in a metered function. */
export interface MeterLocals {
  /** i64. */
  readonly fuel: number;
  /** i64: weighted frames that are left, without this one's once it has started. */
  readonly depth: number;
  /** i32, behind all others: keeps the table index of an indirect call. Only in functions that make some. */
  readonly index: number;
}

/** What is paid at one place. */
export interface Charge {
  readonly fuel: number;
  /** Whether to trap when it was not there. */
  readonly checked: boolean;
}

/** Burns fuel. Where there is none to burn, as when all who come there have paid, it only looks. */
export function writeCharge(writer: ByteWriter, meter: MeterIndices, charge: Charge, locals: MeterLocals): void {
  if (charge.fuel > 0) {
    writer.op(OP.localGet, locals.fuel);
    writeBurn(writer, meter, charge.fuel, locals.fuel);
  }
  if (charge.checked) writeFuelCheck(writer, locals.fuel);
}

/** How a function starts. */
export interface FrameCode extends Charge {
  /** Of its frame. */
  readonly weight: number;
}

/** Burns the first stretch and takes the frame's weight; when `checked`, traps unless both were there. */
export function writeEntry(writer: ByteWriter, meter: MeterIndices, frame: FrameCode, locals: MeterLocals): void {
  if (frame.fuel > 0) writeCharge(writer, meter, { fuel: frame.fuel, checked: false }, locals);
  if (!frame.checked) return;
  writer.op(OP.localGet, locals.depth).u8(OP.i64Const).signed(frame.weight).u8(I64_SUB);
  writer.op(OP.localTee, locals.depth).op(OP.localGet, locals.fuel).u8(I64_OR);
  writer.u8(OP.i64Const, 0, I64_LT_S, OP.if, EMPTY);
  writer.op(OP.localGet, locals.depth).u8(I32_WRAP_I64, OP.globalSet).u32(meter.depthGlobal);
  writer.u8(OP.unreachable, OP.end);
}

/** Calls a metered function, whose own arguments are on the stack. */
export function writeCall(writer: ByteWriter, functionIndex: number, account: Account, locals: MeterLocals): void {
  writeAccount(writer, account, locals);
  writer.op(OP.call, functionIndex);
  if (account !== "none") writer.op(OP.localSet, locals.fuel);
}

/** The same through the table, with the whole account: the table's index lies on top of the arguments. */
export function writeIndirectCall(writer: ByteWriter, typeIndex: number, locals: MeterLocals): void {
  writer.op(OP.localSet, locals.index);
  writeAccount(writer, "both", locals);
  writer.op(OP.localGet, locals.index);
  writer.op(OP.callIndirect, typeIndex).u8(0, OP.localSet).u32(locals.fuel);
}

function writeAccount(writer: ByteWriter, account: Account, { fuel, depth }: MeterLocals): void {
  if (account !== "none") writer.op(OP.localGet, fuel);
  if (account === "both") writer.op(OP.localGet, depth);
}

/** What a length charge costs and when it is due. */
export interface LengthCharge {
  /** Quarters of a unit of fuel for each item. */
  readonly quarters: number;
  /** Highest length that can succeed; a longer one fails by itself and costs nothing here. */
  readonly lengthMax: number;
}

/** Charges for the length on top of the stack, and leaves it there. */
export function writeLengthCharge(
  writer: ByteWriter,
  { lengthFunction }: MeterIndices,
  charge: LengthCharge,
  { fuel }: MeterLocals,
): void {
  writer.u8(OP.i32Const).signed(charge.quarters).u8(OP.i32Const).signed(charge.lengthMax);
  writer.op(OP.localGet, fuel).op(OP.call, lengthFunction).op(OP.localSet, fuel);
}

/** Body of the function that {@link writeLengthCharge} calls. */
export function lengthFunctionBody(meter: MeterIndices): ByteWriter {
  const [length, quarters, lengthMax, fuel] = [0, 1, 2, 3];
  const writer = new ByteWriter().u8(0, OP.localGet, length);
  writer.u8(OP.localGet, length, OP.localGet, lengthMax, I32_GT_U);
  writer.u8(OP.if, EMPTY, OP.localGet, length, OP.localGet, fuel, OP.return, OP.end);
  writer.u8(OP.localGet, fuel);
  writer.u8(OP.localGet, length, I64_EXTEND_I32_U, OP.localGet, quarters, I64_EXTEND_I32_U, I64_MUL);
  writer.u8(OP.i64Const, 2, I64_SHR_U, I64_SUB, OP.localTee, fuel, OP.globalSet).u32(meter.fuelGlobal);
  writeFuelCheck(writer, fuel);
  return writer.u8(OP.localGet, fuel, OP.end);
}

/** A function between the host's calling convention and the metered one. */
export interface Passage {
  readonly functionIndex: number;
  readonly paramCount: number;
  /** Paid on the way, before the other is called. */
  readonly fuel: number;
}

/** Body of the metered function that stands in for an import: pays its price, then calls it. */
export function paidImportBody(meter: MeterIndices, passage: Passage): ByteWriter {
  const { functionIndex, paramCount } = passage;
  const [fuel, depth, kept] = [paramCount, paramCount + 1, paramCount + 2];
  const writer = new ByteWriter().u8(1, 1, VALUE_TYPE.i32);
  writer.op(OP.localGet, fuel);
  writeBurn(writer, meter, passage.fuel, fuel);
  writeFuelCheck(writer, fuel);
  // The host sees how deep it is; the next export starts as deep as this one did.
  writer.op(OP.globalGet, meter.depthGlobal).op(OP.localSet, kept);
  writer.op(OP.localGet, depth).u8(I32_WRAP_I64, OP.globalSet).u32(meter.depthGlobal);
  for (let param = 0; param < paramCount; param++) writer.op(OP.localGet, param);
  writer.op(OP.call, functionIndex);
  writer.op(OP.localGet, kept).op(OP.globalSet, meter.depthGlobal);
  return writer.op(OP.globalGet, meter.fuelGlobal).u8(OP.end);
}

/** Body of the function that the host calls in place of an exported one, which takes `account`: opens the account, then calls it. */
export function exportBody(
  meter: MeterIndices,
  { functionIndex, paramCount, fuel }: Passage,
  account: Account,
): ByteWriter {
  const writer = new ByteWriter().u8(1, 1, VALUE_TYPE.i64);
  for (let param = 0; param < paramCount; param++) writer.op(OP.localGet, param);
  writer.op(OP.globalGet, meter.fuelGlobal);
  writeBurn(writer, meter, fuel, paramCount);
  if (account !== "none") writer.op(OP.localGet, paramCount);
  if (account === "both") writer.op(OP.globalGet, meter.depthGlobal).u8(I64_EXTEND_I32_S);
  writer.op(OP.call, functionIndex);
  // The fuel that comes back is in the global as well.
  if (account !== "none") writer.u8(DROP);
  return writer.u8(OP.end);
}

/** Takes `fuel` from the i64 on the stack; puts what is left into global and local. */
function writeBurn(writer: ByteWriter, { fuelGlobal }: MeterIndices, fuel: number, local: number): void {
  writer.u8(OP.i64Const).signed(fuel).u8(I64_SUB);
  writer.op(OP.localTee, local).op(OP.globalSet, fuelGlobal);
}

function writeFuelCheck(writer: ByteWriter, fuelLocal: number): void {
  writer.op(OP.localGet, fuelLocal).u8(OP.i64Const, 0, I64_LT_S);
  writer.u8(OP.if, EMPTY, OP.unreachable, OP.end);
}
