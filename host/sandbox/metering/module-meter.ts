// Writes the metered module: the original's sections in order, without custom sections and start
// section, with what is ours appended behind the last index of each kind, so that no index of the
// original changes its meaning and none of its code can name what is ours.

import { LIMITS } from "../../base/limits.ts";
import { ByteReader } from "../wasm/byte-reader.ts";
import { ByteWriter } from "../wasm/byte-writer.ts";
import { OP } from "../wasm/instruction-set.ts";
import {
  type FunctionType,
  type ModuleShape,
  SECTION,
  type Size,
  type Span,
  VALUE_TYPE,
} from "../wasm/module-shape.ts";
import { type BodyNotes, ModuleNotes } from "./body-notes.ts";
import { type Account, type EntryPlan, planCalls } from "./call-plan.ts";
import { meterBody, type MeterPlan } from "./function-meter.ts";
import { exportBody, lengthFunctionBody, paidImportBody } from "./meter-code.ts";

/** What the metered module may have, and what its imports cost. */
export interface MeterSettings {
  readonly pageMax: number;
  readonly elementMax: number;
  /** Price of each import, in their order. */
  readonly importFuel: readonly number[];
}

/** Names of our exports. Admission refuses them in a module of others. */
export const METER_EXPORTS = { fuel: "twin_fuel", depth: "twin_depth", start: "twin_start" } as const;

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] as const;
const FUNCTION_FORM = 0x60;
const EMPTY_BLOCK_TYPE = -0x40;
const MUTABLE = 1;
const DECLARED_SEGMENT = 3;
const FUNCTION_ELEMENTS = 0;
const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;

/** The metered form of the module. The same shape and settings give the same bytes. */
export function meterModule(shape: ModuleShape, settings: MeterSettings): Uint8Array<ArrayBuffer> {
  const plan = makePlan(shape, settings);
  // Types come first, but it is these that add to them.
  const bodies = meterBodies(shape, settings, plan);
  const functions = writeFunctions(shape, plan);
  const copy = (id: number): Uint8Array | undefined => copySection(shape, id);
  return joinSections([
    [SECTION.type, plan.types.write()],
    [SECTION.import, copy(SECTION.import)],
    [SECTION.function, functions],
    [SECTION.table, writeTable(shape.table, settings.elementMax)],
    [SECTION.memory, writeMemory(shape.memory, settings.pageMax)],
    [SECTION.global, writeGlobals(shape, plan)],
    [SECTION.export, writeExports(shape, plan)],
    [SECTION.element, writeElements(shape, plan)],
    [SECTION.dataCount, copy(SECTION.dataCount)],
    [SECTION.code, bodies],
    [SECTION.data, copy(SECTION.data)],
  ]);
}

/** A module of these sections; those that are absent are left out. Each content is copied once. */
function joinSections(
  sections: readonly (readonly [number, ByteWriter | Uint8Array | undefined])[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.from(HEADER)];
  for (const [id, content] of sections) {
    if (content === undefined) continue;
    const bytes = content instanceof ByteWriter ? content.view() : content;
    parts.push(new ByteWriter(6).u8(id).u32(bytes.length).view(), bytes);
  }
  const output = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    output.set(part, offset);
    offset += part.length;
  }
  return output;
}

const { i32, i64 } = VALUE_TYPE;

/** The original types, those that also carry the account, and those of our own code. */
class TypeTable {
  readonly #types: FunctionType[];
  /** Ours, by what they are for. */
  readonly #own = new Map<string, number>();
  readonly lengthFunction: number;

  constructor({ types }: ModuleShape) {
    this.#types = [...types];
    this.lengthFunction = this.#add({ params: [i32, i32, i32, i64], results: [i32, i64] });
  }

  /** The type of a function that was of the type `original` and takes `account`. */
  metered(original: number, account: Account): number {
    if (account === "none") return original;
    const { params, results } = this.#types[original]!;
    const own = account === "both" ? [i64, i64] : [i64];
    return this.#once(`${account} ${original}`, { params: [...params, ...own], results: [...results, i64] });
  }

