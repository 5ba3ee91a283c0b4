// Code that is made at run time for the matrices that are used much: for each a module of straight
// lines of exclusive ors, compiled once and kept. Making one takes milliseconds, so it must pay.

import type { Matrix } from "./erasure-matrix.ts";
import { type XorProgram, type XorRun, writeXorModule } from "./xor-module.ts";
import { SCHEDULE_ROWS_MAX, createXorSchedule } from "./xor-schedule.ts";

/** A product that shards can be put through. */
export interface ErasurePlan {
  /** Equal for equal products. */
  readonly name: string;
  /** The coefficients of each shard that is made over those that are read. */
  readonly rows: Matrix;
}

/** Where shards lie in a memory: shard `i` of a plan's inputs, then of its outputs, at `offsets[i]` from the address of a run. */
export interface ShardLayout {
  /** Equal for equal offsets of equal plans. */
  readonly name: string;
  readonly memory: WebAssembly.Memory;
  readonly offsets: readonly number[];
}

/** Coefficients beyond which a product stays with the general kernel: its code would no longer fit a core's cache. */
const COEFFICIENTS_MAX = 1_024;
/** Columns of one function: with more, the sums that wait for others outgrow the core's nearest cache. */
const BLOCK_COLUMNS_MAX = 20;
/** Programs that are kept; the one that was made first goes first. */
const MODULES_MAX = 64;
/** Plans whose use is counted. */
const COUNTS_MAX = 1_024;
/** Bytes that a plan must have moved before its program is made. */
const WORTH_SIZE = 4 * 1024 * 1024;

/** The programs of one set of kernels. */
export class ErasurePrograms {
  readonly #modules = new Map<string, WebAssembly.Module>();
  readonly #runs = new WeakMap<WebAssembly.Memory, Map<WebAssembly.Module, readonly XorRun[]>>();
  readonly #movedSizes = new Map<string, number>();

  /** The functions that together do `plan`; undefined while the general kernel serves it better. `size`: bytes that are about to go through it. */
  find(plan: ErasurePlan, layout: ShardLayout, size: number): readonly XorRun[] | undefined {
    const key = `${plan.name} ${layout.name}`;
    const made = this.#modules.get(key);
    if (made !== undefined) return this.#instance(made, layout.memory);
    if (!this.#isWorth(plan, key, size)) return undefined;
    const module = compile(plan, layout.offsets);
    makeRoom(this.#modules, MODULES_MAX);
    this.#modules.set(key, module);
    this.#movedSizes.delete(key);
    return this.#instance(module, layout.memory);
  }

  #isWorth({ rows }: ErasurePlan, key: string, size: number): boolean {
    if (rows.length * rows[0]!.length > COEFFICIENTS_MAX) return false;
    const moved = (this.#movedSizes.get(key) ?? 0) + size;
    makeRoom(this.#movedSizes, COUNTS_MAX);
    this.#movedSizes.set(key, moved);
    return moved >= WORTH_SIZE;
  }

  #instance(module: WebAssembly.Module, memory: WebAssembly.Memory): readonly XorRun[] {
    const known = this.#runs.get(memory) ?? new Map<WebAssembly.Module, readonly XorRun[]>();
    this.#runs.set(memory, known);
    const runs = known.get(module);
    if (runs !== undefined) return runs;
    const { exports } = new WebAssembly.Instance(module, { "": { memory } });
    const fresh = Object.values(exports) as XorRun[];
    makeRoom(known, MODULES_MAX);
    known.set(module, fresh);
    return fresh;
  }
}

function compile({ rows }: ErasurePlan, offsets: readonly number[]): WebAssembly.Module {
  const columnCount = rows[0]!.length;
  const blockSize = Math.ceil(columnCount / Math.ceil(columnCount / BLOCK_COLUMNS_MAX));
  const programs: XorProgram[] = [];
  for (let row = 0; row < rows.length; row += SCHEDULE_ROWS_MAX) {
    const made = rows.slice(row, row + SCHEDULE_ROWS_MAX);
    const outputOffsets = offsets.slice(columnCount + row, columnCount + row + made.length);
    for (let first = 0; first < columnCount; first += blockSize) {
      // What the blocks before have made is added to as if it were shards that are read.
      const sums = first === 0 ? [] : outputOffsets;
      const block = made.map((coefficients, own) =>
        Uint8Array.of(
          ...coefficients.subarray(first, first + blockSize),
          ...sums.map((_, other) => (other === own ? 1 : 0)),
        ),
      );
      const inputOffsets = [...offsets.slice(0, columnCount).slice(first, first + blockSize), ...sums];
      programs.push({ schedule: createXorSchedule(block), inputOffsets, outputOffsets });
    }
  }
  return new WebAssembly.Module(writeXorModule(programs));
}

/** Takes the oldest entries out of `map` until one more makes at most `countMax`. */
export function makeRoom(map: Map<unknown, unknown>, countMax: number): void {
  for (const [oldest] of map) {
    if (map.size < countMax) return;
    map.delete(oldest);
  }
}
