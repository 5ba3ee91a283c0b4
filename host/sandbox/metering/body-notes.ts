// Reads the bodies of a module and notes what metering must know of them: what their stretches cost,
// whom they call, and which instructions are to be written otherwise.

import { BodyReader, type BodyVisitor, type Site } from "../wasm/body-reader.ts";
import { INSTRUCTIONS, OP } from "../wasm/instruction-set.ts";
import type { FunctionType, ModuleShape, Span } from "../wasm/module-shape.ts";
import { ENTRY_FUEL, INSTRUCTION_FUEL, LOCALS_PER_FUEL } from "./cost-table.ts";
import { StretchMap } from "./stretches.ts";

/** How many values of ours every function has behind its parameters: its account, as parameters or as locals. */
export const ACCOUNT_SIZE = 2;

/** Values of frame that weigh one: 8 bytes each, so that one weight is at most about 65 bytes of stack with our own spills. */
const VALUES_PER_WEIGHT = 8;
/** Of a call where control cannot come. */
export const NO_STRETCH = -1;

/** 1 for instructions that pay by length, by opcode. */
const BY_LENGTH = Uint8Array.from(INSTRUCTIONS, (instruction) => {
  return Number(/^(memory|table)\.(grow|fill|copy|init)$/u.test(instruction?.name ?? ""));
});

/** What was found in one body. Spans are ranges of the columns in {@link ModuleNotes}. */
export interface BodyNotes {
  readonly type: FunctionType;
  /** Local declarations and code in the original. */
  readonly span: Span;
  /** First instruction. */
  readonly codeStart: number;
  /** Declared locals, without parameters. */
  readonly localCount: number;
  /** The first of these is where the body starts. */
  readonly stretches: Span;
  readonly joins: Span;
  readonly edits: Span;
  readonly calls: Span;
  /** Of its frame. Parameters count twice, as they are passed and kept. */
  readonly weight: number;
  /** Whether it calls through the table. */
  readonly indirect: boolean;
  /** Whether it pays by length. */
  readonly byLength: boolean;
  /** Whether a branch, other than `return`, leads out of it. */
  readonly left: boolean;
}

/** The notes on all bodies of a module, in columns. */
export class ModuleNotes implements BodyVisitor {
  /** A copy of the module, in which locals move up by {@link ACCOUNT_SIZE} where there is room for it. */
  readonly code: Uint8Array;
  /** Functions that the table may hold: by the module's own segments, or because some body takes references of them. */
  readonly taken: Set<number>;
  readonly map = new StretchMap();
  /** Original instructions that become others, or get something of ours before them, in order. */
  readonly editStart: number[] = [];
  readonly editEnd: number[] = [];
  readonly editOpcode: number[] = [];
  /** The first index of the immediate. */
  readonly editIndex: number[] = [];
  /** Calls of functions by their original index, and the stretch that each belongs to. */
  readonly callee: number[] = [];
  readonly callStretch: number[] = [];
  readonly #reader: BodyReader;
  #paramCount = 0;
  #indirect = false;
  #byLength = false;
  /** Of plain instructions since the last other one. */
  #plainFuel = 0;

  constructor(shape: ModuleShape) {
    this.code = shape.bytes.slice();
    this.taken = new Set(shape.mentions.map(({ functionIndex }) => functionIndex));
    this.#reader = new BodyReader(shape, this);
  }

  /** Reads the body of a function of `type` at `span`. To be called for all bodies in their order. */
  read(type: FunctionType, span: Span): BodyNotes {
    const { map } = this;
    const [joinStart, editStart, callStart] = [map.joinCount, this.editStart.length, this.callee.length];
    this.#paramCount = type.params.length;
    this.#indirect = false;
    this.#byLength = false;
    const entry = map.enter(span.start);
    const { codeStart, localCount, heightMax, wide } = this.#reader.read(type, span);
    map.fuel[entry]! += ENTRY_FUEL + Math.ceil(localCount / LOCALS_PER_FUEL);
    map.settle(joinStart, map.joinCount);
    const valueCount = 2 * type.params.length + localCount + heightMax;
    return {
      type,
      span,
      codeStart,
      localCount,
      stretches: { start: entry, end: map.count },
      joins: { start: joinStart, end: map.joinCount },
      edits: { start: editStart, end: this.editStart.length },
      calls: { start: callStart, end: this.callee.length },
      weight: 1 + Math.ceil((wide ? 2 * valueCount : valueCount) / VALUES_PER_WEIGHT),
      indirect: this.#indirect,
      byLength: this.#byLength,
      left: map.left,
    };
  }

  /** Stretches change only with other instructions. */
  #settlePlain(): void {
    const { map } = this;
    map.fuel[map.current]! += this.#plainFuel;
    this.#plainFuel = 0;
  }

  instruction(site: Site): void {
    const { opcode, start, end, index, reachable } = site;
    const { map } = this;
    this.#settlePlain();
    if (reachable) map.fuel[map.current]! += INSTRUCTION_FUEL[opcode]! + site.carried;
    switch (opcode) {
      case OP.brIf:
        if (reachable) map.part(end);
        return;
      case OP.return:
        if (reachable) map.return();
        break;
      case OP.call:
        this.callee.push(index);
        this.callStretch.push(reachable ? map.current : NO_STRETCH);
        break;
      case OP.callIndirect:
        this.#indirect = true;
        break;
      case OP.refFunc:
        this.taken.add(index);
        break;
      default:
        if (BY_LENGTH[opcode] === 0) return;
        this.#byLength = true;
    }
    this.#edit(opcode, index, start, end);
  }

  #edit(opcode: number, index: number, start: number, end: number): void {
    this.editStart.push(start);
    this.editEnd.push(end);
    this.editOpcode.push(opcode);
    this.editIndex.push(index);
  }

  local(opcode: number, index: number, start: number, end: number): void {
    if (index < this.#paramCount) return;
    if (end - start === 2 && index + ACCOUNT_SIZE < 0x80) this.code[start + 1] = index + ACCOUNT_SIZE;
    else this.#edit(opcode, index, start, end);
  }

  plain(opcode: number): void {
    this.#plainFuel += INSTRUCTION_FUEL[opcode]!;
  }

  branch(label: number, { opcode, reachable }: Site): void {
    this.#settlePlain();
    const kind = opcode === OP.br ? "jump" : opcode === OP.brIf ? "test" : "table";
    this.map.branch(label, kind, reachable);
  }

  open(opcode: number, offset: number, reachable: boolean): void {
    this.map.open(opcode, offset, reachable);
  }

  otherwise(offset: number, reachable: boolean, falls: boolean): void {
    this.map.otherwise(offset, reachable, falls);
  }

  close(offset: number, reachable: boolean, falls: boolean): void {
    this.map.close(offset, reachable, falls);
  }
}
