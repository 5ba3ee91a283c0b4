// Rewrites one function body: each basic block pays for all of itself where it starts, heads of
// functions and loops check that they could pay, frames are counted, and calls of imports go
// through our paid stand-ins. Everything else is copied byte for byte.

import { type BodyVisitor, readBody, type Site } from "../wasm/body-reader.ts";
import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { type FunctionType, type ModuleShape, type Span, VALUE_TYPE } from "../wasm/module-shape.ts";
import { ENTRY_FUEL, INSTRUCTION_FUEL, LENGTH_QUARTERS, LOCALS_PER_FUEL, ROUND_FUEL } from "./cost-table.ts";
import * as meterCode from "./meter-code.ts";

/** What the rewriting of every body of a module shares. */
export interface MeterPlan extends meterCode.MeterIndices {
  /** Index that stands for a function of the original module: imports have stand-ins. */
  functionIndex(original: number): number;
  /** Encoding of a block that has no parameters and these results. */
  blockType(type: FunctionType): number;
  /** Pages and elements that memory and table can have at most. */
  readonly pageMax: number;
  readonly elementMax: number;
}

/** A basic block: what it pays is known when the next one starts. */
interface Block {
  readonly kind: "block";
  readonly at: number;
  readonly loop: boolean;
  fuel: number;
}

/** An original instruction that becomes another one, or gets something of ours before or behind it. */
interface Change {
  readonly kind: "rename" | "return" | "length" | "reload";
  readonly at: number;
  readonly site: Site;
}

const PAGE_SIZE = 65_536;
/** Values of frame that weigh one: 8 bytes each, so that one weight is at most about 65 bytes of stack with our own spills. */
const VALUES_PER_WEIGHT = 8;

/** The body that takes the place of the one at `span`, of the function of `type`. */
export function meterBody(shape: ModuleShape, type: FunctionType, span: Span, plan: MeterPlan): ByteWriter {
  const notes = new Notes();
  const facts = readBody(shape, type, span, notes);
  const paramCount = type.params.length;
  const fuelLocal = paramCount + facts.localCount;
  const locals = { fuel: fuelLocal, depth: fuelLocal + 1 };
  const weight = frameWeight(2 * paramCount + facts.localCount + facts.heightMax, facts.wide);
  const [entry, ...edits] = notes.edits as [Block, ...(Block | Change)[]];
  const fuel = entry.fuel + ENTRY_FUEL + Math.ceil(facts.localCount / LOCALS_PER_FUEL);
  const frame = { fuel, weight, locals, leaf: notes.leaf };

  const writer = new ByteWriter(2 * (span.end - span.start) + 64);
  writeLocals(writer, shape.bytes.subarray(span.start, facts.code.start), notes.leaf);
  meterCode.writeEntry(writer, plan, frame);
  if (!notes.leaf) writer.u8(OP.block).signed(plan.blockType(type));
  let copied = facts.code.start;
  for (const edit of edits) {
    writer.raw(shape.bytes.subarray(copied, edit.at));
    copied = edit.kind === "rename" || edit.kind === "return" ? edit.site.end : edit.at;
    if (edit.kind === "block") writeBlock(writer, plan, edit, locals);
    else writeChange(writer, plan, edit, frame);
  }
  writer.raw(shape.bytes.subarray(copied, facts.code.end));
  if (!notes.leaf) {
    meterCode.writeExit(writer, plan, locals);
    writer.u8(OP.end);
  }
  return writer;
}

/** Weight of a frame that holds `valueCount` values: parameters count twice, as they are passed and kept. */
function frameWeight(valueCount: number, wide: boolean): number {
  return 1 + Math.ceil((wide ? 2 * valueCount : valueCount) / VALUES_PER_WEIGHT);
}

/** Notes what is to change while a body is read. */
class Notes implements BodyVisitor {
  readonly edits: (Block | Change)[] = [];
  leaf = true;
  #block: Block = { kind: "block", at: 0, loop: false, fuel: 0 };

  blockStart(offset: number, loop: boolean): void {
    this.#block = { kind: "block", at: offset, loop, fuel: loop ? ROUND_FUEL : 0 };
    this.edits.push(this.#block);
  }

  instruction(site: Site): void {
    const { opcode, start, end } = site;
    if (site.reachable) this.#block.fuel += INSTRUCTION_FUEL[opcode]! + site.carried;
    if (opcode === OP.call || opcode === OP.refFunc) this.edits.push({ kind: "rename", at: start, site });
    else if (opcode === OP.return) this.edits.push({ kind: "return", at: start, site });
    else if (LENGTH_OPCODES.has(opcode)) this.edits.push({ kind: "length", at: start, site });
    if (opcode !== OP.call && opcode !== OP.callIndirect) return;
    this.leaf = false;
    this.edits.push({ kind: "reload", at: end, site });
  }
}

const LENGTH_OPCODES: ReadonlySet<number> = new Set([
  OP.memoryGrow,
  OP.memoryInit,
  OP.memoryCopy,
  OP.memoryFill,
  OP.tableInit,
  OP.tableCopy,
  OP.tableGrow,
  OP.tableFill,
]);

function writeBlock(writer: ByteWriter, plan: MeterPlan, block: Block, locals: meterCode.MeterLocals): void {
  if (block.loop) meterCode.writeCheckedCharge(writer, plan, block.fuel, locals);
  else if (block.fuel > 0) meterCode.writeCharge(writer, plan, block.fuel, locals);
}

function writeChange(writer: ByteWriter, plan: MeterPlan, { kind, site }: Change, frame: meterCode.FrameCode): void {
  switch (kind) {
    case "rename":
      writer.u8(site.opcode).u32(plan.functionIndex(site.index));
      break;
    case "length":
      meterCode.writeLengthCharge(writer, plan, lengthCharge(site.opcode, plan));
      meterCode.writeReload(writer, plan, frame.locals);
      break;
    case "reload":
      meterCode.writeReload(writer, plan, frame.locals);
      break;
    case "return":
      if (frame.leaf) writer.u8(OP.return);
      else writer.u8(OP.br).u32(site.nesting);
  }
}

function lengthCharge(opcode: number, { pageMax, elementMax }: MeterPlan): meterCode.LengthCharge {
  switch (opcode) {
    case OP.memoryGrow:
      return { quarters: LENGTH_QUARTERS.page, lengthMax: pageMax };
    case OP.memoryInit:
    case OP.memoryCopy:
    case OP.memoryFill:
      return { quarters: LENGTH_QUARTERS.byte, lengthMax: pageMax * PAGE_SIZE };
    default:
      return { quarters: LENGTH_QUARTERS.element, lengthMax: elementMax };
  }
}

/** The original local declarations with ours behind them. */
function writeLocals(writer: ByteWriter, original: Uint8Array, leaf: boolean): void {
  // The group count is the first number; the groups themselves are copied as they are.
  let size = 0;
  let count = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = original[size++]!;
    count += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  writer.u32(leaf ? count + 1 : count + 2).raw(original.subarray(size));
  writer.u8(1, VALUE_TYPE.i64);
  if (!leaf) writer.u8(1, VALUE_TYPE.i32);
}
