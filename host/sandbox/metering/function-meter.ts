// Rewrites one function body: each stretch pays for all of itself where it starts, functions and
// loops look whether they could pay, calls hand the account on. All else is copied byte for byte.

import { type BodyVisitor, readBody, type Site } from "../wasm/body-reader.ts";
import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { type FunctionType, type ModuleShape, type Span, VALUE_TYPE } from "../wasm/module-shape.ts";
import { ENTRY_FUEL, INSTRUCTION_FUEL, LENGTH_QUARTERS, LOCALS_PER_FUEL } from "./cost-table.ts";
import * as meterCode from "./meter-code.ts";
import { StretchMap } from "./stretches.ts";

/** What the rewriting of every body of a module shares. */
export interface MeterPlan extends meterCode.MeterIndices {
  /** Index that stands for a function of the original module: imports have stand-ins. */
  functionIndex(original: number): number;
  /** Index of the type that also carries the account. */
  meteredType(original: number): number;
  /** Encoding of a block that has no parameters and these results. */
  blockType(type: FunctionType): number;
  /** Pages and elements that memory and table can have at most. */
  readonly pageMax: number;
  readonly elementMax: number;
}

/** An original instruction that becomes another one, or gets something of ours before it. */
interface Edit extends Span {
  readonly opcode: number;
  readonly index: number;
}

const PAGE_SIZE = 65_536;
/** Values of frame that weigh one: 8 bytes each, so that one weight is at most about 65 bytes of stack with our own spills. */
const VALUES_PER_WEIGHT = 8;
/** A function that calls nothing and has no loop need not look: its caller or the next loop does, and it costs and weighs little. */
const UNCHECKED_FUEL_MAX = 256;
const UNCHECKED_WEIGHT_MAX = 16;

/** The body that takes the place of the one at `span`, of the function of `type`. */
export function meterBody(shape: ModuleShape, type: FunctionType, span: Span, plan: MeterPlan): ByteWriter {
  return new FunctionMeter(shape, type, span, plan).write();
}

/** Reads a body and notes what is to change, then writes it. */
class FunctionMeter implements BodyVisitor {
  readonly #bytes: Uint8Array;
  readonly #type: FunctionType;
  readonly #span: Span;
  readonly #plan: MeterPlan;
  readonly #map = new StretchMap(0);
  readonly #edits: Edit[] = [];
  readonly #facts;
  readonly #locals: meterCode.MeterLocals;
  /** Parameters; locals behind them move up, because ours come between. */
  readonly #paramCount: number;
  #calls = false;
  #indirect = false;
  #looped = false;

  constructor(shape: ModuleShape, type: FunctionType, span: Span, plan: MeterPlan) {
    this.#bytes = shape.bytes;
    this.#type = type;
    this.#span = span;
    this.#plan = plan;
    this.#paramCount = type.params.length;
    this.#facts = readBody(shape, type, span, this);
    const index = this.#paramCount + 2 + this.#facts.localCount;
    this.#locals = { depth: this.#paramCount, fuel: this.#paramCount + 1, index };
  }

