// Members who wait for their turn and share time fairly: whoever has used the least is next. Start-time
// fair queueing (Goyal, Vin, Cheng 1996), with costs that are known afterwards.

/** One who shares. */
export interface Share<Name, Member> {
  readonly name: Name;
  readonly member: Member;
  /** Time used, in ms, counted from {@link FairShares}' own time when the member came. */
  usedMs: number;
}

/** What a set of shares is made of. */
export interface FairSharesParts<Name, Member> {
  readonly create: (name: Name) => Member;
  /** Members that are remembered although they do not wait: their debt, mostly. */
  readonly rememberedCount: number;
}

/** Members by name. A member exists from its first turn on, until it is forgotten. */
export class FairShares<Name, Member> {
  readonly #parts: FairSharesParts<Name, Member>;
  readonly #waiting = new Map<Name, Share<Name, Member>>();
  /** Who does not wait now; the last one who did is at the end. */
  readonly #resting = new Map<Name, Share<Name, Member>>();
  /** What the member had used who was served last: nobody who comes later is owed more. */
  #timeMs = 0;

  constructor(parts: FairSharesParts<Name, Member>) {
    this.#parts = parts;
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Who waits. */
  waiting(): Iterable<Share<Name, Member>> {
    return this.#waiting.values();
  }

  /** The member of that name, who waits from now on. */
  enter(name: Name): Member {
    const known = this.#waiting.get(name);
    if (known !== undefined) return known.member;
    const share = this.#resting.get(name) ?? { name, member: this.#parts.create(name), usedMs: 0 };
    share.usedMs = Math.max(share.usedMs, this.#timeMs);
    this.#resting.delete(name);
    this.#waiting.set(name, share);
    return share.member;
  }

  /** Whose turn it is: who waits and has used the least, of equals who came first; undefined when nobody waits. */
  next(): Share<Name, Member> | undefined {
    let least: Share<Name, Member> | undefined;
    for (const share of this.#waiting.values()) {
      if (least === undefined || share.usedMs < least.usedMs) least = share;
    }
    if (least !== undefined) this.#timeMs = least.usedMs;
    return least;
  }

  /** The member does not wait any more. What its turn takes may be charged still. */
  leave(share: Share<Name, Member>): void {
    this.#waiting.delete(share.name);
    if (this.#resting.size >= this.#parts.rememberedCount) this.#forget();
    this.#resting.set(share.name, share);
  }

  /** Adds what the turn of a member has taken; who is forgotten owes nothing. */
  charge(name: Name, costMs: number): Member | undefined {
    const share = this.#waiting.get(name) ?? this.#resting.get(name);
    if (share !== undefined) share.usedMs += costMs;
    return share?.member;
  }

  /** Makes room for one more. */
  #forget(): void {
    // Who has used less than the present time would begin with that anyway.
    for (const { name, usedMs } of this.#resting.values()) if (usedMs <= this.#timeMs) this.#resting.delete(name);
    for (const name of this.#resting.keys()) {
      if (this.#resting.size < this.#parts.rememberedCount) return;
      this.#resting.delete(name);
    }
  }
}
