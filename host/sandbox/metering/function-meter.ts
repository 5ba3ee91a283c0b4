// Writes one function body anew: each stretch pays where it starts, functions and loops look
// whether they could pay, calls hand the account on. All else is copied byte for byte.

import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { type FunctionType, VALUE_TYPE } from "../wasm/module-shape.ts";
import { ACCOUNT_SIZE, type BodyNotes, type ModuleNotes } from "./body-notes.ts";
import type { Account, EntryPlan } from "./call-plan.ts";
import { LENGTH_QUARTERS } from "./cost-table.ts";
import * as meterCode from "./meter-code.ts";

/** What the writing of every body of a module shares. */
export interface MeterPlan extends meterCode.MeterIndices {
  readonly notes: ModuleNotes;
  /** Index that stands for a function of the original module: imports have stand-ins. */
  functionIndex(original: number): number;
  /** What a function of the original module gets of its call's account. */
  accountOf(original: number): Account;
  /** Index of the type that also carries the account. */
  meteredType(original: number): number;
  /** Encoding of a block that has no parameters and these results. */
  blockType(type: FunctionType): number;
  /** Pages and elements that memory and table can have at most. */
  readonly pageMax: number;
  readonly elementMax: number;
}

const PAGE_SIZE = 65_536;
/** How much of the account are parameters. */
const ACCOUNT_PARAMS: Readonly<Record<Account, number>> = { both: 2, fuel: 1, none: 0 };

/** Writes the body that takes the place of `body`. */
export function meterBody(writer: ByteWriter, body: BodyNotes, entry: EntryPlan, plan: MeterPlan): void {
  const { code, map } = plan.notes;
  const { account } = entry;
  const paramCount = body.type.params.length;
  const locals = { fuel: paramCount, depth: paramCount + 1, index: paramCount + ACCOUNT_SIZE + body.localCount };
  writeLocals(writer, code, {
    start: body.span.start,
    end: body.codeStart,
    unused: body.localCount > 0 ? ACCOUNT_SIZE - ACCOUNT_PARAMS[account] : 0,
    indirect: body.indirect,
  });
  const fuel = map.fuel[body.stretches.start]! - entry.paid;
  meterCode.writeEntry(writer, plan, { fuel, checked: entry.checked, weight: body.weight }, locals);
  // Branches that leave the function carry its own results only: they end here.
  const caught = body.left && account !== "none";
  if (caught) writer.u8(OP.block).signed(plan.blockType(body.type));
  new CodeWriter(writer, plan, locals, account).write(body);
  if (caught) writer.u8(OP.end);
  if (account !== "none") writer.op(OP.localGet, locals.fuel);
  writer.u8(OP.end);
}

/** Writes the code of one body, with our changes. */
class CodeWriter {
  readonly #writer: ByteWriter;
  readonly #plan: MeterPlan;
  readonly #locals: meterCode.MeterLocals;
  readonly #account: Account;
  /** Up to here the original was copied, or something else written for it. */
  #copied = 0;
  /** Next stretch to pay for. */
  #next = 0;

  constructor(writer: ByteWriter, plan: MeterPlan, locals: meterCode.MeterLocals, account: Account) {
    this.#writer = writer;
    this.#plan = plan;
    this.#locals = locals;
    this.#account = account;
  }

  /** All but the last `end`. */
  write({ span, codeStart, stretches, edits }: BodyNotes): void {
    const { editStart, editEnd } = this.#plan.notes;
    this.#copied = codeStart;
    this.#next = stretches.start + 1;
    for (let edit = edits.start; edit < edits.end; edit++) {
      this.#pay(editStart[edit]!, stretches.end);
      this.#copy(editStart[edit]!);
      this.#copied = editEnd[edit]!;
      this.#edit(edit);
    }
    this.#pay(span.end - 1, stretches.end);
    this.#copy(span.end - 1);
  }

  #copy(until: number): void {
    this.#writer.part(this.#plan.notes.code, this.#copied, until);
    this.#copied = until;
  }

  /** Writes the charges of all stretches that start up to `until`. */
  #pay(until: number, end: number): void {
    const { at, fuel, checked } = this.#plan.notes.map;
    for (; this.#next < end && at[this.#next]! <= until; this.#next++) {
      const due = fuel[this.#next]!;
      const look = checked[this.#next] === 1;
      if (due === 0 && !look) continue;
      this.#copy(at[this.#next]!);
      meterCode.writeCharge(this.#writer, this.#plan, { fuel: due, checked: look }, this.#locals);
    }
  }

  #edit(edit: number): void {
    const [writer, plan, locals] = [this.#writer, this.#plan, this.#locals];
    const { notes } = plan;
    const opcode = notes.editOpcode[edit]!;
    const index = notes.editIndex[edit]!;
    switch (opcode) {
      case OP.localGet:
      case OP.localSet:
      case OP.localTee:
        writer.op(opcode, index + ACCOUNT_SIZE);
        return;
      case OP.refFunc:
        writer.op(opcode, plan.functionIndex(index));
        return;
      case OP.call:
        meterCode.writeCall(writer, plan.functionIndex(index), plan.accountOf(index), locals);
        return;
      case OP.callIndirect:
        meterCode.writeIndirectCall(writer, plan.meteredType(index), locals);
        return;
      case OP.return:
        if (this.#account !== "none") writer.op(OP.localGet, locals.fuel);
        writer.u8(OP.return);
        return;
      default:
        meterCode.writeLengthCharge(writer, plan, lengthCharge(opcode, plan), locals);
        writer.part(notes.code, notes.editStart[edit]!, notes.editEnd[edit]!);
    }
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

/** The local declarations of a body, and what we declare. */
interface Locals {
  /** Where the original ones are in the code. */
  readonly start: number;
  readonly end: number;
  /** Places of the account that are no parameters: they come first, so that the original locals are where they always are. */
  readonly unused: number;
  /** Whether a table index is kept, behind all others. */
  readonly indirect: boolean;
}

/** The original local declarations with ours around them. */
function writeLocals(writer: ByteWriter, code: Uint8Array, { start, end, unused, indirect }: Locals): void {
  // The group count is the first number; the groups themselves are copied as they are.
  let groups = start;
  let count = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = code[groups++]!;
    count += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  writer.u32(count + Number(unused > 0) + Number(indirect));
  if (unused > 0) writer.u8(unused, VALUE_TYPE.i64);
  writer.part(code, groups, end);
  if (indirect) writer.u8(1, VALUE_TYPE.i32);
}
