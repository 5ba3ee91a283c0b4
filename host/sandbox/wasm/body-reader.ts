// Reads one function body instruction by instruction: the allow-list, the limits of nesting, the
// height of the operand stack and the bounds of basic blocks. What to make of them is the business
// of the visitor. WebAssembly core 2.0, sections 3.3 and 5.4.

import { LIMITS } from "../../base/limits.ts";
import type { TwinError } from "../../base/errors.ts";
import { checkLimit, refuseFeature, refusal } from "../refusal.ts";
import { ByteReader } from "./byte-reader.ts";
import { INSTRUCTIONS, OP, featureOf, type Instruction } from "./instruction-set.ts";
import { type FunctionType, type ModuleShape, type Span, VALUE_TYPE } from "./module-shape.ts";
import { readZeroIndex } from "./segment-reader.ts";
import { checkValueType, isValueType, readReferenceType, readValueType } from "./value-type.ts";

/** One instruction as it stands in a body. */
export interface Site extends Span {
  /** As in `INSTRUCTIONS`: prefixed opcodes by page and sub-opcode. */
  readonly opcode: number;
  /** Label depth, function, type, local or global index: the first index of the immediate, else 0. */
  readonly index: number;
  /** Values that a call or branch carries: parameters and results, or the label's operands. */
  readonly carried: number;
  /** Number of blocks around it within the function. */
  readonly nesting: number;
  /** Whether control can come here at all, by structure alone. */
  readonly reachable: boolean;
}

/** Receives what a body consists of, in order. */
export interface BodyVisitor {
  /** An instruction was read, except those that end a block: they come after {@link BodyVisitor.join}. */
  instruction(site: Site): void;
  /** A basic block starts at `offset`; `loop` when it is the head of a loop. Not called where control cannot come. */
  blockStart(offset: number, loop: boolean): void;
}

/** What a whole body amounts to. */
export interface BodyFacts {
  /** First instruction, and the end of the last one, which is the `end` of the function. */
  readonly code: Span;
  /** Declared locals, without parameters. */
  readonly localCount: number;
  /** Highest operand stack, in values. */
  readonly heightMax: number;
  /** Whether 16-byte values may lie on the stack. */
  readonly wide: boolean;
}

interface Frame {
  readonly opcode: number;
  readonly type: FunctionType;
  /** Operands below the block's own. */
  readonly base: number;
  /** Whether control could come to its start. */
  readonly entered: boolean;
  /** Whether control can come to the current place in it. */
  reachable: boolean;
  /** Whether a reachable branch leads to its end. */
  targeted: boolean;
}

const NO_VALUES: readonly number[] = [];

/** Reads the body of the function of `type` at `span`; tells `visitor` what it finds. */
export function readBody(shape: ModuleShape, type: FunctionType, span: Span, visitor: BodyVisitor): BodyFacts {
  return new BodyScan(shape, type, span, visitor).run();
}

class BodyScan {
  readonly #shape: ModuleShape;
  readonly #visitor: BodyVisitor;
  readonly #reader: ByteReader;
  readonly #frames: Frame[] = [];
  #height = 0;
  #heightMax = 0;
  #loopDepth = 0;
  #wide: boolean;
  /** First index and carried values of the immediate last read. */
  #index = 0;
  #carried = 0;
  #blockType: FunctionType = { params: NO_VALUES, results: NO_VALUES };

  constructor(shape: ModuleShape, type: FunctionType, span: Span, visitor: BodyVisitor) {
    this.#shape = shape;
    this.#visitor = visitor;
    this.#reader = new ByteReader(shape.bytes, span.start, span.end);
    this.#wide = type.params.includes(VALUE_TYPE.v128);
    const outer = { params: NO_VALUES, results: type.results };
    this.#frames.push({ opcode: OP.block, type: outer, base: 0, entered: true, reachable: true, targeted: false });
  }

