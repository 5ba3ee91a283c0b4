// Waiting requests in lanes: in order within a lane, lanes in turn, so that a flood in one lane
// delays the others by one request at a time.

/** What waits. */
export interface Queued {
  readonly id: number;
  readonly lane: string;
}

/** Lanes with something in them, the next one first. */
export class FairQueue<Item extends Queued> {
  readonly #lanes = new Map<string, Item[]>();

  /** Puts the item at its lane's end. */
  push(item: Item): void {
    const lane = this.#lanes.get(item.lane);
    if (lane === undefined) this.#lanes.set(item.lane, [item]);
    else lane.push(item);
  }

  /** Takes the next item; undefined when nothing waits. */
  next(): Item | undefined {
    for (const [name, lane] of this.#lanes) {
      const item = lane.shift();
      // To the end of the turn, or out when it is empty.
      this.#lanes.delete(name);
      if (lane.length > 0) this.#lanes.set(name, lane);
      return item;
    }
    return undefined;
  }

  /** Takes out the item of that id, if it still waits. */
  drop(id: number): Item | undefined {
    for (const [name, lane] of this.#lanes) {
      const index = lane.findIndex((item) => item.id === id);
      if (index === -1) continue;
      const [item] = lane.splice(index, 1);
      if (lane.length === 0) this.#lanes.delete(name);
      return item;
    }
    return undefined;
  }
}
