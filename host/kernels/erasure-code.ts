// The door to Reed-Solomon: a systematic code with the Cauchy matrix of Intel's ISA-L
// (gf_gen_cauchy1_matrix), byte-exact in docs/formats/erasure-code.md.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { parityRow, reconstructionRows } from "./erasure-matrix.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { ErasureCode, Kernels } from "./kernels.ts";

/** Rows that the kernel makes in one pass over the data. */
const ROWS_PER_PASS = 4;
/** Stripes of shards pass through the window; no longer than that keeps them in a core's own cache. */
const STRIPE_SIZE_MAX = 16 * 1024;
/** The kernel reads and writes whole vectors. */
const VECTOR_SIZE = 32;

/** The door that makes codes. */
export type ErasureCoding = Pick<Kernels, "createErasureCode">;

/** Reed-Solomon over `module`. */
export function createErasureCoding(module: KernelModule): ErasureCoding {
  return {
    createErasureCode(dataCount, parityCount) {
      requireCounts(dataCount, parityCount);
      return new CauchyCode(module, dataCount, parityCount);
    },
  };
}

class CauchyCode implements ErasureCode {
  readonly dataCount: number;
  readonly parityCount: number;
  readonly #module: KernelModule;
  readonly #parityRows: readonly Uint8Array[];

  constructor(module: KernelModule, dataCount: number, parityCount: number) {
    this.#module = module;
    this.dataCount = dataCount;
    this.parityCount = parityCount;
    this.#parityRows = Array.from({ length: parityCount }, (_, index) => parityRow(dataCount, index));
  }

  encode(data: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
    if (data.length !== this.dataCount) {
      throw new RangeError(`This code takes ${this.dataCount} data shards, not ${data.length}.`);
    }
    requireEqualSizes(data);
    return multiplyShards(this.#module, this.#parityRows, data);
  }

  reconstruct(shards: readonly (Uint8Array | undefined)[]): Uint8Array[] {
    const { dataCount, parityCount } = this;
    const shardCount = dataCount + parityCount;
    if (shards.length !== shardCount) {
      throw new RangeError(`This code has ${shardCount} shards, not ${shards.length}; a lost one is undefined.`);
    }
    const given = shards.flatMap((shard, index) => (shard === undefined ? [] : [{ shard, index }]));
    if (given.length < dataCount) {
      throw new TwinError(
        "TWIN_CODE_LOST",
        `Expected at least ${dataCount} of ${shardCount} shards, found ${given.length}: bring back a store that has more.`,
        { dataCount, shardCount, givenCount: given.length },
      );
    }
    requireEqualSizes(given.map(({ shard }) => shard));
    if (given.length === shardCount) return given.map(({ shard }) => shard);

    const sources = given.slice(0, dataCount);
    const lost = shards.flatMap((shard, index) => (shard === undefined ? [index] : []));
    const rows = reconstructionRows(
      dataCount,
      sources.map(({ index }) => index),
      lost,
    );
    const rebuilt = multiplyShards(
      this.#module,
      rows,
      sources.map(({ shard }) => shard),
    );
    return shards.map((shard) => shard ?? rebuilt.shift()!);
  }
}

/** The products of the matrix `rows` with the shards `inputs`: one fresh shard for each row. */
function multiplyShards(
  module: KernelModule,
  rows: readonly Uint8Array[],
  inputs: readonly Uint8Array[],
): Uint8Array<ArrayBuffer>[] {
  const size = inputs[0]!.length;
  const outputs = rows.map(() => new Uint8Array(size));
  for (let first = 0; first < rows.length; first += ROWS_PER_PASS) {
    multiplyPass(module, rows.slice(first, first + ROWS_PER_PASS), inputs, outputs.slice(first, first + ROWS_PER_PASS));
  }
  return outputs;
}

/** One pass over all inputs for the few rows that the kernel makes at once. */
function multiplyPass(
  module: KernelModule,
  rows: readonly Uint8Array[],
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
): void {
  const { exports, bytes, window } = module;
  const matrix = addressOf(exports.RS_MATRIX);
  for (const [index, row] of rows.entries()) bytes.set(row, matrix + index * inputs.length);
  exports.rsPrepare(rows.length, inputs.length);

  const size = inputs[0]!.length;
  const stride = stripeStride(module.windowSize, inputs.length + rows.length, size);
  // The last vector stays free: it is what keeps strides from being powers of two.
  const stripeSize = stride - VECTOR_SIZE;
  const output = window + inputs.length * stride;
  for (let offset = 0; offset < size; offset += stripeSize) {
    const pieceSize = Math.min(stripeSize, size - offset);
    for (const [index, input] of inputs.entries()) {
      bytes.set(input.subarray(offset, offset + pieceSize), window + index * stride);
    }
    exports.rsMultiply(window, output, stride, pieceSize);
    for (const [index, made] of outputs.entries()) {
      const start = output + index * stride;
      made.set(bytes.subarray(start, start + pieceSize), offset);
    }
  }
}

/** Bytes from one stripe to the next in the window, when `count` of them share it. */
function stripeStride(windowSize: number, count: number, shardSize: number): number {
  const room = Math.floor(windowSize / count) - VECTOR_SIZE;
  const stripe = Math.min(room - (room % VECTOR_SIZE), STRIPE_SIZE_MAX);
  const needed = Math.ceil(shardSize / VECTOR_SIZE) * VECTOR_SIZE;
  return Math.min(stripe, needed) + VECTOR_SIZE;
}

function requireCounts(dataCount: number, parityCount: number): void {
  const max = LIMITS.vault.shardCount;
  if (!Number.isInteger(dataCount) || !Number.isInteger(parityCount) || dataCount < 1 || parityCount < 1) {
    throw new RangeError(`A code needs at least 1 data and 1 parity shard, not ${dataCount} and ${parityCount}.`);
  }
  if (dataCount + parityCount > max) {
    throw new RangeError(`A code has at most ${max} shards, not ${dataCount} + ${parityCount}.`);
  }
}

function requireEqualSizes(shards: readonly Uint8Array[]): void {
  const size = shards[0]!.length;
  if (size < 1) throw new RangeError("A shard has 1 byte or more, not 0.");
  const other = shards.find((shard) => shard.length !== size);
  if (other !== undefined)
    throw new RangeError(`All shards have one size: expected ${size} bytes, not ${other.length}.`);
}