  run(): BodyFacts {
    const localCount = this.#readLocals();
    const start = this.#reader.offset;
    this.#visitor.blockStart(start, false);
    while (this.#frames.length > 0) this.#step();
    this.#reader.finish();
    const code = { start, end: this.#reader.offset };
    return { code, localCount, heightMax: this.#heightMax, wide: this.#wide };
  }

  #readLocals(): number {
    let total = 0;
    const groups = this.#reader.u32();
    for (let group = 0; group < groups; group++) {
      const offset = this.#reader.offset;
      total += this.#reader.u32();
      checkLimit({ what: "locals", found: total, limit: LIMITS.sandbox.functionLocalCount, offset });
      if (readValueType(this.#reader) === VALUE_TYPE.v128) this.#wide = true;
    }
    return total;
  }

  #step(): void {
    const start = this.#reader.offset;
    const opcode = this.#readOpcode();
    const instruction = INSTRUCTIONS[opcode]!;
    if (opcode >= OP.simdPage) this.#wide = true;
    this.#index = 0;
    this.#carried = 0;
    this.#readImmediate(instruction);
    const callee = this.#calleeOf(opcode);
    if (callee !== undefined) this.#carried = callee.params.length + callee.results.length;
    if (opcode === OP.return) this.#carried = this.#branch(this.#frames.length - 1);
    const { reachable } = this.#frame;
    const nesting = this.#frames.length - 1;
    const site = {
      start,
      end: this.#reader.offset,
      opcode,
      index: this.#index,
      carried: this.#carried,
      nesting,
      reachable,
    };
    this.#visitor.instruction(site);
    this.#move(instruction.pops, instruction.pushes);
    if (callee !== undefined) this.#move(callee.params.length, callee.results.length);
    this.#control(opcode);
  }

  #calleeOf(opcode: number): FunctionType | undefined {
    const offset = this.#reader.offset;
    if (opcode === OP.callIndirect) return this.#typeAt(this.#index, offset);
    if (opcode === OP.call) return this.#typeAt(this.#shape.functionTypes[this.#index] ?? -1, offset);
    return undefined;
  }

  #readOpcode(): number {
    const offset = this.#reader.offset;
    const first = this.#reader.u8();
    const page = first === 0xfc ? 0x100 : first === 0xfd ? OP.simdPage : 0;
    const sub = page > 0 || first === 0xfb || first === 0xfe ? this.#reader.u32() : 0;
    const opcode = page === 0 ? first : page + sub;
    if (sub > 0xff || first === 0xfb || first === 0xfe || INSTRUCTIONS[opcode] === undefined) {
      throw refuseFeature(featureOf(first, sub), offset);
    }
    return opcode;
  }

  #readImmediate({ immediate }: Instruction): void {
    const reader = this.#reader;
    switch (immediate) {
      case "none":
        return;
      case "block":
        this.#blockType = this.#readBlockType();
        return;
      case "label":
        this.#index = reader.u32();
        this.#carried = this.#branch(this.#index);
        return;
      case "labels":
        return this.#readLabels();
      case "function":
        this.#index = reader.u32();
        return;
      case "indirect":
        this.#index = reader.u32();
        return readZeroIndex(reader);
      case "local":
      case "global":
      case "data":
      case "element":
        this.#index = reader.u32();
        return;
      case "types":
        for (let count = reader.u32(); count > 0; count--) readValueType(reader);
        return;
      case "heap-type":
        return readReferenceType(reader);
      case "memarg":
        return this.#readMemarg();
      case "memarg-lane":
        this.#readMemarg();
        reader.skip(1);
        return;
      case "memory":
      case "table":
        return readZeroIndex(reader);
      case "memory-memory":
      case "table-table":
        readZeroIndex(reader);
        return readZeroIndex(reader);
      case "data-memory":
      case "element-table":
        this.#index = reader.u32();
        return readZeroIndex(reader);
      case "i32":
        return reader.skipLeb(5);
      case "i64":
        return reader.skipLeb(10);
      case "bytes-4":
        return reader.skip(4);
      case "bytes-8":
        return reader.skip(8);
      case "bytes-16":
        return reader.skip(16);
      case "lane":
        return reader.skip(1);
    }
  }

  #readMemarg(): void {
    const offset = this.#reader.offset;
    // Bit 6 of the alignment says that a memory index follows.
    if (this.#reader.u32() >= 0x40) throw refuseFeature("multi-memory", offset);
    this.#reader.u32();
  }

