// Element and data segments and the constant expressions in them: what instantiation does without
// a meter, so its amount is limited here. Core 2.0, sections 5.5.12 and 5.5.14.

import { LIMITS } from "../../base/limits.ts";
import { checkLimit, refuseFeature } from "../refusal.ts";
import type { ByteReader } from "./byte-reader.ts";
import { OP } from "./instruction-set.ts";
import type { FunctionMention } from "./module-shape.ts";
import { readReferenceType } from "./value-type.ts";

/** `add`, `sub` and `mul` of i32 and i64: the extended constant expressions. */
const CONSTANT_ARITHMETIC: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);

/** Passes over a constant expression; appends the functions that it names to `mentions`. */
export function skipConstantExpression(reader: ByteReader, mentions: FunctionMention[]): void {
  for (;;) {
    const offset = reader.offset;
    const opcode = reader.u8();
    if (opcode === OP.end) return;
    if (CONSTANT_ARITHMETIC.has(opcode)) continue;
    if (opcode === OP.i32Const) reader.skipLeb(5);
    else if (opcode === OP.i64Const) reader.skipLeb(10);
    else if (opcode === OP.f32Const) reader.skip(4);
    else if (opcode === OP.f64Const) reader.skip(8);
    else if (opcode === OP.globalGet) reader.u32();
    else if (opcode === OP.refNull) readReferenceType(reader);
    else if (opcode === OP.refFunc) mentions.push(readFunctionIndex(reader));
    else if (opcode === 0xfd && reader.u32() === OP.v128Const - OP.simdPage) reader.skip(16);
    else if (opcode === 0xfb) throw refuseFeature("garbage-collection", offset);
    else throw refuseFeature("unknown-feature", offset);
  }
}

/** Reads the element section; appends the functions that it names to `mentions`. */
export function readElements(reader: ByteReader, mentions: FunctionMention[]): void {
  const count = reader.u32();
  const { elementSegmentCount, elementCount } = LIMITS.sandbox;
  checkLimit({ what: "element segments", found: count, limit: elementSegmentCount, offset: reader.offset });
  let total = 0;
  for (let index = 0; index < count; index++) {
    const flags = readFlags(reader, 7);
    const active = (flags & 1) === 0;
    if (active && flags & 2) reader.u32();
    if (active) skipConstantExpression(reader, mentions);
    const expressions = (flags & 4) !== 0;
    if (flags & 3) readElementKind(reader, expressions);
    const length = reader.u32();
    total += length;
    checkLimit({ what: "elements in segments", found: total, limit: elementCount, offset: reader.offset });
    for (let item = 0; item < length; item++) {
      if (expressions) skipConstantExpression(reader, mentions);
      else mentions.push(readFunctionIndex(reader));
    }
  }
}

/** Reads the data section. Its bytes are bounded by the module's size. */
export function readDataSegments(reader: ByteReader): void {
  const count = reader.u32();
  const { dataSegmentCount } = LIMITS.sandbox;
  checkLimit({ what: "data segments", found: count, limit: dataSegmentCount, offset: reader.offset });
  for (let index = 0; index < count; index++) {
    const flags = readFlags(reader, 2);
    if (flags === 2) readZeroIndex(reader);
    if (flags !== 1) skipConstantExpression(reader, []);
    reader.skip(reader.u32());
  }
}

/** The index of a memory, of which there is only one. */
export function readZeroIndex(reader: ByteReader): void {
  const offset = reader.offset;
  if (reader.u32() !== 0) throw refuseFeature("multi-memory", offset);
}

function readFunctionIndex(reader: ByteReader): FunctionMention {
  const start = reader.offset;
  const functionIndex = reader.u32();
  return { start, end: reader.offset, functionIndex };
}

function readFlags(reader: ByteReader, max: number): number {
  const offset = reader.offset;
  const flags = reader.u32();
  if (flags > max) throw refuseFeature("unknown-feature", offset);
  return flags;
}

function readElementKind(reader: ByteReader, expressions: boolean): void {
  const offset = reader.offset;
  if (expressions) readReferenceType(reader);
  else if (reader.u8() !== 0) throw refuseFeature("unknown-feature", offset);
}
