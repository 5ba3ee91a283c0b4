// The matrices of the erasure code: the parity rows, and what gives lost shards back.

import { invert, multiply } from "./galois-field.ts";

/** Rows of coefficients, all of one length. */
export type Matrix = readonly Uint8Array[];

/** How lost shards come back. */
export interface Reconstruction {
  /** The shards that are read: `dataCount` indices, ascending. */
  readonly sources: readonly number[];
  /** For each lost shard, in the order asked for, its coefficients over `sources`. */
  readonly rows: Matrix;
}

/**
 * The coefficients by which parity shard `parityIndex` is the sum of the data shards: a Cauchy matrix
 * over the points i of parity and m + j of data, scaled so that its first row and column are 1.
 */
export function parityRow(dataCount: number, parityCount: number, parityIndex: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: dataCount }, (_, column) => {
    const point = parityCount + column;
    const above = multiply(point, parityIndex ^ parityCount);
    const below = multiply(parityIndex ^ point, parityCount);
    return multiply(above, invert(below));
  });
}

/** How the shards `lost` come back from the others, of which `given` are there; both ascending, data first. */
export function reconstruction(parity: Matrix, given: readonly number[], lost: readonly number[]): Reconstruction {
  const dataCount = parity[0]!.length;
  const sources = given.slice(0, dataCount);
  const lostData = lost.filter((index) => index < dataCount);
  // As many parity shards among the sources as data shards are lost: a system of that many equations.
  const used = sources.filter((index) => index >= dataCount);
  const lostParity = lost.filter((index) => index >= dataCount);
  const gather = [...used, ...lostParity].map((index) => gatherRow(parity[index - dataCount]!, sources, index));

  const solved = invertMatrix(used.map((index) => pick(parity[index - dataCount]!, lostData)));
  const solve = [
    ...solved.map((row) => Uint8Array.of(...row, ...lostParity.map(() => 0))),
    ...lostParity.map((index, position) => {
      const row = multiplyRow(pick(parity[index - dataCount]!, lostData), solved);
      return Uint8Array.of(...row, ...lostParity.map((_, other) => (other === position ? 1 : 0)));
    }),
  ];
  return { sources, rows: solve.map((row) => multiplyRow(row, gather)) };
}

/** Coefficients over `sources` of what they add to parity shard `index`, itself included when it is one of them. */
function gatherRow(parity: Uint8Array, sources: readonly number[], index: number): Uint8Array {
  return Uint8Array.from(sources, (source) => (source < parity.length ? parity[source]! : source === index ? 1 : 0));
}

function pick(row: Uint8Array, columns: readonly number[]): Uint8Array {
  return Uint8Array.from(columns, (column) => row[column]!);
}

/** `row` times the matrix `rows`. */
function multiplyRow(row: Uint8Array, rows: Matrix): Uint8Array<ArrayBuffer> {
  const product = new Uint8Array(rows[0]?.length ?? 0);
  for (const [index, coefficient] of row.entries()) addScaled(product, rows[index]!, coefficient);
  return product;
}

/** The inverse of a square matrix, by Gauss-Jordan elimination. Takes `rows` over. */
function invertMatrix(rows: Uint8Array[]): Uint8Array[] {
  const inverse: Uint8Array[] = rows.map((row, index) =>
    Uint8Array.from(row, (_, column) => (column === index ? 1 : 0)),
  );
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows.findIndex((row, index) => index >= column && row[column] !== 0);
    // Any square part of the parity rows can be inverted: that is what a Cauchy matrix is for.
    if (pivot === -1) throw new RangeError("The sources of a reconstruction are distinct shards.");
    swap(rows, pivot, column);
    swap(inverse, pivot, column);
    const factor = invert(rows[column]![column]!);
    scale(rows[column]!, factor);
    scale(inverse[column]!, factor);
    for (let index = 0; index < rows.length; index++) {
      if (index === column) continue;
      const coefficient = rows[index]![column]!;
      addScaled(rows[index]!, rows[column]!, coefficient);
      addScaled(inverse[index]!, inverse[column]!, coefficient);
    }
  }
  return inverse;
}

function swap(rows: Uint8Array[], left: number, right: number): void {
  [rows[left], rows[right]] = [rows[right]!, rows[left]!];
}

function scale(row: Uint8Array, factor: number): void {
  for (let column = 0; column < row.length; column++) row[column] = multiply(row[column]!, factor);
}

/** target += row * factor */
function addScaled(target: Uint8Array, row: Uint8Array, factor: number): void {
  if (factor === 0) return;
  for (let column = 0; column < row.length; column++) target[column]! ^= multiply(row[column]!, factor);
}
