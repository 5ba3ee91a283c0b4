// The door to Reed-Solomon: a systematic Cauchy code, byte-exact in docs/formats/erasure-code.md.
// Shards pass through the window piece by piece; what stands in memory of WASM already (ShardSet) does not.

import { copyBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { type Matrix, parityRow, reconstruction } from "./erasure-matrix.ts";
import { type ErasurePlan, ErasurePrograms, makeRoom } from "./erasure-programs.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { ErasureCode, Kernels, ShardSet } from "./kernels.ts";

/** Symbols are coded 128 at a time. */
const STRIPE_SIZE = 128;
/** Bytes of each shard that pass through the window at once: what is copied in is still in a core's own cache when it is read. */
const PIECE_SIZE_MAX = 16 * 1024;
/** Between two pieces in the window: it keeps their distance from being a power of two, which caches handle badly. */
const GAP_SIZE = 192;
const MEMORY_PAGE_SIZE = 64 * 1024;

/** Codes that are kept, and ways to reconstruct that each of them keeps. */
const CODES_MAX = 16;
const RECONSTRUCTIONS_MAX = 64;

/** The door that makes codes. */
export type ErasureCoding = Pick<Kernels, "createErasureCode">;

/** Reed-Solomon over `module`. */
export function createErasureCoding(module: KernelModule): ErasureCoding {
  const parts = { module, programs: new ErasurePrograms() };
  const codes = new Map<string, CauchyCode>();
  return {
    createErasureCode(dataCount, parityCount) {
      const name = `${dataCount}+${parityCount}`;
      const known = codes.get(name);
      if (known !== undefined) return known;
      requireCounts(dataCount, parityCount);
      const code = new CauchyCode(parts, dataCount, parityCount);
      makeRoom(codes, CODES_MAX);
      codes.set(name, code);
      return code;
    },
  };
}

/** What all codes of one set of kernels share. */
interface ErasureParts {
  readonly module: KernelModule;
  readonly programs: ErasurePrograms;
}

/** Takes piece `bytes`, which starts at `offset` of the shard that row `row` makes. The bytes are a view that does not last. */
type TakePiece = (row: number, offset: number, bytes: Uint8Array) => void;

class CauchyCode implements ErasureCode {
  readonly dataCount: number;
  readonly parityCount: number;
  readonly #parts: ErasureParts;
  readonly #parity: Matrix;
  readonly #encodePlan: ErasurePlan;
  readonly #reconstructions = new Map<string, Reconstructing>();

  constructor(parts: ErasureParts, dataCount: number, parityCount: number) {
    this.#parts = parts;
    this.dataCount = dataCount;
    this.parityCount = parityCount;
    this.#parity = Array.from({ length: parityCount }, (_, index) => parityRow(dataCount, parityCount, index));
    this.#encodePlan = { name: `${dataCount}+${parityCount}`, rows: this.#parity };
  }

  encode(data: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
    const parity = this.#parity.map(() => new Uint8Array(data[0]?.length ?? 0));
    this.encodeInto(data, parity);
    return parity;
  }

  encodeInto(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void {
    if (data.length !== this.dataCount) {
      throw new RangeError(`This code takes ${this.dataCount} data shards, not ${data.length}.`);
    }
    if (parity.length !== this.parityCount) {
      throw new RangeError(`This code makes ${this.parityCount} parity shards, not ${parity.length}.`);
    }
    requireEqualSizes([...data, ...parity]);
    this.#run(this.#encodePlan, data, into(parity));
  }

  verify(shards: readonly Uint8Array[]): boolean {
    this.#requireAll(shards);
    requireEqualSizes(shards);
    let holds = true;
    this.#run(this.#encodePlan, shards.slice(0, this.dataCount), (row, offset, bytes) => {
      const given = shards[this.dataCount + row]!.subarray(offset, offset + bytes.length);
      holds &&= Buffer.compare(given, bytes) === 0;
    });
    return holds;
  }

  reconstruct(shards: readonly (Uint8Array | undefined)[]): Uint8Array[] {
    this.#requireAll(shards);
    const given = shards.flatMap((shard, index) => (shard === undefined ? [] : [{ shard, index }]));
    this.#requireEnough(given.length);
    const size = requireEqualSizes(given.map(({ shard }) => shard));
    const lost = shards.flatMap((shard, index) => (shard === undefined ? [index] : []));
    if (lost.length === 0) return given.map(({ shard }) => shard);

    const whole = shards.map((shard) => shard ?? new Uint8Array(size));
    this.#reconstruct(whole, lost);
    return whole;
  }

  reconstructInto(shards: readonly Uint8Array[], lost: readonly number[]): void {
    this.#requireAll(shards);
    requireEqualSizes(shards);
    const gone = this.#inOrder(lost);
    if (gone.length > 0) this.#reconstruct(shards, gone);
  }

  createShardSet(sizeBytes: number): ShardSet {
    if (!Number.isInteger(sizeBytes) || sizeBytes < STRIPE_SIZE || sizeBytes % STRIPE_SIZE !== 0) {
      throw new RangeError(`Shards of a set have a multiple of ${STRIPE_SIZE} bytes, not ${sizeBytes}.`);
    }
    const stride = sizeBytes + GAP_SIZE;
    const shardCount = this.dataCount + this.parityCount;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((shardCount * stride) / MEMORY_PAGE_SIZE) });
    const shards = Array.from(
      { length: shardCount },
      (_, index) => new Uint8Array(memory.buffer, index * stride, sizeBytes),
    );
    const { programs } = this.#parts;
    const apply = (plan: ErasurePlan, sources: readonly number[], made: readonly number[]): void => {
      const offsets = [...sources, ...made].map((index) => index * stride);
      const runs = programs.find(plan, { name: `set of ${sizeBytes}`, memory, offsets }, sizeBytes * sources.length);
      for (const run of runs ?? []) run(0, sizeBytes);
      if (runs !== undefined) return;
      this.#run(
        plan,
        sources.map((index) => shards[index]!),
        into(made.map((index) => shards[index]!)),
      );
    };
    const all = [...shards.keys()];
    return {
      shards,
      encode: () => apply(this.#encodePlan, all.slice(0, this.dataCount), all.slice(this.dataCount)),
      verify: () => this.verify(shards),
      reconstruct: (lost) => {
        const gone = this.#inOrder(lost);
        if (gone.length === 0) return;
        const { plan, sources } = this.#reconstructing(gone);
        apply(plan, sources, gone);
      },
    };
  }

  /** Makes the shards `lost`, ascending, from the others. */
  #reconstruct(shards: readonly Uint8Array[], lost: readonly number[]): void {
    const { plan, sources } = this.#reconstructing(lost);
    this.#run(
      plan,
      sources.map((index) => shards[index]!),
      into(lost.map((index) => shards[index]!)),
    );
  }

  /** How the shards `lost`, ascending, come back from all others. */
  #reconstructing(lost: readonly number[]): Reconstructing {
    const name = lost.join();
    const known = this.#reconstructions.get(name);
    if (known !== undefined) return known;
    const given = this.#inOrder().filter((index) => !lost.includes(index));
    const { sources, rows } = reconstruction(this.#parity, given, lost);
    const made = { plan: { name: `${this.#encodePlan.name} without ${name}`, rows }, sources };
    makeRoom(this.#reconstructions, RECONSTRUCTIONS_MAX);
    this.#reconstructions.set(name, made);
    return made;
  }

  /** The indices of all shards, or those of `chosen`, ascending and once each. Throws `TWIN_CODE_LOST` when more are chosen than may be lost. */
  #inOrder(chosen?: readonly number[]): number[] {
    const shardCount = this.dataCount + this.parityCount;
    const all = Array.from({ length: shardCount }, (_, index) => index);
    if (chosen === undefined) return all;
    const indices = all.filter((index) => chosen.includes(index));
    this.#requireEnough(shardCount - indices.length);
    return indices;
  }

  /** Puts `inputs` through `plan`, piece by piece. */
  #run(plan: ErasurePlan, inputs: readonly Uint8Array[], take: TakePiece): void {
    const { bytes, window, windowSize } = this.#parts.module;
    const size = inputs[0]!.length;
    const stride = strideOf(windowSize, this.dataCount + this.parityCount);
    const pieceMax = stride - GAP_SIZE;
    const output = window + inputs.length * stride;
    const multiply = this.#multiplier(plan, stride, size);
    for (let offset = 0; offset < size; offset += pieceMax) {
      const pieceSize = Math.min(pieceMax, size - offset);
      for (const [index, input] of inputs.entries()) {
        copyBytes(input.subarray(offset, offset + pieceSize), bytes, window + index * stride);
      }
      this.#runPiece(multiply, { inputCount: inputs.length, outputCount: plan.rows.length, stride, pieceSize });
      for (const row of plan.rows.keys()) {
        const start = output + row * stride;
        take(row, offset, bytes.subarray(start, start + pieceSize));
      }
    }
  }

  /** Multiplies the piece in the window; the bytes at its end that fill no stripe are sliced into planes for it, and back. */
  #runPiece(multiply: (size: number) => void, piece: WindowPiece): void {
    const { exports, bytes, window } = this.#parts.module;
    const { inputCount, outputCount, stride, pieceSize } = piece;
    const restSize = pieceSize % STRIPE_SIZE;
    if (restSize === 0) {
      multiply(pieceSize);
      return;
    }
    const rest = window + pieceSize - restSize;
    for (let input = 0; input < inputCount; input++) {
      const start = rest + input * stride;
      bytes.fill(0, start + restSize, start + STRIPE_SIZE);
    }
    exports.rsSlice(rest, stride, inputCount);
    multiply(pieceSize - restSize + STRIPE_SIZE);
    exports.rsUnslice(rest + inputCount * stride, stride, outputCount);
  }

  /** What multiplies the first `size` bytes of each shard in the window: a program of the plan's own, or the general kernel. */
  #multiplier(plan: ErasurePlan, stride: number, shardSize: number): (size: number) => void {
    const { module, programs } = this.#parts;
    const { exports, bytes, window } = module;
    const inputCount = plan.rows[0]!.length;
    const offsets = Array.from({ length: inputCount + plan.rows.length }, (_, index) => index * stride);
    const layout = { name: "window", memory: exports.memory, offsets };
    const runs = programs.find(plan, layout, shardSize * inputCount);
    if (runs !== undefined) {
      return (size) => {
        for (const run of runs) run(window, window + size);
      };
    }
    const matrix = addressOf(exports.RS_MATRIX);
    for (const [index, row] of plan.rows.entries()) bytes.set(row, matrix + index * inputCount);
    exports.rsPrepare(plan.rows.length, inputCount);
    return (size) => exports.rsMultiply(window, window + inputCount * stride, stride, size);
  }

  #requireAll(shards: readonly unknown[]): void {
    const shardCount = this.dataCount + this.parityCount;
    if (shards.length !== shardCount) {
      throw new RangeError(`This code has ${shardCount} shards, not ${shards.length}; a lost one is undefined.`);
    }
  }

  #requireEnough(givenCount: number): void {
    const { dataCount, parityCount } = this;
    if (givenCount >= dataCount) return;
    const shardCount = dataCount + parityCount;
    throw new TwinError(
      "TWIN_CODE_LOST",
      `Expected at least ${dataCount} of ${shardCount} shards, found ${givenCount}: bring back a store that has more.`,
      { dataCount, shardCount, givenCount },
    );
  }
}

