// Decides across the bodies of a module who pays for the start of a function, its callers or it
// itself, and which functions need not look at the account because they cannot do much, or need
// nothing of it at all.

import type { BodyNotes } from "./body-notes.ts";

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
  readonly notes: BodyNotes;
  /** Whether it may be called through the table. */
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

/**
 * The plan of each function, in order; adds what callers pay to the stretches of their calls.
 * Functions of `taken` indices may be called through the table, where no caller knows them: they
 * pay for themselves.
 */
export function planCalls(bodies: readonly BodyNotes[], importCount: number, taken: ReadonlySet<number>): EntryPlan[] {
  const drafts = bodies.map((notes, index): Draft => {
    const own = taken.has(importCount + index);
    const start = { paid: 0, checked: true, account: "both", state: "new", next: 0 } as const;
    return { notes, taken: own, fixed: own, ...start, recursive: false, fuelMax: 0, weightMax: 0 };
  });
  for (const draft of drafts) visit(draft, drafts, importCount);
  return drafts;
}

/** Plans a function after all those that it calls, without recursion of our own. */
function visit(first: Draft, drafts: readonly Draft[], importCount: number): void {
  if (first.state !== "new") return;
  const path = [first];
  first.state = "open";
  for (let draft: Draft | undefined = first; draft !== undefined; draft = path[path.length - 1]) {
    const call = draft.notes.calls[draft.next];
    if (call === undefined) {
      finish(draft, drafts, importCount);
      path.pop();
      continue;
    }
    draft.next++;
    if (call.callee < importCount) continue;
    const callee = drafts[call.callee - importCount]!;
    if (callee.state === "open") callee.recursive = true;
    if (callee.state !== "new") continue;
    callee.state = "open";
    path.push(callee);
  }
}

/** All that it calls is planned, except what is on the way to itself. */
function finish(draft: Draft, drafts: readonly Draft[], importCount: number): void {
  const { map, calls, weight, indirect } = draft.notes;
  let unknown = false;
  let calleeFuelMax = 0;
  let calleeWeightMax = 0;
  let needed: Account = "none";
  for (const { callee: index, stretch } of calls) {
    // The stand-in of an import pays and looks by itself.
    const callee = index < importCount ? undefined : drafts[index - importCount]!;
    if (callee === undefined || callee.account === "both") needed = "both";
    else if (callee.account === "fuel" && needed === "none") needed = "fuel";
    if (callee === undefined || stretch === undefined) continue;
    if (callee.state === "open") {
      unknown = true;
      fix(callee);
    }
    stretch.fuel += callee.paid;
    if (callee.checked) continue;
    calleeFuelMax += callee.fuelMax;
    calleeWeightMax = Math.max(calleeWeightMax, callee.weightMax);
  }
  map.settle();
  fix(draft);
  const own = map.stretches.reduce((sum, { fuel }) => sum + fuel, 0);
  draft.fuelMax = own + calleeFuelMax;
  draft.weightMax = weight + calleeWeightMax;
  const small = draft.fuelMax <= UNCHECKED_FUEL_MAX && draft.weightMax <= UNCHECKED_WEIGHT_MAX;
  draft.checked = indirect || draft.recursive || unknown || !small;
  if (draft.checked || draft.taken) draft.account = "both";
  else draft.account = needed === "none" && pays(draft) ? "fuel" : needed;
  draft.state = "done";
}

/** Whether it pays anything by itself. */
function pays({ notes, paid }: Draft): boolean {
  const { map, byLength } = notes;
  const rest =
    map.entry.fuel > paid || map.stretches.some((stretch, index) => stretch.checked || (index > 0 && stretch.fuel > 0));
  return byLength || rest;
}

/** Settles what callers pay: the whole start, as far as it is known by now. */
function fix(draft: Draft): void {
  if (draft.fixed) return;
  draft.fixed = true;
  const { fuel } = draft.notes.map.entry;
  draft.paid = fuel <= PAID_FUEL_MAX ? fuel : 0;
}
