// The matrices of the erasure code: the parity rows, and the rows that give lost shards back.

import { invert, multiply } from "./galois-field.ts";

/**
 * The coefficients by which parity shard `parityIndex` is the sum of the data shards:
 * 1 / ((dataCount + parityIndex) xor column), as ISA-L's gf_gen_cauchy1_matrix.
 */
export function parityRow(dataCount: number, parityIndex: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: dataCount }, (_, column) => invert((dataCount + parityIndex) ^ column));
}

/**
 * For each shard of `lost`, the coefficients by which it is the sum of the shards `sources`.
 * Both are shard indices, data first; `sources` has `dataCount` of them, ascending.
 */
export function reconstructionRows(
  dataCount: number,
  sources: readonly number[],
  lost: readonly number[],
): Uint8Array<ArrayBuffer>[] {
  const decoded = invertMatrix(sources.map((index) => generatorRow(dataCount, index)));
  return lost.map((index) => multiplyRow(generatorRow(dataCount, index), decoded));
}

/** Row `index` of the generator matrix: identity on top, parity below. */
function generatorRow(dataCount: number, index: number): Uint8Array<ArrayBuffer> {
  if (index >= dataCount) return parityRow(dataCount, index - dataCount);
  const row = new Uint8Array(dataCount);
  row[index] = 1;
  return row;
}

/** `row` times the square matrix `rows`. */
function multiplyRow(row: Uint8Array, rows: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const product = new Uint8Array(row.length);
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
    // Any square part of the generator can be inverted: that is what a Cauchy matrix is for.
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
