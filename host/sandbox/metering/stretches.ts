// Divides a body into stretches: places that every run passes equally often, unless it ends in
// between. A stretch pays for all of itself where it starts, so fewer, larger charges give the
// same sum as one for each basic block. docs/formats/metering.md has the rules.

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
  readonly opcode: number;
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

/** Fuel of `from` that is due in any case, and can as well be paid `before`. */
interface Move {
  /** The head of a loop, or an arm of an `if`. */
  readonly from: Stretch;
  /** Its other arm. */
  readonly other: Stretch | undefined;
  readonly before: Stretch;
  /** For the head of a loop: who pays for the next round. */
  readonly rounds: readonly Stretch[];
}

/** Follows a body as `BodyVisitor` tells of it, and sums up the fuel of its stretches. */
export class StretchMap {
  /** In the order in which they start. */
  readonly stretches: Stretch[] = [];
  readonly #frames: Frame[] = [];
  readonly #moves: Move[] = [];
  #frame: Frame;

  /** `start` is the offset of the body's first instruction. */
  constructor(start: number) {
    this.#frame = this.#push(OP.block, this.#begin(start));
  }

  /** The stretch of the function's start. */
  get entry(): Stretch {
    return this.stretches[0]!;
  }

  /** The stretch of the current place. */
  get current(): Stretch {
    return this.#frame.current;
  }

  /** Whether a branch, other than `return`, leads out of the function, even where control cannot come. */
  left = false;

  /** A branch to the block `label`, counted from the innermost, from the current stretch. */
  branch(label: number, conditional: boolean, reachable: boolean): void {
    const target = this.#frames.length - 1 - label;
    if (target === 0) this.left = true;
    if (!reachable) return;
    const frame = this.#frames[target]!;
    frame.targeted = true;
    this.#escape(target);
    if (frame.opcode !== OP.loop) return;
    if (conditional) frame.rounds = undefined;
    else frame.rounds?.push(this.current);
  }

  /** A `return`. */
  return(): void {
    this.#escape(0);
  }

  /** Control may have gone elsewhere before `offset`: what follows is not certain. */
  part(offset: number): void {
    this.#frame.current = this.#begin(offset);
  }

  /** A block was opened by `opcode`. */
  open(opcode: number, offset: number, reachable: boolean): void {
    const inner = opcode === OP.block || !reachable ? this.current : this.#begin(offset);
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

  /** The innermost block was closed. Not for the body itself. */
  close(offset: number, reachable: boolean): void {
    const inner = this.#frames.pop()!;
    const outer = this.#frames.at(-1);
    if (outer === undefined) throw new RangeError("The body itself is not a block to close.");
    this.#frame = outer;
    if (inner.opcode === OP.loop) this.#placeRound(inner, outer.current);
    if (inner.second !== undefined) {
      this.#moves.push({ from: inner.first, other: inner.second, before: outer.current, rounds: [] });
    }
    const certain = inner.outermost >= this.#frames.length;
    if (inner.outermost < outer.outermost) outer.outermost = inner.outermost;
    if (certain || !reachable) return;
    // Something in it leads further out. Where it can only be left at its end, that end goes on.
    const passed = inner.opcode === OP.loop || (inner.opcode === OP.block && !inner.targeted);
    outer.current = passed ? inner.current : this.#begin(offset);
  }

  /**
   * Moves fuel to where one charge does for several. The sums of all paths stay as they are. To be
   * called when the body was followed, and again when more was added to its stretches.
   */
  settle(): void {
    for (const { from, other, before, rounds } of this.#moves) {
      const least = other === undefined ? from.fuel : Math.min(from.fuel, other.fuel);
      from.fuel -= least;
      if (other !== undefined) other.fuel -= least;
      for (const stretch of rounds) stretch.fuel += least;
      before.fuel += least;
    }
  }

  /**
   * Decides where the rounds of a loop are paid. Mostly at its head. When every jump back is
   * unconditional, the head's fuel is paid by those who come there: `before` the loop for the
   * first round, and by each stretch that jumps back for the next. One charge less in each round.
   */
  #placeRound({ first, rounds, targeted }: Frame, before: Stretch): void {
    if (!targeted) return;
    const atHead = rounds === undefined || rounds.includes(first);
    for (const stretch of atHead ? [first] : rounds) stretch.checked = true;
    if (!atHead) this.#moves.push({ from: first, other: undefined, before, rounds });
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
      rounds: opcode === OP.loop ? [] : undefined,
    };
    this.#frames.push(frame);
    return frame;
  }
}
