// Divides bodies into stretches: places that every run passes equally often, unless it ends in
// between. A stretch pays for all of itself where it starts, so fewer, larger charges give the same
// sum as one for each basic block. docs/formats/metering.md has the rules.

import { OP } from "../wasm/instruction-set.ts";
import { ROUND_FUEL } from "./cost-table.ts";

/** How a branch comes about: always, by a test, or by a table. */
export type BranchKind = "jump" | "test" | "table";

/** No stretch, edge or join. */
const NONE = -1;
/** Of a label to which a table leads: the ways there are not kept. */
const BLOCKED = -2;

/** Stretches, edges and joins for which there is room at first. */
const START_CAPACITY = 4_096;

/** A block while it is followed. Kept from one body to the next, one for each depth. */
interface Frame {
  opcode: number;
  /** The stretch that the current place in the block belongs to. */
  current: number;
  /** The one before it. */
  before: number;
  /** The one that its code, or its first arm, started with. */
  first: number;
  /** Start of the second arm, or none. */
  second: number;
  /** Outermost block that a branch in it leads to, by its place in the list of blocks. */
  outermost: number;
  /** Whether a branch leads to its own label. */
  targeted: boolean;
  /** The last of the ways to its label, other than from the code before it. */
  edges: number;
}

/**
 * Follows the bodies of a module, as `BodyVisitor` tells of them, and sums up the fuel of their
 * stretches. Columns of numbers instead of objects: a module of a megabyte has a hundred thousand, and
 * collecting them would take as long as reading it. Columns are others after any body was followed.
 */
export class StretchMap {
  /** Of each stretch, in the order in which they start: the offset of its first instruction. */
  at = new Int32Array(START_CAPACITY);
  fuel = new Int32Array(START_CAPACITY);
  /** 1 where a look at what is left is due: somewhere in every round of every loop. */
  checked = new Uint8Array(START_CAPACITY);
  /** While fuel is moved: how much of it each stretch would get for each unit. */
  #share = new Int32Array(START_CAPACITY);
  #count = 0;
  /** Ways by which control comes to a stretch: the one that ends there or parts, and where control goes otherwise. */
  #edgeFrom = new Int32Array(START_CAPACITY);
  #edgeOther = new Int32Array(START_CAPACITY);
  /** The way to the same stretch that was found before. */
  #edgeNext = new Int32Array(START_CAPACITY);
  #edgeCount = 0;
  /** Stretches with all the ways to them: what they cost can as well be paid on each of these. */
  #joinAt = new Int32Array(START_CAPACITY);
  #joinEdges = new Int32Array(START_CAPACITY);
  #joinCount = 0;
  readonly #frames: Frame[] = [];
  #depth = 0;
  /** The last test, until it is known what follows when it fails. */
  #untaken = NONE;
  #left = false;

  /** How many stretches there are so far. */
  get count(): number {
    return this.#count;
  }

  /** How many joins there are so far. */
  get joinCount(): number {
    return this.#joinCount;
  }

  /** The stretch of the current place. */
  get current(): number {
    return this.#frames[this.#depth]!.current;
  }

  /** Whether a branch of the current body, other than `return`, leads out of it, even where control cannot come. */
  get left(): boolean {
    return this.#left;
  }

  /** A body starts with the instruction at `offset`; returns its first stretch. */
  enter(offset: number): number {
    const entry = this.#begin(offset);
    this.#depth = -1;
    this.#push(OP.block, entry, entry);
    this.#left = false;
    return entry;
  }

  /** A branch to the block `label`, counted from the innermost, from the current stretch. */
  branch(label: number, kind: BranchKind, reachable: boolean): void {
    const target = this.#depth - label;
    if (target === 0) this.#left = true;
    if (!reachable) return;
    const frame = this.#frames[target]!;
    frame.targeted = true;
    this.#escape(target);
    if (kind === "table") frame.edges = BLOCKED;
    if (frame.edges === BLOCKED) return;
    this.#addEdge(frame, this.current, NONE);
    if (kind === "test") this.#untaken = frame.edges;
  }

