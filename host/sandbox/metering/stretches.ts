// Divides a body into stretches: places that are certain to be passed equally often by every run
// that does not end in between. A stretch pays for all of itself where it starts, so fewer, larger
// charges give the same sum as a charge for each basic block. docs/formats/metering.md has the rules.

import { OP } from "../wasm/instruction-set.ts";
import { ROUND_FUEL } from "./cost-table.ts";

/** What a body pays at one place. */
export interface Stretch {
  /** Where it starts: the offset of its first instruction. */
  readonly at: number;
  fuel: number;
  /** Whether a look at what is left is due: somewhere in every round of every loop. */
  checked: boolean;
}

interface Frame {
  opcode: number;
  /** The stretch that the current place in the block belongs to. */
  current: Stretch;
  /** The one that its code, or its first arm, started with. */
  readonly first: Stretch;
  /** Start of the second arm. */
  second: Stretch | undefined;
  /** Outermost block that a branch in it leads to, by its place in the list of blocks. */
  outermost: number;
  /** Whether a branch leads to its own label. */
  targeted: boolean;
  /** Of a loop: the stretches that end with a jump to its head; undefined when a branch there is conditional. */
  rounds: Stretch[] | undefined;
}

/** Follows a body as {@link BodyVisitor} tells of it, and sums up the fuel of its stretches. */
export class StretchMap {
  /** In the order in which they start. Final when the whole body was followed. */
  readonly stretches: Stretch[] = [];
  readonly #frames: Frame[] = [];
  #frame: Frame;

  /** `start` is the offset of the body's first instruction. */
  constructor(start: number) {
    this.#frame = this.#push(OP.block, this.#begin(start));
  }

  /** The stretch of the function's start. */
  get entry(): Stretch {
    return this.stretches[0]!;
  }

  /** Whether a branch, other than `return`, leaves the function. */
  get left(): boolean {
    return this.#frames[0]!.targeted;
  }

  /** Adds fuel that is due at the current place. */
  pay(fuel: number): void {
    this.#frame.current.fuel += fuel;
  }

  /** A branch to the block `label`, counted from the innermost. {@link StretchMap.part} follows. */
  branch(label: number, conditional: boolean): void {
    const target = this.#frames.length - 1 - label;
    const frame = this.#frames[target]!;
    frame.targeted = true;
    this.#escape(target);
    if (frame.opcode !== OP.loop) return;
    if (conditional) frame.rounds = undefined;
    else frame.rounds?.push(this.#frame.current);
  }

  /** A `return`. */
  return(): void {
    this.#escape(0);
  }

  /** Control may have gone elsewhere before `offset`: what follows is not certain. */
  part(offset: number): void {
    this.#frame.current = this.#begin(offset);
  }

  /** A block was opened. */
  open(opcode: number, offset: number, reachable: boolean): void {
    const inner = opcode === OP.block || !reachable ? this.#frame.current : this.#begin(offset);
    this.#frame = this.#push(opcode, inner);
    if (opcode === OP.loop && reachable) inner.fuel += ROUND_FUEL;
  }

  /** The second arm of an `if` starts. */
  otherwise(offset: number, reachable: boolean): void {
    if (!reachable) return;
    const frame = this.#frame;
    frame.current = this.#begin(offset);
    frame.second = frame.current;
  }

  /** The innermost block was closed. */
  close(offset: number, reachable: boolean): void {
    const inner = this.#frames.pop()!;
    const outer = this.#frames.at(-1);
    this.#frame = outer;
    if (inner.opcode === OP.loop) placeRound(inner, outer.current);
    if (inner.second !== undefined) raise(inner.first, inner.second, outer.current);
    const certain = inner.outermost >= this.#frames.length;
    if (inner.outermost < outer.outermost) outer.outermost = inner.outermost;
    if (certain || !reachable) return;
    // Something in it leads further out. Where it can only be left at its end, that end goes on.
    const passed = inner.opcode === OP.loop || (inner.opcode === OP.block && !inner.targeted);
    outer.current = passed ? inner.current : this.#begin(offset);
  }

  #escape(target: number): void {
    if (target < this.#frame.outermost) this.#frame.outermost = target;
  }

  #begin(at: number): Stretch {
    const stretch = { at, fuel: 0, checked: false };
    this.stretches.push(stretch);
    return stretch;
  }

  #push(opcode: number, first: Stretch): Frame {
    const frame: Frame = {
      opcode,
      current: first,
      first,
      second: undefined,
      outermost: this.#frames.length,
      targeted: false,
      rounds: [],
    };
    this.#frames.push(frame);
    return frame;
  }
}

/**
 * Decides where the rounds of a loop are paid. Mostly at its head. When every jump back is
 * unconditional, the head's fuel is paid by those who come there: by the stretch `before` the loop
 * for the first round, and by each that jumps back for the next. One charge for each round less.
 */
function placeRound({ first, rounds, targeted }: Frame, before: Stretch): void {
  const looks = rounds === undefined || rounds.includes(first) ? [first] : rounds;
  if (targeted) for (const stretch of looks) stretch.checked = true;
  if (looks[0] === first || !targeted) return;
  for (const stretch of rounds!) stretch.fuel += first.fuel;
  before.fuel += first.fuel;
  first.fuel = 0;
}

/** What both arms of an `if` cost at least is certain before the `if`. */
function raise(one: Stretch, other: Stretch, before: Stretch): void {
  const least = Math.min(one.fuel, other.fuel);
  one.fuel -= least;
  other.fuel -= least;
  before.fuel += least;
}
