// Turns products over GF(2^8) into a straight line of exclusive ors: each coefficient is a matrix of
// bits over the planes of a symbol (Blömer, Kalfane, Karp, Karpinski, Luby, Zuckerman: "An XOR-Based
// Erasure-Resilient Coding Scheme", ICSI TR-95-048), and sums that several rows need are made once.

import type { Matrix } from "./erasure-matrix.ts";
import { multiply } from "./galois-field.ts";

/** Rows whose planes fit the 32 bits of a mask. */
export const SCHEDULE_ROWS_MAX = 4;

/** Shards whose common sums are searched together: the values alive at once stay near the processor's registers. */
const GROUP_SHARDS = 8;

/**
 * A straight-line program over planes. Values 0 to inputCount - 1 are the inputs; step i makes value
 * inputCount + i, the sum of two values before it.
 */
export interface XorSchedule {
  /** Planes of each symbol: 4 where all coefficients are of GF(2^4), as its halves are then coded alike and apart; else 8. */
  readonly planes: 4 | 8;
  readonly inputCount: number;
  readonly steps: readonly (readonly [number, number])[];
  /** The value of each output plane. */
  readonly outputs: readonly number[];
}

/** The program that multiplies with `rows`, at most 4 of them, none of them all 0. */
export function createXorSchedule(rows: Matrix): XorSchedule {
  const isSmall = rows.every((row) => row.every((coefficient) => coefficient < 16));
  const planes = isSmall ? 4 : 8;
  const columnCount = rows[0]!.length;
  const sums = new Sums(columnCount * planes, rows.length * planes);
  for (let first = 0; first < columnCount; first += GROUP_SHARDS) {
    const group = rows.map((row) => row.subarray(first, first + GROUP_SHARDS));
    sums.add(first * planes, planeMasks(group, planes));
  }
  return { planes, inputCount: columnCount * planes, steps: sums.steps, outputs: sums.totals.map((total) => total!) };
}

/** For each plane of each column, the set of output planes it is part of. */
function planeMasks(rows: Matrix, planes: number): number[] {
  return Array.from({ length: rows[0]!.length * planes }, (_, index) => {
    const unit = 1 << (index % planes);
    const column = Math.floor(index / planes);
    return rows.reduce((mask, row, at) => mask | (multiply(row[column]!, unit) << (at * planes)), 0);
  });
}

/** The sums as they grow. */
class Sums {
  /** The value of each output plane so far. */
  readonly totals: (number | undefined)[];
  readonly steps: [number, number][] = [];
  readonly #inputCount: number;

  constructor(inputCount: number, outputCount: number) {
    this.#inputCount = inputCount;
    this.totals = Array.from<undefined>({ length: outputCount });
  }

  /** Adds input `first` and those behind it to the output planes of their masks. */
  add(first: number, masks: readonly number[]): void {
    const { pairs, masks: shared } = shareSums(masks);
    const made: (number | undefined)[] = shared.map(() => undefined);
    const users = shared.map((): number[] => []);
    for (const [index, pair] of pairs.entries()) for (const part of pair) users[part]!.push(masks.length + index);

    // In the order of the inputs, each sum as soon as both of its parts are there: few values wait.
    const place = (index: number): void => {
      this.#addToTotals(made[index]!, shared[index]!);
      for (const user of users[index]!) {
        const [left, right] = pairs[user - masks.length]!;
        const [leftValue, rightValue] = [made[left], made[right]];
        if (made[user] !== undefined || leftValue === undefined || rightValue === undefined) continue;
        made[user] = this.#sum(leftValue, rightValue);
        place(user);
      }
    };
    for (const index of masks.keys()) {
      made[index] = first + index;
      place(index);
    }
  }

  #addToTotals(value: number, mask: number): void {
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const output = 31 - Math.clz32(rest & -rest);
      const total = this.totals[output];
      this.totals[output] = total === undefined ? value : this.#sum(total, value);
    }
  }

  #sum(left: number, right: number): number {
    return this.#inputCount + this.steps.push([left, right]) - 1;
  }
}

/**
 * Finds sums that several outputs share: again and again the pair of values that most outputs have
 * both of becomes one new value (Paar, "Optimized Arithmetic for Reed-Solomon Encoders", ISIT 1997).
 * `masks`: for each value the outputs it is part of; in the answer the new values follow the old ones.
 */
function shareSums(masks: readonly number[]): { readonly pairs: [number, number][]; readonly masks: number[] } {
  const shared = [...masks];
  const pairs: [number, number][] = [];
  // For each value, the best pair with a later one. It is looked for anew only when it may have changed.
  const best = shared.map((_, left) => bestPartner(shared, left));
  for (;;) {
    let left = -1;
    let most = 1;
    for (const [index, { count }] of best.entries()) {
      if (count <= most) continue;
      most = count;
      left = index;
    }
    if (left === -1) return { pairs, masks: shared };
    const right = best[left]!.index;
    const both = shared[left]! & shared[right]!;
    shared[left]! ^= both;
    shared[right]! ^= both;
    pairs.push([left, right]);
    const added = shared.push(both) - 1;
    best.push({ index: added, count: 0 });
    for (let index = 0; index < added; index++) {
      const { index: partner, count } = best[index]!;
      if (index === left || index === right || partner === left || partner === right) {
        best[index] = bestPartner(shared, index);
      } else {
        const withAdded = countBits(shared[index]! & both);
        if (withAdded > count) best[index] = { index: added, count: withAdded };
      }
    }
  }
}

function bestPartner(masks: readonly number[], left: number): { index: number; count: number } {
  const mask = masks[left]!;
  let best = { index: left, count: 0 };
  if (mask === 0) return best;
  for (let index = left + 1; index < masks.length; index++) {
    const count = countBits(mask & masks[index]!);
    if (count > best.count) best = { index, count };
  }
  return best;
}

function countBits(mask: number): number {
  let bits = mask - ((mask >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  bits = (bits + (bits >>> 4)) & 0x0f0f_0f0f;
  return Math.imul(bits, 0x0101_0101) >>> 24;
}