  /** A `return`. */
  return(): void {
    this.#escape(0);
  }

  /** Control may have gone elsewhere before `offset`: what follows is not certain. */
  part(offset: number): void {
    const next = this.#begin(offset);
    this.#frames[this.#depth]!.current = next;
    if (this.#untaken !== NONE) this.#edgeOther[this.#untaken] = next;
    this.#untaken = NONE;
  }

  /** A block was opened by `opcode`. */
  open(opcode: number, offset: number, reachable: boolean): void {
    const before = this.current;
    const first = opcode === OP.block || !reachable ? before : this.#begin(offset);
    this.#push(opcode, before, first);
    if (opcode === OP.loop && reachable) this.fuel[first]! += ROUND_FUEL;
  }

  /** The second arm of an `if` starts. `falls`: control can come to the end of the first. */
  otherwise(offset: number, reachable: boolean, falls: boolean): void {
    if (!reachable) return;
    const frame = this.#frames[this.#depth]!;
    if (falls) this.#addEdge(frame, frame.current, NONE);
    frame.current = this.#begin(offset);
    frame.second = frame.current;
  }

  /** The innermost block was closed. Not for the body itself. `falls`: control can come to its end from the place before. */
  close(offset: number, reachable: boolean, falls: boolean): void {
    const inner = this.#frames[this.#depth]!;
    this.#depth -= 1;
    const outer = this.#frames[this.#depth];
    if (outer === undefined) throw new RangeError("The body itself is not a block to close.");
    const { opcode, first, second, before } = inner;
    if (opcode === OP.loop) this.#placeRound(inner);
    if (second !== NONE) this.#addJoin(first, this.#edge(before, second, NONE));
    const certain = inner.outermost > this.#depth;
    if (inner.outermost < outer.outermost) outer.outermost = inner.outermost;
    if (certain || !reachable) return;
    // Something in it leads further out. Where it can only be left at its end, that end goes on.
    if (opcode === OP.loop || (opcode === OP.block && !inner.targeted)) {
      outer.current = inner.current;
      return;
    }
    outer.current = this.#begin(offset);
    if (falls) this.#addEdge(inner, inner.current, NONE);
    if (opcode === OP.if && second === NONE) this.#addEdge(inner, before, first);
    if (inner.edges !== BLOCKED) this.#addJoin(outer.current, inner.edges);
  }

  /**
   * Moves fuel to where one charge does for several: from a stretch to all that lead there, and to
   * where a test parts them from what both its ways cost. The sums of all paths stay as they are, and
   * nothing is paid that is not certain to come. For the joins from `start` to `end` (exclusive), all
   * of one body, when it was followed, and again when more was added to its stretches.
   */
  settle(start: number, end: number): void {
    // From the last to the first: what a join gives to the stretches before it, they can give on.
    for (let join = end - 1; join >= start; join--) this.#settleJoin(this.#joinAt[join]!, this.#joinEdges[join]!);
  }

  /** Moves as much as can be moved: then at least one charge is nothing. */
  #settleJoin(at: number, edges: number): void {
    const { fuel } = this;
    const [share, from, others, next] = [this.#share, this.#edgeFrom, this.#edgeOther, this.#edgeNext];
    if (fuel[at] === 0) return;
    share[at]! -= 1;
    for (let edge = edges; edge !== NONE; edge = next[edge]!) {
      share[from[edge]!]! += 1;
      if (others[edge] !== NONE) share[others[edge]!]! -= 1;
    }
    let least = this.#affordable(at);
    for (let edge = edges; edge !== NONE; edge = next[edge]!) {
      if (others[edge] !== NONE) least = Math.min(least, this.#affordable(others[edge]!));
    }
    this.#move(at, least);
    for (let edge = edges; edge !== NONE; edge = next[edge]!) {
      this.#move(from[edge]!, least);
      if (others[edge] !== NONE) this.#move(others[edge]!, least);
    }
  }

  /** How often the stretch can give its share. */
  #affordable(stretch: number): number {
    const share = this.#share[stretch]!;
    if (share === -1) return this.fuel[stretch]!;
    return share >= 0 ? Infinity : Math.floor(this.fuel[stretch]! / -share);
  }

  /** Does it once, however often it is named. */
  #move(stretch: number, units: number): void {
    const share = this.#share[stretch]!;
    if (share !== 0 && units !== Infinity) this.fuel[stretch]! += share * units;
    this.#share[stretch] = 0;
  }