  #readBlockType(): FunctionType {
    const offset = this.#reader.offset;
    const encoded = this.#reader.s33();
    if (encoded >= 0) return this.#typeAt(encoded, offset);
    const byte = encoded + 0x80;
    if (byte === 0x40) return { params: NO_VALUES, results: NO_VALUES };
    if (!isValueType(byte)) checkValueType(byte, offset);
    return { params: NO_VALUES, results: [byte] };
  }

  #readLabels(): void {
    const offset = this.#reader.offset;
    const count = this.#reader.u32();
    checkLimit({ what: "branch table labels", found: count, limit: LIMITS.sandbox.branchTableLength, offset });
    for (let label = 0; label <= count; label++) this.#carried = this.#branch(this.#reader.u32());
  }

  /** The innermost block. */
  get #frame(): Frame {
    return this.#frames[this.#frames.length - 1]!;
  }

  /** Marks the target of a branch; returns how many values the branch carries. */
  #branch(label: number): number {
    const target = this.#frames[this.#frames.length - 1 - label];
    if (target === undefined) throw this.#invalid("a branch leaves its function");
    if (this.#frame.reachable) target.targeted = true;
    return (target.opcode === OP.loop ? target.type.params : target.type.results).length;
  }

  /** Pops and pushes; below an unconditional branch the stack gives whatever is asked of it. */
  #move(pops: number, pushes: number): void {
    this.#height = Math.max(this.#frame.base, this.#height - pops) + pushes;
    if (this.#height > this.#heightMax) this.#heightMax = this.#height;
  }

  /** What an instruction does to the blocks around it. */
  #control(opcode: number): void {
    switch (opcode) {
      case OP.block:
      case OP.loop:
      case OP.if:
        return this.#enter(opcode);
      case OP.else:
        return this.#otherwise();
      case OP.end:
        return this.#leave();
      case OP.brIf:
        if (this.#frame.reachable) this.#visitor.blockStart(this.#reader.offset, false);
        return;
      case OP.br:
      case OP.brTable:
      case OP.return:
      case OP.unreachable: {
        const frame = this.#frame;
        frame.reachable = false;
        this.#height = frame.base;
        return;
      }
    }
  }

  #enter(opcode: number): void {
    const outer = this.#frame;
    const type = this.#blockType;
    const base = Math.max(outer.base, this.#height - type.params.length);
    const { reachable } = outer;
    this.#frames.push({ opcode, type, base, entered: reachable, reachable, targeted: false });
    this.#height = base;
    this.#move(0, type.params.length);
    const offset = this.#reader.offset;
    const { blockDepth, loopDepth } = LIMITS.sandbox;
    checkLimit({ what: "nested blocks", found: this.#frames.length - 1, limit: blockDepth, offset });
    if (opcode === OP.loop) checkLimit({ what: "nested loops", found: ++this.#loopDepth, limit: loopDepth, offset });
    if (opcode !== OP.block && reachable) this.#visitor.blockStart(offset, opcode === OP.loop);
  }

  #otherwise(): void {
    const frame = this.#frame;
    if (frame.opcode !== OP.if) throw this.#invalid("an else has no if");
    // The first arm falls through to the end, which is then reached by more than one way.
    if (frame.reachable) frame.targeted = true;
    this.#frames[this.#frames.length - 1] = { ...frame, opcode: OP.else, reachable: frame.entered };
    this.#height = frame.base;
    this.#move(0, frame.type.params.length);
    if (frame.entered) this.#visitor.blockStart(this.#reader.offset, false);
  }

  #leave(): void {
    const frame = this.#frames.pop()!;
    const outer = this.#frames.at(-1);
    if (frame.opcode === OP.loop) this.#loopDepth--;
    this.#height = frame.base;
    if (outer === undefined) return;
    const skipped = frame.opcode === OP.if && frame.entered;
    const joined = frame.opcode !== OP.loop && (frame.targeted || skipped);
    outer.reachable = frame.reachable || joined;
    this.#move(0, frame.type.results.length);
    // A loop's end, or a block's that nobody jumps to, continues the basic block before it. The end
    // of a second arm never does: its code is charged where the arm starts.
    const arm = frame.opcode === OP.if || frame.opcode === OP.else;
    if (outer.reachable && (joined || arm)) this.#visitor.blockStart(this.#reader.offset, false);
  }

  #typeAt(index: number, offset: number): FunctionType {
    const type = this.#shape.types[index];
    if (type !== undefined) return type;
    throw refusal("TWIN_MODULE_INVALID", { rule: "type-index", offset, reason: "it names a type that does not exist" });
  }

  #invalid(reason: string): TwinError {
    const { offset } = this.#reader;
    return refusal("TWIN_MODULE_INVALID", { rule: "structure", offset, reason: `${reason}; build the module again` });
  }
}
