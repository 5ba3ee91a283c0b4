// Reads one function body instruction by instruction: the allow-list, the limits of nesting, the
// height of the operand stack and where control can come by structure. What to make of them is the
// business of the visitor. WebAssembly core 2.0, sections 3.3 and 5.4.

import { LIMITS } from "../../base/limits.ts";
import type { TwinError } from "../../base/errors.ts";
import { checkLimit, refuseFeature, refusal } from "../refusal.ts";
import { ByteReader } from "./byte-reader.ts";
import { INSTRUCTIONS, OP, featureOf, type Immediate } from "./instruction-set.ts";
import { type FunctionType, type ModuleShape, type Span, VALUE_TYPE } from "./module-shape.ts";
import { readZeroIndex } from "./segment-reader.ts";
import { checkValueType, isValueType, readReferenceType, readValueType } from "./value-type.ts";

/** One instruction as it stands in a body. */
export interface Site extends Readonly<Span> {
  /** As in `INSTRUCTIONS`: prefixed opcodes by page and sub-opcode. */
  readonly opcode: number;
  /** Label depth, function, type, local or global index: the first index of the immediate, else 0. */
  readonly index: number;
  /** Values that a call or branch carries: parameters and results, or the label's operands. */
  readonly carried: number;
  /** Whether control can come here at all, by structure alone. */
  readonly reachable: boolean;
}

/**
 * Receives what a body consists of, in order. A block is opened and closed behind the instructions
 * that do so; branches come before the instruction that makes them.
 */
export interface BodyVisitor {
  /** An instruction was read that is none of the {@link BodyVisitor.plain} ones. `site` is valid only during the call. */
  instruction(site: Site): void;
  /** One was read that only computes, loads, stores or moves a value, where control can come. */
  plain(opcode: number): void;
  /** The local `index` is named by the instruction from `start` to `end` (exclusive), which is a plain one otherwise. */
  local(opcode: number, index: number, start: number, end: number): void;
  /** A branch leads from here to the end (a loop: the head) of the block `label`, counted from the innermost. */
  branch(label: number, site: Site): void;
  /** A block was opened by the instruction `opcode`; its code starts at `offset`. */
  open(opcode: number, offset: number, reachable: boolean): void;
  /** The second arm of the innermost block, an `if`, starts at `offset`; `falls` says whether control can come to the end of the first. */
  otherwise(offset: number, reachable: boolean, falls: boolean): void;
  /**
   * The innermost block was closed. What follows it starts at `offset`; `reachable` says whether control
   * can come there, and `falls` whether it can from the instruction before the block's end.
   */
  close(offset: number, reachable: boolean, falls: boolean): void;
}

/** What a whole body amounts to. */
export interface BodyFacts {
  /** First instruction. */
  readonly codeStart: number;
  /** Declared locals, without parameters. */
  readonly localCount: number;
  /** Highest operand stack, in values. */
  readonly heightMax: number;
  /** Whether 16-byte values may lie on the stack. */
  readonly wide: boolean;
}

/** A block while it is read. */
interface Frame {
  opcode: number;
  type: FunctionType;
  /** Operands below the block's own. */
  base: number;
  /** Whether control could come to its start. */
  entered: boolean;
  /** Whether control can come to the current place in it. */
  reachable: boolean;
  /** Whether control comes to its end other than from the place before it. */
  joined: boolean;
}

const NO_VALUES: readonly number[] = [];
const NO_TYPE: FunctionType = { params: NO_VALUES, results: NO_VALUES };
const RESULT_TYPES = new Map<number, FunctionType>(
  Object.values(VALUE_TYPE).map((type) => [type, { params: NO_VALUES, results: [type] }]),
);

