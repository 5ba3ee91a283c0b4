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
  /** While fuel is moved: how much of it this stretch would get for each unit. */
  share: number;
}

/** One way by which control comes to a stretch. */
interface Edge {
  /** The stretch that ends there, or parts. */
  readonly from: Stretch;
  /** Where control goes otherwise; undefined when it cannot. */
  other: Stretch | undefined;
}

/** A stretch with all the ways to it: what it costs can as well be paid on each of them. */
interface Join {
  readonly at: Stretch;
  readonly edges: readonly Edge[];
}

/** How a branch comes about: always, by a test, or by a table. */
export type BranchKind = "jump" | "test" | "table";

interface Frame {
  readonly opcode: number;
  /** The stretch that the current place in the block belongs to. */
  current: Stretch;
  /** The one before it. */
  readonly before: Stretch;
  /** The one that its code, or its first arm, started with. */
  readonly first: Stretch;
  /** Start of the second arm. */
  second: Stretch | undefined;
  /** Outermost block that a branch in it leads to, by its place in the list of blocks. */
  outermost: number;
  /** Whether a branch leads to its own label. */
  targeted: boolean;
  /** The ways to its label, other than from the code before it; undefined when a table leads there. */
  edges: Edge[] | undefined;
}

/** Follows a body as `BodyVisitor` tells of it, and sums up the fuel of its stretches. */
export class StretchMap {
  /** In the order in which they start. */
  readonly stretches: Stretch[] = [];
  readonly #frames: Frame[] = [];
  readonly #joins: Join[] = [];
  #frame: Frame;
  /** The last test, until it is known what follows when it fails. */
  #untaken: Edge | undefined;

  /** `start` is the offset of the body's first instruction. */
  constructor(start: number) {
    const entry = this.#begin(start);
    this.#frame = this.#push(OP.block, entry, entry);
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
  branch(label: number, kind: BranchKind, reachable: boolean): void {
    const target = this.#frames.length - 1 - label;
    if (target === 0) this.left = true;
    if (!reachable) return;
    const frame = this.#frames[target]!;
    frame.targeted = true;
    this.#escape(target);
    if (kind === "table") frame.edges = undefined;
    if (frame.edges === undefined) return;
    const edge = { from: this.current, other: undefined };
    frame.edges.push(edge);
    if (kind === "test") this.#untaken = edge;
  }

  /** A `return`. */
  return(): void {
    this.#escape(0);
  }

  /** Control may have gone elsewhere before `offset`: what follows is not certain. */
  part(offset: number): void {
    const next = this.#begin(offset);
    this.#frame.current = next;
    if (this.#untaken !== undefined) this.#untaken.other = next;
    this.#untaken = undefined;
  }

  /** A block was opened by `opcode`. */
  open(opcode: number, offset: number, reachable: boolean): void {
    const before = this.current;
    const first = opcode === OP.block || !reachable ? before : this.#begin(offset);
    this.#frame = this.#push(opcode, before, first);
    if (opcode === OP.loop && reachable) first.fuel += ROUND_FUEL;
  }

  /** The second arm of an `if` starts. `falls`: control can come to the end of the first. */
  otherwise(offset: number, reachable: boolean, falls: boolean): void {
    if (!reachable) return;
    const frame = this.#frame;
    if (falls) frame.edges?.push({ from: frame.current, other: undefined });
    frame.current = this.#begin(offset);
    frame.second = frame.current;
  }

  /** The innermost block was closed. Not for the body itself. `falls`: control can come to its end from the place before. */
  close(offset: number, reachable: boolean, falls: boolean): void {
    const inner = this.#frames.pop()!;
    const outer = this.#frames.at(-1);
    if (outer === undefined) throw new RangeError("The body itself is not a block to close.");
    this.#frame = outer;
    const { first, second, before } = inner;
    if (inner.opcode === OP.loop) this.#placeRound(inner);
    if (second !== undefined) this.#joins.push({ at: first, edges: [{ from: before, other: second }] });
    const certain = inner.outermost >= this.#frames.length;
    if (inner.outermost < outer.outermost) outer.outermost = inner.outermost;
    if (certain || !reachable) return;
    // Something in it leads further out. Where it can only be left at its end, that end goes on.
    if (inner.opcode === OP.loop || (inner.opcode === OP.block && !inner.targeted)) {
      outer.current = inner.current;
      return;
    }
    const at = this.#begin(offset);
    outer.current = at;
    if (inner.edges === undefined) return;
    if (falls) inner.edges.push({ from: inner.current, other: undefined });
    if (inner.opcode === OP.if && second === undefined) inner.edges.push({ from: before, other: first });
    this.#joins.push({ at, edges: inner.edges });
  }

  /**
   * Moves fuel to where one charge does for several: from a stretch to all that lead there, and to
   * where a test parts them from what both its ways cost. The sums of all paths stay as they are, and
   * nothing is paid that is not certain to come. To be called when the body was followed, and again
   * when more was added to its stretches.
   */
  settle(): void {
    // From the last to the first: what a join gives to the stretches before it, they can give on.
    for (let index = this.#joins.length - 1; index >= 0; index--) settleJoin(this.#joins[index]!);
  }

  /**
   * Decides where the rounds of a loop are looked at: at its head, or, when every jump back is
   * unconditional, by each stretch that jumps back.
   */
  #placeRound({ before, first, edges, targeted }: Frame): void {
    const jumps = edges?.every(({ from, other }) => other === undefined && from !== first) === true;
    if (targeted) for (const stretch of jumps ? edges!.map(({ from }) => from) : [first]) stretch.checked = true;
    if (edges !== undefined) this.#joins.push({ at: first, edges: [{ from: before, other: undefined }, ...edges] });
  }

  #escape(target: number): void {
    if (target < this.#frame.outermost) this.#frame.outermost = target;
  }

  #begin(at: number): Stretch {
    const stretch = { at, fuel: 0, checked: false, share: 0 };
    this.stretches.push(stretch);
    return stretch;
  }

  #push(opcode: number, before: Stretch, first: Stretch): Frame {
    const frame: Frame = {
      opcode,
      current: first,
      before,
      first,
      second: undefined,
      outermost: this.#frames.length,
      targeted: false,
      edges: [],
    };
    this.#frames.push(frame);
    return frame;
  }
}

/** Moves as much as can be moved: then at least one charge is nothing. */
function settleJoin({ at, edges }: Join): void {
  at.share -= 1;
  for (const { from, other } of edges) {
    from.share += 1;
    if (other !== undefined) other.share -= 1;
  }
  const least = edges.reduce((sum, { other }) => Math.min(sum, affordable(other)), affordable(at));
  move(at, least);
  for (const { from, other } of edges) {
    move(from, least);
    if (other !== undefined) move(other, least);
  }
}

/** How often the stretch can give its share. */
function affordable(stretch: Stretch | undefined): number {
  return stretch === undefined || stretch.share >= 0 ? Infinity : Math.floor(stretch.fuel / -stretch.share);
}

/** Does it once, however often it is named. */
function move(stretch: Stretch, units: number): void {
  if (stretch.share !== 0 && units !== Infinity) stretch.fuel += stretch.share * units;
  stretch.share = 0;
}