  instruction({ opcode, start, end, index, carried, reachable }: Site): void {
    if (reachable) this.#map.pay(INSTRUCTION_FUEL[opcode]! + carried);
    switch (opcode) {
      case OP.localGet:
      case OP.localSet:
      case OP.localTee:
        if (index >= this.#paramCount) this.#edits.push({ start, end, opcode, index });
        return;
      case OP.brIf:
        if (reachable) this.#map.part(end);
        return;
      case OP.return:
        if (reachable) this.#map.return();
        break;
      case OP.callIndirect:
        this.#indirect = true;
        this.#calls = true;
        break;
      case OP.call:
        this.#calls = true;
        break;
      default:
        if (opcode !== OP.refFunc && !LENGTH_OPCODES.has(opcode)) return;
    }
    this.#edits.push({ start, end, opcode, index });
  }

  branch(label: number, conditional: boolean): void {
    this.#map.branch(label, conditional);
  }

  open(opcode: number, offset: number, reachable: boolean): void {
    if (opcode === OP.loop) this.#looped = true;
    this.#map.open(opcode, offset, reachable);
  }

  otherwise(offset: number, reachable: boolean): void {
    this.#map.otherwise(offset, reachable);
  }

  close(offset: number, reachable: boolean): void {
    this.#map.close(offset, reachable);
  }

  write(): ByteWriter {
    const { code } = this.#facts;
    const writer = new ByteWriter(2 * (this.#span.end - this.#span.start) + 64);
    this.#writeLocals(writer);
    this.#writeEntry(writer);
    // Branches that leave the function carry its own results only: they end here.
    if (this.#map.left) writer.u8(OP.block).signed(this.#plan.blockType(this.#type));
    this.#writeCode(writer, code.end - 1);
    if (this.#map.left) writer.u8(OP.end);
    return writer.u8(OP.localGet).u32(this.#locals.fuel).u8(OP.end);
  }

  /** Original code and our changes, up to `end`. */
  #writeCode(writer: ByteWriter, end: number): void {
    const { stretches } = this.#map;
    let copied = this.#facts.code.start;
    let next = 1;
    const pay = (until: number): void => {
      for (; next < stretches.length && stretches[next]!.at <= until; next++) {
        const stretch = stretches[next]!;
        if (stretch.fuel === 0 && !stretch.checked) continue;
        writer.raw(this.#bytes.subarray(copied, stretch.at));
        copied = stretch.at;
        meterCode.writeCharge(writer, this.#plan, stretch, this.#locals);
      }
    };
    for (const edit of this.#edits) {
      pay(edit.start);
      writer.raw(this.#bytes.subarray(copied, edit.start));
      copied = edit.end;
      this.#writeEdit(writer, edit);
    }
    pay(end);
    writer.raw(this.#bytes.subarray(copied, end));
  }

  #writeEdit(writer: ByteWriter, edit: Edit): void {
    const { opcode, index, start, end } = edit;
    switch (opcode) {
      case OP.localGet:
      case OP.localSet:
      case OP.localTee:
        writer.u8(opcode).u32(index + 2);
        return;
      case OP.refFunc:
        writer.u8(opcode).u32(this.#plan.functionIndex(index));
        return;
      case OP.call:
        meterCode.writeCall(writer, this.#plan.functionIndex(index), this.#locals);
        return;
      case OP.callIndirect:
        meterCode.writeIndirectCall(writer, this.#plan.meteredType(index), this.#locals);
        return;
      case OP.return:
        writer.u8(OP.localGet).u32(this.#locals.fuel).u8(OP.return);
        return;
      default:
        meterCode.writeLengthCharge(writer, this.#plan, lengthCharge(opcode, this.#plan), this.#locals);
        writer.raw(this.#bytes.subarray(start, end));
    }
  }

  #writeEntry(writer: ByteWriter): void {
    const { localCount, heightMax, wide } = this.#facts;
    const { entry } = this.#map;
    const fuel = entry.fuel + ENTRY_FUEL + Math.ceil(localCount / LOCALS_PER_FUEL);
    const weight = frameWeight(2 * this.#paramCount + localCount + heightMax, wide);
    const small = fuel <= UNCHECKED_FUEL_MAX && weight <= UNCHECKED_WEIGHT_MAX;
    const checked = this.#calls || this.#looped || !small;
    meterCode.writeEntry(writer, this.#plan, { fuel, weight, checked }, this.#locals);
  }

  /** The original local declarations, with ours behind them. */
  #writeLocals(writer: ByteWriter): void {
    const original = this.#bytes.subarray(this.#span.start, this.#facts.code.start);
    // The group count is the first number; the groups themselves are copied as they are.
    let size = 0;
    let count = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = original[size++]!;
      count += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    writer.u32(this.#indirect ? count + 1 : count).raw(original.subarray(size));
    if (this.#indirect) writer.u8(1, VALUE_TYPE.i32);
  }
}

/** Weight of a frame that holds `valueCount` values: parameters count twice, as they are passed and kept. */
function frameWeight(valueCount: number, wide: boolean): number {
  return 1 + Math.ceil((wide ? 2 * valueCount : valueCount) / VALUES_PER_WEIGHT);
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
