// The code that metering injects. Two globals of ours carry the account of a running call: `fuel`
// (i64, what is left) and `depth` (i32, weighted frames that are left). A trap of ours leaves one
// of them below zero, which is how the host tells it from a trap of the guest.

import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { VALUE_TYPE } from "../wasm/module-shape.ts";

/** Indices of our globals and functions in the rewritten module. */
export interface MeterIndices {
  readonly fuelGlobal: number;
  readonly depthGlobal: number;
  /** Of the function that charges by length: `(n: i32, quarters: i32, nMax: i32) -> n`. */
  readonly lengthFunction: number;
}

const EMPTY = 0x40;
const I32_LT_S = 0x48;
const I32_GT_U = 0x4b;
const I32_OR = 0x72;
const I32_SUB = 0x6b;
const I64_LT_S = 0x53;
const I64_SUB = 0x7d;
const I64_MUL = 0x7e;
const I64_SHR_U = 0x88;
const I64_EXTEND_I32_U = 0xad;

/** Our locals in a metered function, behind its own. */
export interface MeterLocals {
  /**
   * i64: what the fuel global holds. Every charge writes both, so that the global is exact at any
   * trap; the copy spares the load, whose wait for the last store is what metering costs in loops.
   */
  readonly fuel: number;
  /** i32: the depth before this frame was counted. Functions that call nothing do not have it. */
  readonly depth: number;
}

/** Burns `fuel` without a look at what is left: the next loop head or function looks. */
export function writeCharge(writer: ByteWriter, meter: MeterIndices, fuel: number, locals: MeterLocals): void {
  writer.u8(OP.localGet).u32(locals.fuel);
  writeBurn(writer, meter, fuel, locals.fuel);
}

/** Burns `fuel` and traps when it was not there. */
export function writeCheckedCharge(writer: ByteWriter, meter: MeterIndices, fuel: number, locals: MeterLocals): void {
  writeCharge(writer, meter, fuel, locals);
  writeIsNegative(writer, locals.fuel);
  writer.u8(OP.if, EMPTY, OP.unreachable, OP.end);
}

/** Takes over what a call has left of the fuel. */
export function writeReload(writer: ByteWriter, { fuelGlobal }: MeterIndices, locals: MeterLocals): void {
  writer.u8(OP.globalGet).u32(fuelGlobal).u8(OP.localSet).u32(locals.fuel);
}

/** How a function begins and ends. */
export interface FrameCode {
  /** Fuel of the first basic block, entry included. */
  readonly fuel: number;
  /** Weight of the frame, see `frameWeight`. */
  readonly weight: number;
  readonly locals: MeterLocals;
  /** Whether it calls nothing: then its weight is compared, but need not be subtracted. */
  readonly leaf: boolean;
}

/** Burns the first block and takes the frame's weight; traps when either was not there. */
export function writeEntry(writer: ByteWriter, meter: MeterIndices, frame: FrameCode): void {
  const { depthGlobal, fuelGlobal } = meter;
  const { locals, weight } = frame;
  writer.u8(OP.globalGet).u32(fuelGlobal);
  writeBurn(writer, meter, frame.fuel, locals.fuel);
  writer.u8(OP.globalGet).u32(depthGlobal);
  if (!frame.leaf) writer.u8(OP.localTee).u32(locals.depth);
  writer.u8(OP.i32Const).signed(weight).u8(I32_LT_S);
  writeIsNegative(writer, locals.fuel);
  writer.u8(I32_OR, OP.if, EMPTY);
  writer.u8(OP.globalGet).u32(depthGlobal).u8(OP.i32Const).signed(weight).u8(I32_SUB);
  writer.u8(OP.globalSet).u32(depthGlobal).u8(OP.unreachable, OP.end);
  if (frame.leaf) return;
  writer.u8(OP.localGet).u32(locals.depth).u8(OP.i32Const).signed(weight).u8(I32_SUB);
  writer.u8(OP.globalSet).u32(depthGlobal);
}

/** Gives the frame's weight back; not for functions that call nothing. */
export function writeExit(writer: ByteWriter, { depthGlobal }: MeterIndices, locals: MeterLocals): void {
  writer.u8(OP.localGet).u32(locals.depth).u8(OP.globalSet).u32(depthGlobal);
}

/** What a length charge costs and when it is due. */
export interface LengthCharge {
  /** Quarters of a unit of fuel for each item. */
  readonly quarters: number;
  /** Highest length that can succeed; a longer one fails by itself and costs nothing here. */
  readonly lengthMax: number;
}

/** Charges for the length on top of the stack, and leaves it there. */
export function writeLengthCharge(writer: ByteWriter, { lengthFunction }: MeterIndices, charge: LengthCharge): void {
  writer.u8(OP.i32Const).signed(charge.quarters).u8(OP.i32Const).signed(charge.lengthMax);
  writer.u8(OP.call).u32(lengthFunction);
}

/** Body of the function that {@link writeLengthCharge} calls. */
export function lengthFunctionBody(meter: MeterIndices): ByteWriter {
  const [length, quarters, lengthMax, scratch] = [0, 1, 2, 3];
  const writer = new ByteWriter().u8(1, 1, VALUE_TYPE.i64);
  writer.u8(OP.localGet, length, OP.localGet, lengthMax, I32_GT_U);
  writer.u8(OP.if, EMPTY, OP.localGet, length, OP.return, OP.end);
  writer.u8(OP.globalGet).u32(meter.fuelGlobal);
  writer.u8(OP.localGet, length, I64_EXTEND_I32_U, OP.localGet, quarters, I64_EXTEND_I32_U, I64_MUL);
  writer.u8(OP.i64Const, 2, I64_SHR_U, I64_SUB, OP.localTee, scratch);
  writer.u8(OP.globalSet).u32(meter.fuelGlobal);
  writer.u8(OP.localGet, scratch, OP.i64Const, 0, I64_LT_S, OP.if, EMPTY, OP.unreachable, OP.end);
  return writer.u8(OP.localGet, length, OP.end);
}

/** A host function that is to be paid before it acts. */
export interface PaidImport {
  readonly functionIndex: number;
  readonly paramCount: number;
  readonly fuel: number;
}

/** Body of the function that stands in for an import: pays its price, then calls it. */
export function paidImportBody(meter: MeterIndices, paid: PaidImport): ByteWriter {
  const writer = new ByteWriter().u8(1, 1, VALUE_TYPE.i64);
  const fuel = paid.paramCount;
  writer.u8(OP.globalGet).u32(meter.fuelGlobal);
  writeBurn(writer, meter, paid.fuel, fuel);
  writeIsNegative(writer, fuel);
  writer.u8(OP.if, EMPTY, OP.unreachable, OP.end);
  for (let param = 0; param < paid.paramCount; param++) writer.u8(OP.localGet).u32(param);
  return writer.u8(OP.call).u32(paid.functionIndex).u8(OP.end);
}

/** Takes `fuel` from the i64 on the stack; puts what is left into global and local. */
function writeBurn(writer: ByteWriter, { fuelGlobal }: MeterIndices, fuel: number, local: number): void {
  writer.u8(OP.i64Const).signed(fuel).u8(I64_SUB);
  writer.u8(OP.localTee).u32(local).u8(OP.globalSet).u32(fuelGlobal);
}

function writeIsNegative(writer: ByteWriter, fuelLocal: number): void {
  writer.u8(OP.localGet).u32(fuelLocal).u8(OP.i64Const, 0, I64_LT_S);
}
