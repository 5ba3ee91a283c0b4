// Decides across the bodies of a module who pays for the start of a function, its callers or it
// itself, and which functions need not look at the account because they cannot do much, or need
// nothing of it at all.

import { type BodyNotes, type ModuleNotes, NO_STRETCH } from "./body-notes.ts";

/** What a function gets of its call's account: depth and fuel, the fuel alone, or nothing. Fuel it gives back. */
export type Account = "both" | "fuel" | "none";

/** How a function starts. */
export interface EntryPlan {
  /** Fuel that its callers pay with the stretch of their call. */
  paid: number;
  /** Whether it looks if fuel and depth suffice, and takes its weight. */
  checked: boolean;
  account: Account;
}

/** Fuel of a function's start that callers pay at most: a call that fails has paid too much by little. */
const PAID_FUEL_MAX = 512;
/** What a function that does not look can burn and weigh at most, with all that it calls. */
const UNCHECKED_FUEL_MAX = 512;
const UNCHECKED_WEIGHT_MAX = 32;

/** A function while it is planned. */
interface Draft extends EntryPlan {
  readonly body: BodyNotes;
  /** Whether it may be called through the table, where no caller knows it. */
  readonly taken: boolean;
  /** Whether its start is paid as `paid` says, whatever is found later. */
  fixed: boolean;
  state: "new" | "open" | "done";
  /** Next of its calls to look at. */
  next: number;
  /** Whether it can come back to itself by direct calls. */
  recursive: boolean;
  /** At most, with all that it calls until one looks: from its start to its end. */
  fuelMax: number;
  weightMax: number;
}

/** The plan of each function, in order; adds what callers pay to the stretches of their calls. */
export function planCalls(notes: ModuleNotes, bodies: readonly BodyNotes[], importCount: number): EntryPlan[] {
  return new CallPlanner(notes, bodies, importCount).plan();
}

class CallPlanner {
  readonly #notes: ModuleNotes;
  readonly #importCount: number;
  readonly #drafts: readonly Draft[];

  constructor(notes: ModuleNotes, bodies: readonly BodyNotes[], importCount: number) {
    this.#notes = notes;
    this.#importCount = importCount;
    this.#drafts = bodies.map((body, index) => newDraft(body, notes.taken.has(importCount + index)));
  }

  plan(): EntryPlan[] {
    const path: Draft[] = [];
    for (const draft of this.#drafts) if (draft.state === "new") this.#visit(draft, path);
    return [...this.#drafts];
  }

  /** Plans a function after all those that it calls, without recursion of our own. */
  #visit(first: Draft, path: Draft[]): void {
    const { callee } = this.#notes;
    first.state = "open";
    path.push(first);
    for (let draft: Draft | undefined = first; draft !== undefined; draft = path[path.length - 1]) {
      if (draft.next === draft.body.calls.end) {
        this.#finish(draft);
        path.pop();
        continue;
      }
      const called = this.#draftOf(callee[draft.next]!);
      draft.next++;
      if (called?.state === "open") called.recursive = true;
      if (called?.state !== "new") continue;
      called.state = "open";
      path.push(called);
    }
  }

  /** All that it calls is planned, except what is on the way to itself. */
  #finish(draft: Draft): void {
    const { map, callee, callStretch } = this.#notes;
    const { calls, joins, stretches, weight, indirect } = draft.body;
    let unknown = false;
    let needed: Account = "none";
    for (let call = calls.start; call < calls.end; call++) {
      // The stand-in of an import takes the whole account, pays and looks by itself.
      const called = this.#draftOf(callee[call]!);
      if (called === undefined || called.account === "both") needed = "both";
      else if (called.account === "fuel" && needed === "none") needed = "fuel";
      const stretch = callStretch[call]!;
      if (called === undefined || stretch === NO_STRETCH) continue;
      if (called.state === "open") {
        unknown = true;
        this.#fix(called);
      }
      map.fuel[stretch]! += called.paid;
      if (called.checked) continue;
      draft.fuelMax += called.fuelMax;
      draft.weightMax = Math.max(draft.weightMax, called.weightMax);
    }
    if (calls.end > calls.start) map.settle(joins.start, joins.end);
    this.#fix(draft);
    let looks = false;
    let own = 0;
    for (let stretch = stretches.start; stretch < stretches.end; stretch++) {
      own += map.fuel[stretch]!;
      looks ||= map.checked[stretch] === 1;
    }
    draft.fuelMax += own;
    draft.weightMax += weight;
    const small = draft.fuelMax <= UNCHECKED_FUEL_MAX && draft.weightMax <= UNCHECKED_WEIGHT_MAX;
    draft.checked = indirect || draft.recursive || unknown || !small;
    const pays = looks || own > draft.paid || draft.body.byLength;
    if (draft.checked || draft.taken) draft.account = "both";
    else draft.account = needed === "none" && pays ? "fuel" : needed;
    draft.state = "done";
  }

  /** Of a function by its original index; undefined for imports. */
  #draftOf(index: number): Draft | undefined {
    return index < this.#importCount ? undefined : this.#drafts[index - this.#importCount];
  }

  /** Settles what callers pay: the whole start, as far as it is known by now. */
  #fix(draft: Draft): void {
    if (draft.fixed) return;
    draft.fixed = true;
    const fuel = this.#notes.map.fuel[draft.body.stretches.start]!;
    draft.paid = fuel <= PAID_FUEL_MAX ? fuel : 0;
  }
}

function newDraft(body: BodyNotes, taken: boolean): Draft {
  return {
    body,
    taken,
    // Who may be called through the table pays for itself.
    fixed: taken,
    paid: 0,
    checked: true,
    account: "both",
    state: "new",
    next: body.calls.start,
    recursive: false,
    fuelMax: 0,
    weightMax: 0,
  };
}
