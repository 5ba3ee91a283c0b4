import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { multiply } from "../../../host/kernels/galois-field.ts";
import { writeXorModule } from "../../../host/kernels/xor-module.ts";
import { type XorSchedule, createXorSchedule } from "../../../host/kernels/xor-schedule.ts";

/** What a schedule makes of one symbol for each column. */
function runOnSymbols(schedule: XorSchedule, symbols: readonly number[]): number[] {
  const { planes, steps, outputs } = schedule;
  const values = symbols.flatMap((symbol) => Array.from({ length: planes }, (_, bit) => (symbol >> bit) & 1));
  for (const [left, right] of steps) values.push(values[left]! ^ values[right]!);
  return Array.from({ length: outputs.length / planes }, (_, row) =>
    outputs.slice(row * planes, (row + 1) * planes).reduce((sum, value, bit) => sum | (values[value]! << bit), 0),
  );
}

function product(rows: readonly Uint8Array[], symbols: readonly number[]): number[] {
  return rows.map((row) => symbols.reduce((sum, symbol, column) => sum ^ multiply(row[column]!, symbol), 0));
}

const wide = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.constantFrom(16, 256))
  .chain(([rows, columns, bound]) =>
    fc.record({
      rows: fc.array(fc.uint8Array({ minLength: columns, maxLength: columns, max: bound - 1 }), {
        minLength: rows,
        maxLength: rows,
      }),
      symbols: fc.array(fc.nat(bound - 1), { minLength: columns, maxLength: columns }),
    }),
  )
  .filter(({ rows }) => rows.every((row) => row.some((coefficient) => coefficient !== 0)));

describe("a schedule", () => {
  it("is the product with its matrix, for any matrix", () => {
    fc.assert(
      fc.property(wide, ({ rows, symbols }) => {
        const schedule = createXorSchedule(rows);
        const small = schedule.planes === 4 ? symbols.map((symbol) => symbol & 15) : symbols;
        expect(runOnSymbols(schedule, small)).toEqual(product(rows, small));
      }),
      { numRuns: 150, seed: 1, endOnFailure: true },
    );
  });

  it("takes four planes only when all coefficients are of the small field", () => {
    expect(createXorSchedule([Uint8Array.of(1, 15)]).planes).toBe(4);
    expect(createXorSchedule([Uint8Array.of(1, 16)]).planes).toBe(8);
  });

  it("makes a shared sum once", () => {
    const row = Uint8Array.of(1, 1);
    // Four planes of two shards, summed for four rows that are alike: four sums, not sixteen.
    expect(createXorSchedule([row, row, row, row]).steps).toHaveLength(4);
  });
});

describe("a module of schedules", () => {
  it("reads and writes only its shards, function by function, for sizes of several stripes", () => {
    const schedule = createXorSchedule([Uint8Array.of(3, 200), Uint8Array.of(1, 1)]);
    const module = new WebAssembly.Module(
      writeXorModule([
        { schedule, inputOffsets: [0, 400], outputOffsets: [1_000, 1_400] },
        { schedule: createXorSchedule([Uint8Array.of(1, 0)]), inputOffsets: [0, 400], outputOffsets: [5_000] },
      ]),
    );
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer).fill(0xaa);
    const exports = new WebAssembly.Instance(module, { "": { memory } }).exports as Record<
      string,
      (address: number, end: number) => void
    >;
    expect(Object.keys(exports)).toEqual(["0", "1"]);
    const data = [0, 400].map((offset) => bytes.subarray(64 + offset, 64 + offset + 256));
    for (const [index, shard] of data.entries()) shard.fill(0x11 * (index + 1));
    exports["0"]!(64, 64 + 256);
    exports["1"]!(64, 64 + 256);
    expect(bytes.subarray(1_464, 1_464 + 256).every((byte) => byte === 0x33)).toBe(true);
    expect(bytes.subarray(5_064, 5_064 + 256).every((byte) => byte === 0x11)).toBe(true);
    for (const at of [63, 320, 1_063, 1_320, 1_463, 1_720, 5_063, 5_320]) expect(bytes[at]).toBe(0xaa);
  });
});
