// Writes schedules of exclusive ors as a WebAssembly module: one function each, without branches but
// its loop, over stripes in an imported memory (WebAssembly core specification 2.0, section 5).

import { utf8Encode } from "../base/bytes.ts";
import type { XorSchedule } from "./xor-schedule.ts";

/** A program and where its shards lie, in bytes from the address it is called with. */
export interface XorProgram {
  readonly schedule: XorSchedule;
  /** Offset of each shard that is read, then of each that is written. */
  readonly inputOffsets: readonly number[];
  readonly outputOffsets: readonly number[];
}

/** The functions of a module: function `i` works on shards of `size` bytes (a multiple of 128) at `address`. */
export type XorRun = (address: number, end: number) => void;

const PLANE_SIZE = 16;

/** "\0asm", version 1. */
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

const I32 = 0x7f;
const V128 = 0x7b;
const OP = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  constant: 0x41,
  less: 0x49,
  add: 0x6a,
};
const VECTOR = 0xfd;
const VECTOR_OP = { load: 0x00, store: 0x0b, xor: 0x51 };
const VOID = 0x40;
const ADDRESS = 0;
const END = 1;

/** A module that exports function "0", "1", .. for each of `programs` ({@link XorRun}), over the memory it imports as "" "memory". */
export function writeXorModule(programs: readonly XorProgram[]): Uint8Array<ArrayBuffer> {
  const bodies = programs.map((program) => sized(functionBody(program)));
  const type = [0x60, ...vector([[I32], [I32]]), 0];
  const memory = [...name(""), ...name("memory"), 0x02, 0x00, 1];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, [type]),
    ...section(2, [memory]),
    ...section(
      3,
      programs.map(() => [0]),
    ),
    ...section(
      7,
      programs.map((_, index) => [...name(String(index)), 0x00, ...unsigned(index)]),
    ),
    ...section(10, bodies),
  ]);
}

function functionBody({ schedule, inputOffsets, outputOffsets }: XorProgram): number[] {
  const { planes, inputCount, steps, outputs } = schedule;
  const code = [...unsigned(1), ...unsigned(inputCount + steps.length), V128, OP.loop, VOID];
  const local = (value: number): number[] => unsigned(2 + value);
  const place = (offsets: readonly number[], plane: number): number =>
    offsets[Math.floor(plane / planes)]! + (plane % planes) * PLANE_SIZE;
  const loaded = new Set<number>();
  const push = (value: number): void => {
    if (value >= inputCount || loaded.has(value)) {
      code.push(OP.get, ...local(value));
      return;
    }
    loaded.add(value);
    const offset = unsigned(place(inputOffsets, value));
    code.push(OP.get, ADDRESS, VECTOR, VECTOR_OP.load, 0, ...offset, OP.tee, ...local(value));
  };
  // An output is stored where its value is made: it leaves its register at once.
  const homes = new Map<number, number[]>();
  for (const [plane, value] of outputs.entries()) homes.set(value, [...(homes.get(value) ?? []), plane]);
  const store = (value: number): void => {
    for (const plane of homes.get(value) ?? []) {
      code.push(OP.get, ADDRESS);
      push(value);
      code.push(VECTOR, VECTOR_OP.store, 0, ...unsigned(place(outputOffsets, plane)));
    }
  };
  for (let value = 0; value < inputCount; value++) store(value);
  for (const [index, [left, right]] of steps.entries()) {
    push(left);
    push(right);
    code.push(VECTOR, ...unsigned(VECTOR_OP.xor), OP.set, ...local(inputCount + index));
    store(inputCount + index);
  }
  const next = [OP.get, ADDRESS, OP.constant, ...signed(planes * PLANE_SIZE), OP.add, OP.tee, ADDRESS];
  code.push(...next, OP.get, END, OP.less, OP.branchIf, 0, OP.end, OP.end);
  return code;
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  return [id, ...sized(vector(items))];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return sized([...utf8Encode(text)]);
}

/** LEB128 of a number from 0 to 2^32 - 1. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** Signed LEB128 of a number from 0 to 2^13 - 1. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, value >>> 7];
}