/** `INSTRUCTIONS` by columns: this table is asked for every instruction of every module. */
const IMMEDIATES: readonly Immediate[] = INSTRUCTIONS.map((instruction) => instruction?.immediate ?? "none");
const ALLOWED = Uint8Array.from(INSTRUCTIONS, (instruction) => Number(instruction !== undefined));
/** Whether it is plain: no control, call, reference of a function or work by length. */
const PLAIN = Uint8Array.from(INSTRUCTIONS, (_, opcode) => {
  if (opcode >= 0x100) return Number(opcode < OP.memoryInit || opcode >= OP.simdPage);
  return Number(opcode >= 0x1a && opcode !== OP.memoryGrow && opcode !== OP.refFunc);
});
/** How the frequent instructions with one byte of opcode are read; 0 for all others, also those that are not allowed. */
const SHORT = { none: 1, local: 2, i32: 3, memarg: 4 } as const;
const SHORT_CUT = Uint8Array.from({ length: 0x100 }, (_, opcode) => {
  if (opcode >= OP.localGet && opcode <= OP.localTee) return SHORT.local;
  const immediate = IMMEDIATES[opcode]!;
  const short = immediate === "none" || immediate === "i32" || immediate === "memarg" ? SHORT[immediate] : 0;
  return ALLOWED[opcode] === 1 && PLAIN[opcode] === 1 ? short : 0;
});
const POPS = Uint8Array.from(INSTRUCTIONS, (instruction) => instruction?.pops ?? 0);
const PUSHES = Uint8Array.from(INSTRUCTIONS, (instruction) => instruction?.pushes ?? 0);

/** Reads the bodies of one module, one after the other, and tells its visitor what it finds. */
export class BodyReader {
  readonly #shape: ModuleShape;
  readonly #visitor: BodyVisitor;
  readonly #reader: ByteReader;
  readonly #site = { start: 0, end: 0, opcode: 0, index: 0, carried: 0, reachable: true };
  /** Blocks around the current place, from the body itself to the innermost; kept for the next body. */
  readonly #frames: Frame[] = [newFrame()];
  /** Place of the innermost block. */
  #depth = 0;
  /** The innermost block. */
  #frame = this.#frames[0]!;
  #height = 0;
  #heightMax = 0;
  #loopDepth = 0;
  #wide = false;
  #blockType = NO_TYPE;

  constructor(shape: ModuleShape, visitor: BodyVisitor) {
    this.#shape = shape;
    this.#visitor = visitor;
    this.#reader = new ByteReader(shape.bytes);
  }

  /** Reads the body of a function of `type` at `span`. */
  read(type: FunctionType, { start, end }: Span): BodyFacts {
    const reader = this.#reader;
    reader.offset = start;
    reader.end = end;
    this.#height = 0;
    this.#heightMax = 0;
    this.#loopDepth = 0;
    this.#wide = type.params.includes(VALUE_TYPE.v128);
    this.#depth = -1;
    this.#push(OP.block, { params: NO_VALUES, results: type.results }, true);
    const localCount = this.#readLocals();
    const codeStart = reader.offset;
    while (this.#depth >= 0) {
      this.#runStraight();
      this.#step();
    }
    reader.finish();
    return { codeStart, localCount, heightMax: this.#heightMax, wide: this.#wide };
  }

  #push(opcode: number, type: FunctionType, reachable: boolean): void {
    this.#depth += 1;
    let frame = this.#frames[this.#depth];
    if (frame === undefined) this.#frames.push((frame = newFrame()));
    frame.opcode = opcode;
    frame.type = type;
    frame.base = this.#height;
    frame.entered = reachable;
    frame.reachable = reachable;
    frame.joined = false;
    this.#frame = frame;
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

  /**
   * Reads the frequent instructions, with numbers of one byte, up to the next other one. Nearly all of
   * a body is of this kind, so it is read with what is needed in local variables.
   */
  #runStraight(): void {
    const [reader, visitor] = [this.#reader, this.#visitor];
    const { bytes, end } = reader;
    const { base, reachable } = this.#frame;
    let { offset } = reader;
    let height = this.#height;
    let heightMax = this.#heightMax;
    // The longest has three bytes: none is read behind the body's end.
    while (end - offset >= 3) {
      const opcode = bytes[offset]!;
      const size = shortSize(SHORT_CUT[opcode]!, bytes[offset + 1]!, bytes[offset + 2]!);
      if (size === 0) break;
      if (SHORT_CUT[opcode] === SHORT.local) visitor.local(opcode, bytes[offset + 1]!, offset, offset + size);
      if (reachable) visitor.plain(opcode);
      offset += size;
      const rest = height - POPS[opcode]!;
      height = (rest < base ? base : rest) + PUSHES[opcode]!;
      if (height > heightMax) heightMax = height;
    }
    reader.offset = offset;
    this.#height = height;
    this.#heightMax = heightMax;
  }

  /** Reads one instruction of any kind. */
  #step(): void {
    const site = this.#site;
    site.start = this.#reader.offset;
    const opcode = this.#readOpcode();
    site.reachable = this.#frame.reachable;
    if (PLAIN[opcode] === 1) return this.#stepPlain(opcode);
    site.opcode = opcode;
    site.index = 0;
    site.carried = 0;
    this.#readImmediate(IMMEDIATES[opcode]!);
    site.end = this.#reader.offset;
    const callee = opcode === OP.call || opcode === OP.callIndirect ? this.#calleeOf(opcode) : undefined;
    if (callee !== undefined) site.carried = callee.params.length + callee.results.length;
    else if (opcode === OP.return) site.carried = this.#frames[0]!.type.results.length;
    this.#visitor.instruction(site);
    this.#move(POPS[opcode]!, PUSHES[opcode]!);
    if (callee !== undefined) this.#move(callee.params.length, callee.results.length);
    if (opcode <= OP.return) this.#control(opcode);
  }

