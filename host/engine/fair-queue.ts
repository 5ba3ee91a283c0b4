// Waiting requests, fair between callers: whoever has used the least time is next, so that a caller
// who floods, or whose calls are long, slows down itself. A caller's own lanes take turns.

/** What waits. */
export interface Queued {
  readonly id: number;
  /** Who pays for it. */
  readonly caller: string;
  /** In order within a lane of a caller. */
  readonly lane: string;
}

interface Waiting<Item> {
  /** Lanes with something in them, the next one first. */
  readonly lanes: Map<string, Item[]>;
  /** Time used, in ms, counted from {@link FairQueue}'s own time when the caller came. */
  usedMs: number;
}

/** Callers that are remembered although nothing of theirs waits: their debt, mostly. */
const REMEMBERED_COUNT = 1_000;

/** Start-time fair queueing (Goyal, Vin, Cheng 1996), with costs that are known afterwards. */
export class FairQueue<Item extends Queued> {
  readonly #waiting = new Map<string, Waiting<Item>>();
  /** What callers have used who are not waiting now. */
  readonly #used = new Map<string, number>();
  /** What the caller had used who was served last: nobody who comes later is owed more. */
  #timeMs = 0;

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Puts the item at its lane's end. */
  push(item: Item): void {
    const { caller, lane } = item;
    let waiting = this.#waiting.get(caller);
    if (waiting === undefined) {
      waiting = { lanes: new Map(), usedMs: Math.max(this.#used.get(caller) ?? 0, this.#timeMs) };
      this.#used.delete(caller);
      this.#waiting.set(caller, waiting);
    }
    waiting.lanes.getOrInsertComputed(lane, () => []).push(item);
  }

  /** Takes the next item; undefined when nothing waits. */
  next(): Item | undefined {
    let [caller, least]: [string, Waiting<Item> | undefined] = ["", undefined];
    for (const [name, waiting] of this.#waiting) {
      if (least === undefined || waiting.usedMs < least.usedMs) [caller, least] = [name, waiting];
    }
    if (least === undefined) return undefined;
    this.#timeMs = least.usedMs;
    const { lanes } = least;
    for (const [name, lane] of lanes) {
      const item = lane.shift();
      // To the end of the turn, or out when it is empty.
      lanes.delete(name);
      if (lane.length > 0) lanes.set(name, lane);
      this.#leaveIfEmpty(caller, least);
      return item;
    }
    return undefined;
  }

  /** Adds what a request of the caller has taken. */
  charge(caller: string, costMs: number): void {
    const waiting = this.#waiting.get(caller);
    if (waiting !== undefined) waiting.usedMs += costMs;
    else this.#remember(caller, (this.#used.get(caller) ?? this.#timeMs) + costMs);
  }

  /** Takes out the item of that id, if it still waits. */
  drop(id: number): Item | undefined {
    for (const [caller, waiting] of this.#waiting) {
      for (const [name, lane] of waiting.lanes) {
        const index = lane.findIndex((item) => item.id === id);
        if (index === -1) continue;
        const [item] = lane.splice(index, 1);
        if (lane.length === 0) waiting.lanes.delete(name);
        this.#leaveIfEmpty(caller, waiting);
        return item;
      }
    }
    return undefined;
  }

  #leaveIfEmpty(caller: string, { lanes, usedMs }: Waiting<Item>): void {
    if (lanes.size > 0) return;
    this.#waiting.delete(caller);
    this.#remember(caller, usedMs);
  }

  #remember(caller: string, usedMs: number): void {
    this.#used.delete(caller);
    this.#used.set(caller, usedMs);
    if (this.#used.size <= REMEMBERED_COUNT) return;
    // Who has used less than the present time would begin with that anyway.
    for (const [name, used] of this.#used) if (used <= this.#timeMs) this.#used.delete(name);
    for (const name of this.#used.keys()) {
      if (this.#used.size <= REMEMBERED_COUNT) return;
      this.#used.delete(name);
    }
  }
}