  /** Encoding of a block without parameters and with the results of `type`. */
  blockType({ results }: FunctionType): number {
    if (results.length === 0) return EMPTY_BLOCK_TYPE;
    if (results.length === 1) return results[0]! - 0x80;
    return this.#once(results.join(), { params: [], results });
  }

  write(): ByteWriter {
    const writer = new ByteWriter().u32(this.#types.length);
    for (const { params, results } of this.#types) {
      writer
        .u8(FUNCTION_FORM)
        .u32(params.length)
        .u8(...params)
        .u32(results.length)
        .u8(...results);
    }
    return writer;
  }

  #once(key: string, type: FunctionType): number {
    let index = this.#own.get(key);
    if (index === undefined) {
      index = this.#add(type);
      this.#own.set(key, index);
    }
    return index;
  }

  #add(type: FunctionType): number {
    return this.#types.push(type) - 1;
  }
}

/** What the module's own parts need to know of each other. */
interface Plan extends MeterPlan {
  readonly types: TypeTable;
  readonly bodies: readonly BodyNotes[];
  /** How each body starts, in the same order. */
  readonly entries: readonly EntryPlan[];
  /** Functions that the host may call, in the order of their passages. */
  readonly entered: readonly number[];
  /** Index of the passage by which the host calls a function of the original module. */
  passage(original: number): number;
}

function makePlan(shape: ModuleShape, { pageMax, elementMax }: MeterSettings): Plan {
  const types = new TypeTable(shape);
  const importCount = shape.imports.length;
  const functionCount = shape.functionTypes.length;
  const lengthFunction = functionCount + importCount;
  const exported = shape.exports.filter(({ kind }) => kind === KIND.function).map(({ index }) => index);
  const notes = new ModuleNotes(shape);
  const bodies = shape.bodies.map((span, index) => {
    return notes.read(shape.types[shape.functionTypes[importCount + index]!]!, span);
  });
  const entries = planCalls(notes, bodies, importCount);
  const entered = [...new Set(shape.start === undefined ? exported : [...exported, shape.start])];
  return {
    types,
    bodies,
    entries,
    entered,
    notes,
    pageMax,
    elementMax,
    fuelGlobal: shape.globals.length,
    depthGlobal: shape.globals.length + 1,
    lengthFunction,
    functionIndex: (original) => (original < importCount ? functionCount + original : original),
    passage: (original) => lengthFunction + 1 + entered.indexOf(original),
    accountOf: (original) => entries[original - importCount]?.account ?? "both",
    meteredType: (original) => types.metered(original, "both"),
    blockType: (type) => types.blockType(type),
  };
}

function meterBodies(shape: ModuleShape, { importFuel }: MeterSettings, plan: Plan): ByteWriter {
  const { bodies, entries, entered } = plan;
  const importCount = shape.imports.length;
  const writer = new ByteWriter(2 * shape.bytes.length + 1_024);
  writer.u32(bodies.length + importCount + 1 + entered.length);
  const body = new ByteWriter(LIMITS.sandbox.functionBodySizeBytes);
  for (const [index, original] of bodies.entries()) {
    meterBody(body.clear(), original, entries[index]!, plan);
    writer.sized(body);
  }
  for (const [functionIndex, { typeIndex }] of shape.imports.entries()) {
    const paramCount = shape.types[typeIndex]!.params.length;
    writer.sized(paidImportBody(plan, { functionIndex, paramCount, fuel: importFuel[functionIndex]! }));
  }
  writer.sized(lengthFunctionBody(plan));
  for (const original of entered) {
    const paramCount = shape.types[shape.functionTypes[original]!]!.params.length;
    const fuel = entries[original - importCount]?.paid ?? 0;
    const passage = { functionIndex: plan.functionIndex(original), paramCount, fuel };
    writer.sized(exportBody(plan, passage, plan.accountOf(original)));
  }
  return writer;
}

