// The code once more, from the papers and with bits alone: Blömer, Kalfane, Karp, Karpinski, Luby and
// Zuckerman, "An XOR-Based Erasure-Resilient Coding Scheme" (1995). No element is ever multiplied:
// elements are 8 x 8 matrices of bits, shards are planes, and coding is exclusive or of planes.

import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

/** Columns of 8 bits; bit r of column c is row r. */
type Bits = readonly number[];

const kernels = await openKernels();

const IDENTITY: Bits = [1, 2, 4, 8, 16, 32, 64, 128];
/** Multiplication with x: the companion matrix of x^4 + x + 1, in both halves. */
const X: Bits = [0x02, 0x04, 0x08, 0x03, 0x20, 0x40, 0x80, 0x30];
/** Multiplication with Y, of x^0 .. x^3 and of Y x^0 .. Y x^3: Y^2 = Y + x^3. */
const Y: Bits = [0x10, 0x20, 0x40, 0x80, 0x18, 0x23, 0x46, 0x8c];

function apply(matrix: Bits, vector: number): number {
  return matrix.reduce((sum, column, index) => ((vector >> index) & 1 ? sum ^ column : sum), 0);
}

function compose(left: Bits, right: Bits): Bits {
  return right.map((column) => apply(left, column));
}

/** The matrix of element `number`: the sum of the matrices of the powers its bits stand for. */
function matrixOf(number: number): Bits {
  let sum: Bits = IDENTITY.map(() => 0);
  for (let bit = 0; bit < 8; bit++) {
    if (((number >> bit) & 1) === 0) continue;
    let power = bit < 4 ? IDENTITY : Y;
    for (let exponent = 0; exponent < bit % 4; exponent++) power = compose(X, power);
    sum = sum.map((column, index) => column ^ power[index]!);
  }
  return sum;
}

const MATRICES = Array.from({ length: 256 }, (_, number) => matrixOf(number));

function inverseOf(matrix: Bits): Bits {
  return MATRICES.find((candidate) => compose(matrix, candidate).join() === IDENTITY.join())!;
}

/** Parity of stripes of 128 bytes: `x` of parity shards are 0 .. m-1, `y` of data shards m .. m+k-1. */
function parityOf(data: readonly Uint8Array[], parityCount: number): Uint8Array[] {
  const cauchy = (row: number, column: number): Bits => inverseOf(MATRICES[row ^ (parityCount + column)]!);
  return Array.from({ length: parityCount }, (_, row) => {
    const parity = new Uint8Array(128);
    for (const [column, shard] of data.entries()) {
      const byColumn = compose(cauchy(row, column), inverseOf(cauchy(0, column)));
      const first = compose(cauchy(row, 0), inverseOf(cauchy(0, 0)));
      const bits = compose(byColumn, inverseOf(first));
      for (let from = 0; from < 8; from++) {
        for (let to = 0; to < 8; to++) {
          if (((bits[from]! >> to) & 1) === 0) continue;
          for (let at = 0; at < 16; at++) parity[to * 16 + at]! ^= shard[from * 16 + at]!;
        }
      }
    }
    return parity;
  });
}

describe("the bit matrices", () => {
  it("are a field: all but 0 have an inverse, and products of the matrices of two elements are one of the 256", () => {
    const known = new Set(MATRICES.map((matrix) => matrix.join()));
    expect(known.size).toBe(256);
    for (let left = 1; left < 256; left++) {
      expect(inverseOf(MATRICES[left]!)).toBeDefined();
      expect(known.has(compose(MATRICES[left]!, MATRICES[256 - left]!).join())).toBe(true);
    }
  });

  it.each([
    [1, 1],
    [2, 2],
    [4, 2],
    [10, 4],
    [12, 4],
    [13, 4],
    [16, 4],
    [30, 9],
    [100, 20],
    [3, 252],
  ])("give the parity of %i + %i plane by plane", (dataCount, parityCount) => {
    const data = Array.from({ length: dataCount }, (_, index) => seededBytes(index, 128));
    const parity = kernels.createErasureCode(dataCount, parityCount).encode(data);
    expect(parity.map(hexEncode)).toEqual(parityOf(data, parityCount).map(hexEncode));
  });
});
