// Waiting requests of a worker, fair between its twins, and within each between its callers: one who
// floods, or whose calls are long, slows down itself. A caller's own lanes take turns.

import { FairShares, type Share } from "./fair-shares.ts";

/** Who pays for the time that a request takes. */
export interface Payer {
  /** Of the twin. */
  readonly slot: number;
  readonly caller: string;
}

/** What waits. */
export interface Queued extends Payer {
  readonly id: number;
  /** In order within a lane of a caller. */
  readonly lane: string;
}

/** Twins of a worker whose debts are remembered. */
const TWIN_COUNT = 1_000;
/** Callers of a twin whose debts are remembered: strangers come under new names for as long as they like. */
const CALLER_COUNT = 250;

/** Lanes with something in them, the next one first. */
type Lanes<Item> = Map<string, Item[]>;
type Callers<Item> = FairShares<string, Lanes<Item>>;

/** The queue. Whoever takes an item charges what it has cost. */
export class FairQueue<Item extends Queued> {
  readonly #twins = new FairShares<number, Callers<Item>>({
    create: () => new FairShares({ create: () => new Map(), rememberedCount: CALLER_COUNT }),
    rememberedCount: TWIN_COUNT,
  });

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#twins.isEmpty;
  }

  /** Puts the item at its lane's end. */
  push(item: Item): void {
    const { slot, caller, lane } = item;
    const lanes = this.#twins.enter(slot).enter(caller);
    lanes.getOrInsertComputed(lane, () => []).push(item);
  }

  /** Takes the next item; undefined when nothing waits. */
  next(): Item | undefined {
    const twin = this.#twins.next();
    const caller = twin?.member.next();
    if (twin === undefined || caller === undefined) return undefined;
    const lanes = caller.member;
    const [name, lane] = lanes.entries().next().value!;
    const item = lane.shift();
    // To the end of the turn, or out when it is empty.
    lanes.delete(name);
    if (lane.length > 0) lanes.set(name, lane);
    else if (lanes.size === 0) this.#leave(twin, caller);
    return item;
  }

  /** Adds what a request has taken to what its twin and its caller have used. */
  charge({ slot, caller }: Payer, costMs: number): void {
    this.#twins.charge(slot, costMs)?.charge(caller, costMs);
  }

  /** Takes out the item of that id, if it still waits. */
  drop(id: number): Item | undefined {
    for (const twin of this.#twins.waiting()) {
      for (const caller of twin.member.waiting()) {
        const lanes = caller.member;
        for (const [name, lane] of lanes) {
          const index = lane.findIndex((item) => item.id === id);
          if (index === -1) continue;
          const [item] = lane.splice(index, 1);
          if (lane.length === 0) lanes.delete(name);
          if (lanes.size === 0) this.#leave(twin, caller);
          return item;
        }
      }
    }
    return undefined;
  }

  #leave(twin: Share<number, Callers<Item>>, caller: Share<string, Lanes<Item>>): void {
    twin.member.leave(caller);
    if (twin.member.isEmpty) this.#twins.leave(twin);
  }
}
