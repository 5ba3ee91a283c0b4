// Reads one function body and notes what metering must know of it: what its stretches cost, whom
// it calls, and which instructions are to be written otherwise.

import { type BodyVisitor, type BodyFacts, readBody, type Site } from "../wasm/body-reader.ts";
import { OP } from "../wasm/instruction-set.ts";
import type { FunctionType, ModuleShape, Span } from "../wasm/module-shape.ts";
import { ENTRY_FUEL, INSTRUCTION_FUEL, LOCALS_PER_FUEL } from "./cost-table.ts";
import { type Stretch, StretchMap } from "./stretches.ts";

/** How many values of ours every function has behind its parameters: its account, as parameters or as locals. */
export const ACCOUNT_SIZE = 2;

/** Values of frame that weigh one: 8 bytes each, so that one weight is at most about 65 bytes of stack with our own spills. */
const VALUES_PER_WEIGHT = 8;

/** A call of a function by its index. */
export interface DirectCall {
  /** As in the original module. */
  readonly callee: number;
  /** The stretch that it belongs to; undefined where control cannot come. */
  readonly stretch: Stretch | undefined;
}

/**
 * Original instructions that become others, or get something of ours before them, in order. Columns
 * instead of objects: a module of a megabyte has a hundred thousand.
 */
interface Edits {
  readonly start: number[];
  readonly end: number[];
  readonly opcode: number[];
  /** The first index of the immediate. */
  readonly index: number[];
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

/** What the notes on all bodies of a module share. */
export interface ModuleNotes {
  /** A copy of the module, in which locals move up where there is room for it. */
  readonly code: Uint8Array;
  /** Of all bodies, one after the other. */
  readonly edits: Edits;
  /** Functions of which some body takes references. */
  readonly taken: Set<number>;
}

/** What was found in the body of the function of `type` at `span`. */
export class BodyNotes implements BodyVisitor {
  readonly type: FunctionType;
  readonly span: Span;
  readonly map = new StretchMap(0);
  readonly facts: BodyFacts;
  /** Where its edits are among those of the module: from the first to the last (exclusive). */
  readonly edits: Span;
  readonly calls: DirectCall[] = [];
  /** Of its frame. Parameters count twice, as they are passed and kept. */
  readonly weight: number;
  /** Whether it calls through the table. */
  indirect = false;
  /** Whether it pays by length. */
  byLength = false;
  readonly #module: ModuleNotes;
  readonly #paramCount: number;

  /** Locals behind the parameters move up by {@link ACCOUNT_SIZE}. */
  constructor(shape: ModuleShape, type: FunctionType, span: Span, module: ModuleNotes) {
    this.type = type;
    this.span = span;
    this.#module = module;
    this.#paramCount = type.params.length;
    const start = module.edits.start.length;
    this.facts = readBody(shape, type, span, this);
    this.edits = { start, end: module.edits.start.length };
    const { localCount, heightMax, wide } = this.facts;
    const valueCount = 2 * type.params.length + localCount + heightMax;
    this.weight = 1 + Math.ceil((wide ? 2 * valueCount : valueCount) / VALUES_PER_WEIGHT);
    this.map.entry.fuel += ENTRY_FUEL + Math.ceil(localCount / LOCALS_PER_FUEL);
    this.map.settle();
  }

  instruction(site: Site): void {
    const { opcode, start, end, index, reachable } = site;
    if (reachable) this.map.current.fuel += INSTRUCTION_FUEL[opcode]! + site.carried;
    switch (opcode) {
      case OP.localGet:
      case OP.localSet:
      case OP.localTee:
        if (index < this.#paramCount) return;
        if (end - start !== 2 || index + ACCOUNT_SIZE >= 0x80) break;
        this.#module.code[start + 1] = index + ACCOUNT_SIZE;
        return;
      case OP.brIf:
        if (reachable) this.map.part(end);
        return;
      case OP.return:
        if (reachable) this.map.return();
        break;
      case OP.call:
        this.calls.push({ callee: index, stretch: reachable ? this.map.current : undefined });
        break;
      case OP.callIndirect:
        this.indirect = true;
        break;
      case OP.refFunc:
        this.#module.taken.add(index);
        break;
      default:
        if (!LENGTH_OPCODES.has(opcode)) return;
        this.byLength = true;
    }
    const { edits } = this.#module;
    edits.start.push(start);
    edits.end.push(end);
    edits.opcode.push(opcode);
    edits.index.push(index);
  }

  plain(opcode: number): void {
    this.map.current.fuel += INSTRUCTION_FUEL[opcode]!;
  }

  branch(label: number, { opcode, reachable }: Site): void {
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