function writeFunctions(shape: ModuleShape, plan: Plan): ByteWriter {
  const { types, entered } = plan;
  const importCount = shape.imports.length;
  const metered = shape.functionTypes.map((type, index) => types.metered(type, plan.accountOf(index)));
  const all = [
    ...metered.slice(importCount),
    ...metered.slice(0, importCount),
    types.lengthFunction,
    ...entered.map((original) => shape.functionTypes[original]!),
  ];
  const writer = new ByteWriter().u32(all.length);
  for (const typeIndex of all) writer.u32(typeIndex);
  return writer;
}

function writeTable(table: Size | undefined, elementMax: number): ByteWriter | undefined {
  if (table === undefined) return undefined;
  return writeSize(new ByteWriter().u8(1, VALUE_TYPE.funcref), table, elementMax);
}

function writeMemory(memory: Size | undefined, pageMax: number): ByteWriter | undefined {
  return memory && writeSize(new ByteWriter().u8(1), memory, pageMax);
}

function writeSize(writer: ByteWriter, { min, max }: Size, limit: number): ByteWriter {
  return writer
    .u8(1)
    .u32(min)
    .u32(Math.min(max ?? limit, limit));
}

function writeGlobals(shape: ModuleShape, plan: Plan): ByteWriter {
  const writer = new ByteWriter().u32(shape.globals.length + 2);
  const original = renameFunctions(shape, SECTION.global, plan);
  if (original !== undefined) writer.raw(original.view().subarray(countSize(original.view())));
  writer.u8(VALUE_TYPE.i64, MUTABLE, OP.i64Const, 0, OP.end);
  return writer.u8(VALUE_TYPE.i32, MUTABLE, OP.i32Const, 0, OP.end);
}

/** Functions and memories only: nobody outside needs a guest's tables and globals. */
function writeExports(shape: ModuleShape, plan: Plan): ByteWriter {
  const kept = shape.exports.filter(({ kind }) => kind === KIND.function || kind === KIND.memory);
  const writer = new ByteWriter().u32(kept.length + 2 + (shape.start === undefined ? 0 : 1));
  for (const { name, kind, index } of kept) {
    writer
      .name(name)
      .u8(kind)
      .u32(kind === KIND.function ? plan.passage(index) : index);
  }
  writer.name(METER_EXPORTS.fuel).u8(KIND.global).u32(plan.fuelGlobal);
  writer.name(METER_EXPORTS.depth).u8(KIND.global).u32(plan.depthGlobal);
  if (shape.start === undefined) return writer;
  return writer.name(METER_EXPORTS.start).u8(KIND.function).u32(plan.passage(shape.start));
}

/**
 * The original segments and one more: code may take a reference only of functions that are named
 * outside of it, and exports named those whose passages are exported now.
 */
function writeElements(shape: ModuleShape, plan: Plan): ByteWriter | undefined {
  const original = renameFunctions(shape, SECTION.element, plan)?.view();
  if (plan.entered.length === 0) return original && new ByteWriter().raw(original);
  const count = original === undefined ? 0 : new ByteReader(original).u32();
  const writer = new ByteWriter().u32(count + 1);
  if (original !== undefined) writer.raw(original.subarray(countSize(original)));
  writer.u8(DECLARED_SEGMENT, FUNCTION_ELEMENTS).u32(plan.entered.length);
  for (const index of plan.entered) writer.u32(plan.functionIndex(index));
  return writer;
}

/** A section with the functions that it names under their new indices. */
function renameFunctions(shape: ModuleShape, id: number, plan: Plan): ByteWriter | undefined {
  const span = shape.sections.get(id);
  if (span === undefined) return undefined;
  const writer = new ByteWriter(span.end - span.start + 64);
  let copied = span.start;
  for (const { start, end, functionIndex } of shape.mentions) {
    if (start < span.start || end > span.end) continue;
    writer.raw(shape.bytes.subarray(copied, start)).u32(plan.functionIndex(functionIndex));
    copied = end;
  }
  return writer.raw(shape.bytes.subarray(copied, span.end));
}

function copySection(shape: ModuleShape, id: number): Uint8Array | undefined {
  const span: Span | undefined = shape.sections.get(id);
  return span && shape.bytes.subarray(span.start, span.end);
}

function countSize(section: Uint8Array): number {
  const reader = new ByteReader(section);
  reader.u32();
  return reader.offset;
}
