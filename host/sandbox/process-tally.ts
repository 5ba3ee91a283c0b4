// What all guests of this process hold together, counted in memory that every worker shares: V8 ends
// the whole process when there are too many stacks or memories, whichever thread asked for them.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

/** What is counted. `memoryPages` are of 64 KiB. */
export type TallyKind = "stacks" | "instances" | "memoryPages";

const PAGE_SIZE = 65_536;

/** Highest sum over all workers of a process. */
const TALLY_LIMITS: Readonly<Record<TallyKind, number>> = {
  stacks: LIMITS.sandbox.suspendedCount,
  instances: LIMITS.sandbox.processInstanceCount,
  memoryPages: LIMITS.sandbox.processMemorySizeBytes / PAGE_SIZE,
};

const KINDS = ["stacks", "instances", "memoryPages"] as const satisfies readonly TallyKind[];
const CELL: Readonly<Record<TallyKind, number>> = { stacks: 0, instances: 1, memoryPages: 2 };

/** Room for the counts of `workerCount` threads. */
export function createTallyBuffer(workerCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workerCount * KINDS.length * Int32Array.BYTES_PER_ELEMENT);
}

/** One thread's share of the counts, and the sum of all. */
export class ProcessTally {
  readonly #counts: Int32Array;
  readonly #base: number;
  readonly #limits: Readonly<Record<TallyKind, number>>;

  /** The share number `index` of `buffer`. Without a buffer: of a process with this one thread. */
  constructor(buffer = createTallyBuffer(1), index = 0, limits = TALLY_LIMITS) {
    this.#counts = new Int32Array(buffer);
    this.#base = index * KINDS.length;
    this.#limits = limits;
  }

  /** Adds `count` when the sum stays within its limit; throws `TWIN_CALL_QUEUE` and adds nothing when not. */
  take(kind: TallyKind, count: number): void {
    // Added first and looked at then: of two threads at the limit, none may slip through.
    Atomics.add(this.#counts, this.#base + CELL[kind], count);
    if (this.sum(kind) <= this.#limits[kind]) return;
    this.give(kind, count);
    const reason = `The guests of this process use all of its ${this.#limits[kind]} ${LABELS[kind]}; try again when calls have ended.`;
    throw new TwinError("TWIN_CALL_QUEUE", reason, { limit: this.#limits[kind], kind });
  }

  /** Gives back what was taken. */
  give(kind: TallyKind, count: number): void {
    Atomics.sub(this.#counts, this.#base + CELL[kind], count);
  }

  /** What all threads hold. */
  sum(kind: TallyKind): number {
    let sum = 0;
    for (let at = CELL[kind]; at < this.#counts.length; at += KINDS.length) sum += Atomics.load(this.#counts, at);
    return sum;
  }

  /** What this thread holds. */
  own(kind: TallyKind): number {
    return Atomics.load(this.#counts, this.#base + CELL[kind]);
  }

  /** Forgets this thread's share: it has ended, and all that it held with it. */
  clear(): void {
    for (const kind of KINDS) Atomics.store(this.#counts, this.#base + CELL[kind], 0);
  }
}

const LABELS: Readonly<Record<TallyKind, string>> = {
  stacks: "stacks for waiting calls",
  instances: "instances",
  memoryPages: "pages of memory",
};