  #stepPlain(opcode: number): void {
    if (opcode >= OP.simdPage) this.#wide = true;
    const immediate = IMMEDIATES[opcode]!;
    if (immediate !== "none") this.#readImmediate(immediate);
    if (immediate === "local") {
      const { index, start } = this.#site;
      this.#visitor.local(opcode, index, start, this.#reader.offset);
    }
    if (this.#site.reachable) this.#visitor.plain(opcode);
    this.#move(POPS[opcode]!, PUSHES[opcode]!);
  }

  #calleeOf(opcode: number): FunctionType {
    const offset = this.#reader.offset;
    const { index } = this.#site;
    return this.#typeAt(opcode === OP.callIndirect ? index : (this.#shape.functionTypes[index] ?? -1), offset);
  }

  #readOpcode(): number {
    const reader = this.#reader;
    const first = reader.u8();
    if (first < 0xfb) {
      if (ALLOWED[first] !== 1) throw refuseFeature(featureOf(first, 0), reader.offset - 1);
      return first;
    }
    const offset = reader.offset - 1;
    const sub = reader.u32();
    const opcode = (first === 0xfc ? 0x100 : OP.simdPage) + sub;
    if ((first !== 0xfc && first !== 0xfd) || sub > 0xff || INSTRUCTIONS[opcode] === undefined) {
      throw refuseFeature(featureOf(first, sub), offset);
    }
    return opcode;
  }

  #readImmediate(immediate: Immediate): void {
    const reader = this.#reader;
    switch (immediate) {
      case "none":
        return;
      case "local":
      case "global":
      case "function":
      case "data":
      case "element":
        this.#site.index = reader.u32();
        return;
      case "i32":
        return reader.skipLeb(5);
      case "memarg":
        return this.#readMemarg();
      case "block":
        this.#blockType = this.#readBlockType();
        return;
      case "label":
        this.#site.index = reader.u32();
        this.#site.carried = this.#branch(this.#site.index);
        return;
      case "labels":
        return this.#readLabels();
      case "i64":
        return reader.skipLeb(10);
      case "indirect":
        this.#site.index = reader.u32();
        return readZeroIndex(reader);
      case "types":
        for (let count = reader.u32(); count > 0; count--) readValueType(reader);
        return;
      case "heap-type":
        return readReferenceType(reader);
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
        this.#site.index = reader.u32();
        return readZeroIndex(reader);
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
    // Bit 6 of the alignment says that a memory index follows.
    if (this.#reader.u32() >= 0x40) throw refuseFeature("multi-memory", this.#site.start);
    this.#reader.u32();
  }

  #readBlockType(): FunctionType {
    const offset = this.#reader.offset;
    const encoded = this.#reader.s33();
    if (encoded >= 0) return this.#typeAt(encoded, offset);
    const byte = encoded + 0x80;
    if (byte === 0x40) return NO_TYPE;
    if (!isValueType(byte)) checkValueType(byte, offset);
    return RESULT_TYPES.get(byte)!;
  }

  #readLabels(): void {
    const offset = this.#reader.offset;
    const count = this.#reader.u32();
    checkLimit({ what: "branch table labels", found: count, limit: LIMITS.sandbox.branchTableLength, offset });
    for (let label = 0; label <= count; label++) this.#site.carried = this.#branch(this.#reader.u32());
  }

  /** Notes a branch; returns how many values it carries. */
  #branch(label: number): number {
    const target = this.#frames[this.#depth - label];
    if (target === undefined) throw this.#invalid("a branch leaves its function");
    if (this.#site.reachable) target.joined = true;
    this.#visitor.branch(label, this.#site);
    return (target.opcode === OP.loop ? target.type.params : target.type.results).length;
  }

  /** Pops and pushes; below an unconditional branch the stack gives whatever is asked of it. */
  #move(pops: number, pushes: number): void {
    const { base } = this.#frame;
    const rest = this.#height - pops;
    const height = (rest < base ? base : rest) + pushes;
    this.#height = height;
    if (height > this.#heightMax) this.#heightMax = height;
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
      case OP.br:
      case OP.brTable:
      case OP.return:
      case OP.unreachable:
        this.#frame.reachable = false;
        this.#height = this.#frame.base;
    }
  }

  #enter(opcode: number): void {
    const { base, reachable } = this.#frame;
    const type = this.#blockType;
    this.#height = Math.max(base, this.#height - type.params.length);
    this.#push(opcode, type, reachable);
    this.#move(0, type.params.length);
    const offset = this.#reader.offset;
    const { blockDepth, loopDepth } = LIMITS.sandbox;
    checkLimit({ what: "nested blocks", found: this.#depth, limit: blockDepth, offset });
    if (opcode === OP.loop) checkLimit({ what: "nested loops", found: ++this.#loopDepth, limit: loopDepth, offset });
    this.#visitor.open(opcode, offset, reachable);
  }

  #otherwise(): void {
    const frame = this.#frame;
    if (frame.opcode !== OP.if) throw this.#invalid("an else has no if");
    frame.opcode = OP.else;
    const falls = frame.reachable;
    // The first arm goes on behind the second.
    if (falls) frame.joined = true;
    frame.reachable = frame.entered;
    this.#height = frame.base;
    this.#move(0, frame.type.params.length);
    this.#visitor.otherwise(this.#reader.offset, frame.entered, falls);
  }

  #leave(): void {
    const frame = this.#frame;
    this.#depth -= 1;
    if (frame.opcode === OP.loop) this.#loopDepth--;
    this.#height = frame.base;
    if (this.#depth < 0) return;
    const outer = this.#frames[this.#depth]!;
    this.#frame = outer;
    // An `if` without `else` is passed over when its test fails.
    const passed = frame.joined ? frame.opcode !== OP.loop : frame.opcode === OP.if && frame.entered;
    outer.reachable = frame.reachable || passed;
    this.#move(0, frame.type.results.length);
    this.#visitor.close(this.#reader.offset, outer.reachable, frame.reachable);
  }

  #typeAt(index: number, offset: number): FunctionType {
    const type = this.#shape.types[index];
    if (type !== undefined) return type;
    throw this.#invalid("it names a type that does not exist", { rule: "type-index", offset });
  }

  #invalid(reason: string, at = { rule: "structure", offset: this.#reader.offset }): TwinError {
    return refusal("TWIN_MODULE_INVALID", { ...at, reason: `${reason}; build the module again` });
  }
}

/** Bytes of an instruction of the kind `short`, when the numbers behind its opcode are as small as can be; 0 when not. */
function shortSize(short: number, first: number, second: number): number {
  switch (short) {
    case SHORT.none:
      return 1;
    case SHORT.local:
    case SHORT.i32:
      return first < 0x80 ? 2 : 0;
    case SHORT.memarg:
      // From 0x40 the alignment says that a memory index follows.
      return first < 0x40 && second < 0x80 ? 3 : 0;
    default:
      return 0;
  }
}

function newFrame(): Frame {
  return { opcode: OP.block, type: NO_TYPE, base: 0, entered: true, reachable: true, joined: false };
}
