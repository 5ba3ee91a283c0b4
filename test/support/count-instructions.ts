// A second opinion on fuel: rewrites a module so that it counts each single instruction as it is
// executed. Reads with another parser and takes the prices from the documentation; shares no code
// with the meter. Slow on purpose: simple enough to be believed.

import { readFileSync } from "node:fs";

import {
  BinaryReader,
  OperatorCodeNames,
  type IFunctionInformation,
  type IOperatorInformation,
  type Type,
} from "wasmparser";

/** Export of a counted module: an i64 global with the fuel that was due so far. */
export const COUNT_EXPORT = "oracle_count";

const page = readFileSync(new URL("../../docs/formats/metering.md", import.meta.url), "utf8");
const priceByName = new Map(
  [...page.matchAll(/^\| (\d+) \| (`.+`) \|$/gmu)].flatMap(([, fuel, names]) =>
    [...names!.matchAll(/`([^`]+)`/gu)].map(([, name]) => [name!, Number(fuel)] as const),
  ),
);

/** Names that the parser has otherwise than the standard. */
const ALIASES: Readonly<Record<string, string>> = { i8x16_popcnt: "i8x16.popcnt" };

const CODE_OPERATOR = 30;
const BEGIN_FUNCTION_BODY = 28;
const TYPE_SECTION_ENTRY = 11;
const IMPORT_SECTION_ENTRY = 12;
const FUNCTION_SECTION_ENTRY = 13;
const [BLOCK, LOOP, IF, END, BR, BR_IF, BR_TABLE, RETURN, CALL, CALL_INDIRECT] = [2, 3, 4, 11, 12, 13, 14, 15, 16, 17];
const MEMORY_GROW = 0x40;
const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;

/** How lengths are charged: name of the instruction -> quarters of fuel for each item. */
const LENGTH_QUARTERS: Readonly<Record<string, number>> = {
  "memory.fill": 1,
  "memory.copy": 1,
  "memory.init": 1,
  "memory.grow": 65_536,
  "table.fill": 160,
  "table.copy": 160,
  "table.init": 160,
  "table.grow": 160,
};

interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** What the parser tells of a module. */
interface Facts {
  readonly types: Signature[];
  readonly functionTypes: number[];
  importCount: number;
  readonly bodies: Body[];
}

/** One instruction: the parser's own words, with its code as a plain number. */
interface Operator extends Omit<IOperatorInformation, "code"> {
  readonly code: number;
  readonly end: number;
}

interface Body {
  readonly start: number;
  readonly localCount: number;
  readonly operators: Operator[];
}

/** The module that counts. Imports cost what `importFuel` says, in their order, when they are called directly. */
export function countInstructions(
  bytes: Uint8Array<ArrayBuffer>,
  importFuel: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const facts = readFacts(bytes);
  const counter = countOf(bytes, SECTION.global);
  const lengthFunction = facts.functionTypes.length;
  const lengthType = facts.types.length;
  const output = [...bytes.subarray(0, 8)];
  const content: Record<number, (raw: Uint8Array) => number[]> = {
    [SECTION.type]: (raw) => appended(raw, [0x60, 2, 0x7f, 0x7f, 1, 0x7f]),
    [SECTION.function]: (raw) => appended(raw, leb(lengthType)),
    [SECTION.global]: (raw) => appended(raw, [0x7e, 1, 0x42, 0, 0x0b]),
    [SECTION.export]: (raw) =>
      appended(raw, [COUNT_EXPORT.length, ...new TextEncoder().encode(COUNT_EXPORT), 3, ...leb(counter)]),
    [SECTION.code]: () => {
      const bodies = facts.bodies.map((_, index) =>
        countedBody(bytes, facts, index, { counter, lengthFunction, importFuel }),
      );
      return [
        ...leb(bodies.length + 1),
        ...[...bodies, lengthBody(counter)].flatMap((body) => [...leb(body.length), ...body]),
      ];
    },
  };
  const sections = [...sectionsOf(bytes)];
  if (!sections.some(({ id }) => id === SECTION.global)) {
    const behind = sections.findIndex(({ id }) => id > SECTION.global);
    sections.splice(behind, 0, { id: SECTION.global, raw: Uint8Array.of(0) });
  }
  for (const { id, raw } of sections) {
    const written = content[id]?.(raw) ?? raw;
    output.push(id, ...leb(written.length));
    for (const byte of written) output.push(byte);
  }
  return Uint8Array.from(output);
}

interface Indices {
  readonly counter: number;
  readonly lengthFunction: number;
  readonly importFuel: readonly number[];
}

function countedBody(bytes: Uint8Array, facts: Facts, index: number, at: Indices): number[] {
  const { start, localCount, operators } = facts.bodies[index]!;
  const signature = facts.types[facts.functionTypes[facts.importCount + index]!]!;
  const labels: number[] = [signature.results.length];
  const code: number[] = [...bytes.subarray(localsStart(bytes, facts, index), start)];
  const count = (fuel: number): void => {
    if (fuel > 0) code.push(0x23, ...leb(at.counter), 0x42, ...signedLeb(fuel), 0x7c, 0x24, ...leb(at.counter));
  };
  count(6 + Math.ceil(localCount / 4));
  let copied = start;
  for (const operator of operators) {
    const { code: opcode, end } = operator;
    count(
      priceOf(opcode) +
        carriedBy(operator, facts, labels) +
        (opcode === CALL ? (at.importFuel[operator.funcIndex!] ?? 0) : 0),
    );
    const quarters = opcode < 0x100 && opcode !== MEMORY_GROW ? undefined : LENGTH_QUARTERS[nameOf(opcode)];
    if (quarters !== undefined) code.push(0x41, ...signedLeb(quarters), 0x10, ...leb(at.lengthFunction));
    for (; copied < end; copied++) code.push(bytes[copied]!);
    if (opcode === LOOP) count(3);
    if (opcode === BLOCK || opcode === LOOP || opcode === IF) labels.push(labelArity(operator, facts));
    if (opcode === END) labels.pop();
  }
  return code;
}

/** Values that a call or branch takes along. */
function carriedBy(info: Operator, facts: Facts, labels: readonly number[]): number {
  const arity = (depth: number): number => labels[labels.length - 1 - depth]!;
  const ofType = ({ params, results }: Signature): number => params.length + results.length;
  switch (info.code) {
    case BR:
    case BR_IF:
      return arity(info.brDepth!);
    case BR_TABLE:
      return arity(info.brTable!.at(-1));
    case RETURN:
      return labels[0]!;
    case CALL:
      return ofType(facts.types[facts.functionTypes[info.funcIndex!]!]!);
    case CALL_INDIRECT:
      return ofType(facts.types[info.typeIndex!]!);
    default:
      return 0;
  }
}

/** Values that a branch to the block takes along. */
function labelArity(info: Operator, facts: Facts): number {
  const kind = info.blockType!.kind as number;
  if (kind === -64) return 0;
  if (kind < 0) return info.code === LOOP ? 0 : 1;
  const { params, results } = facts.types[info.blockType!.index]!;
  return (info.code === LOOP ? params : results).length;
}

const priceByCode = new Map<number, number>();

/** The documented price of an instruction without what it carries. */
function priceOf(code: number): number {
  const known = priceByCode.get(code);
  if (known !== undefined) return known;
  const price = priceByName.get(nameOf(code));
  if (price === undefined) throw new Error(`The documentation has no price for "${nameOf(code)}"`);
  priceByCode.set(code, price);
  return price;
}

function nameOf(code: number): string {
  if (code === 0x1c) return "select_t";
  const name = OperatorCodeNames[code]!;
  return (
    ALIASES[name] ??
    name.replace(/^i\d+x\d+\.(load\d+(x\d+_[su]|_splat))$/u, "v128.$1").replace(/^v\d+x\d+\./u, "v128.")
  );
}

/** `(n, quarters) -> n`: counts `n * quarters / 4`, nothing for what can never succeed. */
function lengthBody(counter: number): number[] {
  return [
    0,
    0x20,
    0,
    0x41,
    ...signedLeb(0x2000_0000),
    0x4d,
    0x04,
    0x40,
    0x23,
    ...leb(counter),
    0x20,
    0,
    0xad,
    0x20,
    1,
    0xad,
    0x7e,
    0x42,
    2,
    0x88,
    0x7c,
    0x24,
    ...leb(counter),
    0x0b,
    0x20,
    0,
    0x0b,
  ];
}

function readFacts(bytes: Uint8Array<ArrayBuffer>): Facts {
  const reader = new BinaryReader();
  reader.setData(bytes.slice().buffer, 0, bytes.length);
  const facts: Facts = { types: [], functionTypes: [], importCount: 0, bodies: [] };
  while (reader.read()) readEntry(reader, facts);
  if (reader.error !== null && reader.error !== undefined) throw reader.error;
  return facts;
}

function readEntry(reader: BinaryReader, facts: Facts): void {
  switch (reader.state as number) {
    case TYPE_SECTION_ENTRY: {
      const { params, returns } = reader.result as { params: Type[]; returns: Type[] };
      facts.types.push({ params, results: returns });
      break;
    }
    case IMPORT_SECTION_ENTRY:
      facts.functionTypes.push((reader.result as { funcTypeIndex: number }).funcTypeIndex);
      facts.importCount++;
      break;
    case FUNCTION_SECTION_ENTRY:
      facts.functionTypes.push((reader.result as { typeIndex: number }).typeIndex);
      break;
    case BEGIN_FUNCTION_BODY: {
      const { locals } = reader.result as IFunctionInformation;
      const localCount = locals.reduce((sum, { count }) => sum + count, 0);
      facts.bodies.push({ start: reader.position, localCount, operators: [] });
      break;
    }
    case CODE_OPERATOR: {
      const operator = { ...(reader.result as IOperatorInformation), end: reader.position };
      facts.bodies.at(-1)?.operators.push(operator);
    }
  }
}

/** Where the local declarations of a body start: behind the end of the body before, and the size. */
function localsStart(bytes: Uint8Array, facts: Facts, index: number): number {
  let offset = facts.bodies[index - 1]?.operators.at(-1)?.end;
  if (offset === undefined) {
    const code = [...sectionsOf(bytes)].find(({ id }) => id === SECTION.code)!;
    offset = code.raw.byteOffset - bytes.byteOffset + readLeb(code.raw, 0).size;
  }
  return offset + readLeb(bytes, offset).size;
}

function* sectionsOf(bytes: Uint8Array): Generator<{ id: number; raw: Uint8Array }> {
  for (let offset = 8; offset < bytes.length;) {
    const { value, size } = readLeb(bytes, offset + 1);
    const start = offset + 1 + size;
    if (bytes[offset] !== 0) yield { id: bytes[offset]!, raw: bytes.subarray(start, start + value) };
    offset = start + value;
  }
}

/** Entries of a section. */
function countOf(bytes: Uint8Array, id: number): number {
  const section = [...sectionsOf(bytes)].find((candidate) => candidate.id === id);
  return section === undefined ? 0 : readLeb(section.raw, 0).value;
}

/** A vector with one more entry. */
function appended(raw: Uint8Array, entry: readonly number[]): number[] {
  const { value, size } = readLeb(raw, 0);
  return [...leb(value + 1), ...raw.subarray(size), ...entry];
}

function readLeb(bytes: Uint8Array, offset: number): { value: number; size: number } {
  let value = 0;
  for (let size = 1; ; size++) {
    const byte = bytes[offset + size - 1]!;
    value += (byte & 0x7f) * 2 ** (7 * (size - 1));
    if (byte < 0x80) return { value, size };
  }
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(Math.floor(value / 0x80))];
}

function signedLeb(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signedLeb(Math.floor(value / 0x80))];
}