/** How some shards come back: what is put through the plan, by index. */
interface Reconstructing {
  readonly plan: ErasurePlan;
  readonly sources: readonly number[];
}

/** A piece of each shard in the window, those that are made behind those that are read. */
interface WindowPiece {
  readonly inputCount: number;
  readonly outputCount: number;
  readonly stride: number;
  readonly pieceSize: number;
}

/** Writes pieces to where they belong in `shards`. */
function into(shards: readonly Uint8Array[]): TakePiece {
  return (row, offset, bytes) => copyBytes(bytes, shards[row]!, offset);
}

/** Bytes from one piece to the next in the window, when `count` of them share it: whole stripes and a gap. */
function strideOf(windowSize: number, count: number): number {
  const room = Math.min(Math.floor(windowSize / count) - GAP_SIZE, PIECE_SIZE_MAX);
  return room - (room % STRIPE_SIZE) + GAP_SIZE;
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

/** The one size of `shards`. */
function requireEqualSizes(shards: readonly Uint8Array[]): number {
  const size = shards[0]!.length;
  if (size < 1) throw new RangeError("A shard has 1 byte or more, not 0.");
  const other = shards.find((shard) => shard.length !== size);
  if (other !== undefined)
    throw new RangeError(`All shards have one size: expected ${size} bytes, not ${other.length}.`);
  return size;
}