  /**
   * Decides where the rounds of a loop are looked at: at its head, or, when every jump back is
   * unconditional, by each stretch that jumps back.
   */
  #placeRound({ before, first, edges, targeted }: Frame): void {
    const jumps = edges !== BLOCKED && this.#allJump(edges, first);
    if (targeted && !jumps) this.checked[first] = 1;
    if (edges === BLOCKED) return;
    if (jumps)
      for (let edge = edges; edge !== NONE; edge = this.#edgeNext[edge]!) this.checked[this.#edgeFrom[edge]!] = 1;
    this.#addJoin(first, this.#edge(before, NONE, edges));
  }

  /** Whether all these ways are unconditional, and none comes from the stretch `first` itself. */
  #allJump(edges: number, first: number): boolean {
    for (let edge = edges; edge !== NONE; edge = this.#edgeNext[edge]!) {
      if (this.#edgeOther[edge] !== NONE || this.#edgeFrom[edge] === first) return false;
    }
    return true;
  }

  #escape(target: number): void {
    const frame = this.#frames[this.#depth]!;
    if (target < frame.outermost) frame.outermost = target;
  }

  #begin(at: number): number {
    const stretch = this.#count++;
    if (stretch === this.at.length) {
      this.at = doubled(this.at);
      this.fuel = doubled(this.fuel);
      this.#share = doubled(this.#share);
      const checked = new Uint8Array(2 * stretch);
      checked.set(this.checked);
      this.checked = checked;
    }
    this.at[stretch] = at;
    return stretch;
  }

  #addEdge(frame: Frame, from: number, other: number): void {
    if (frame.edges !== BLOCKED) frame.edges = this.#edge(from, other, frame.edges);
  }

  #edge(from: number, other: number, next: number): number {
    const edge = this.#edgeCount++;
    if (edge === this.#edgeFrom.length) {
      this.#edgeFrom = doubled(this.#edgeFrom);
      this.#edgeOther = doubled(this.#edgeOther);
      this.#edgeNext = doubled(this.#edgeNext);
    }
    this.#edgeFrom[edge] = from;
    this.#edgeOther[edge] = other;
    this.#edgeNext[edge] = next;
    return edge;
  }

  #addJoin(at: number, edges: number): void {
    const join = this.#joinCount++;
    if (join === this.#joinAt.length) {
      this.#joinAt = doubled(this.#joinAt);
      this.#joinEdges = doubled(this.#joinEdges);
    }
    this.#joinAt[join] = at;
    this.#joinEdges[join] = edges;
  }

  #push(opcode: number, before: number, first: number): void {
    this.#depth += 1;
    const [depth, edges] = [this.#depth, NONE];
    const frame = this.#frames[depth];
    if (frame === undefined) {
      this.#frames.push({
        opcode,
        current: first,
        before,
        first,
        second: NONE,
        outermost: depth,
        targeted: false,
        edges,
      });
      return;
    }
    frame.opcode = opcode;
    frame.current = first;
    frame.before = before;
    frame.first = first;
    frame.second = NONE;
    frame.outermost = depth;
    frame.targeted = false;
    frame.edges = edges;
  }
}

function doubled(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * column.length);
  larger.set(column);
  return larger;
}
