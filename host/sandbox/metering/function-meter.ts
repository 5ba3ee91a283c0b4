// Writes one function body anew: each stretch pays where it starts, functions and loops look
// whether they could pay, calls hand the account on. All else is copied byte for byte.

import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import { type FunctionType, type Span, VALUE_TYPE } from "../wasm/module-shape.ts";
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

/** Writes the body that takes the place of the one of `notes`. */
export function meterBody(writer: ByteWriter, notes: BodyNotes, entry: EntryPlan, plan: MeterPlan): void {
  const { facts, map, span, type } = notes;
  const { account } = entry;
  const paramCount = type.params.length;
  const locals = { fuel: paramCount, depth: paramCount + 1, index: paramCount + ACCOUNT_SIZE + facts.localCount };
  const declared = plan.notes.code.subarray(span.start, facts.code.start);
  writeLocals(writer, declared, {
    unused: facts.localCount > 0 ? ACCOUNT_SIZE - ACCOUNT_PARAMS[account] : 0,
    indirect: notes.indirect,
  });
  const fuel = map.entry.fuel - entry.paid;
  meterCode.writeEntry(writer, plan, { fuel, checked: entry.checked, weight: notes.weight }, locals);
  // Branches that leave the function carry its own results only: they end here.
  const caught = map.left && account !== "none";
  if (caught) writer.u8(OP.block).signed(plan.blockType(type));
  writeCode(writer, { notes, plan, locals, account });
  if (caught) writer.u8(OP.end);
  if (account !== "none") writer.u8(OP.localGet).u32(locals.fuel);
  writer.u8(OP.end);
}

/** What the writing of one body needs. */
interface Writing {
  readonly notes: BodyNotes;
  readonly plan: MeterPlan;
  readonly locals: meterCode.MeterLocals;
  readonly account: Account;
}

/** Original code and our changes, without the last `end`. */
function writeCode(writer: ByteWriter, writing: Writing): void {
  const { notes, plan, locals } = writing;
  const { stretches } = notes.map;
  const end = notes.facts.code.end - 1;
  let copied = notes.facts.code.start;
  let next = 1;
  const copy = (until: number): void => {
    writer.part(plan.notes.code, copied, until);
    copied = until;
  };
  const pay = (until: number): void => {
    for (; next < stretches.length && stretches[next]!.at <= until; next++) {
      const stretch = stretches[next]!;
      if (stretch.fuel === 0 && !stretch.checked) continue;
      copy(stretch.at);
      meterCode.writeCharge(writer, plan, stretch, locals);
    }
  };
  const { edits } = plan.notes;
  for (let at = notes.edits.start; at < notes.edits.end; at++) {
    const edit = { start: edits.start[at]!, end: edits.end[at]!, opcode: edits.opcode[at]!, index: edits.index[at]! };
    pay(edit.start);
    copy(edit.start);
    copied = edit.end;
    writeEdit(writer, edit, writing);
  }
  pay(end);
  copy(end);
}

interface Edit extends Span {
  readonly opcode: number;
  readonly index: number;
}

function writeEdit(writer: ByteWriter, edit: Edit, { plan, locals, account }: Writing): void {
  const { opcode, index, start, end } = edit;
  switch (opcode) {
    case OP.localGet:
    case OP.localSet:
    case OP.localTee:
      writer.u8(opcode).u32(index + ACCOUNT_SIZE);
      return;
    case OP.refFunc:
      writer.u8(opcode).u32(plan.functionIndex(index));
      return;
    case OP.call:
      meterCode.writeCall(writer, plan.functionIndex(index), plan.accountOf(index), locals);
      return;
    case OP.callIndirect:
      meterCode.writeIndirectCall(writer, plan.meteredType(index), locals);
      return;
    case OP.return:
      if (account !== "none") writer.u8(OP.localGet).u32(locals.fuel);
      writer.u8(OP.return);
      return;
    default:
      meterCode.writeLengthCharge(writer, plan, lengthCharge(opcode, plan), locals);
      writer.part(plan.notes.code, start, end);
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

/** What we declare of locals. */
interface OwnLocals {
  /** Places of the account that are no parameters: they come first, so that the original locals are where they always are. */
  readonly unused: number;
  /** Whether a table index is kept, behind all others. */
  readonly indirect: boolean;
}

/** The original local declarations with ours around them. */
function writeLocals(writer: ByteWriter, original: Uint8Array, { unused, indirect }: OwnLocals): void {
  // The group count is the first number; the groups themselves are copied as they are.
  let size = 0;
  let count = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = original[size++]!;
    count += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  writer.u32(count + Number(unused > 0) + Number(indirect));
  if (unused > 0) writer.u8(unused, VALUE_TYPE.i64);
  writer.raw(original.subarray(size));
  if (indirect) writer.u8(1, VALUE_TYPE.i32);
}
