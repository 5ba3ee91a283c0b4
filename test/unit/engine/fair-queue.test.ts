import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Queued } from "../../../host/engine/fair-queue.ts";

let nextId = 1;
function item(caller: string, lane = "", slot = 1): Queued {
  return { id: nextId++, slot, caller, lane };
}

/** Serves `count` requests, each at its caller's cost; returns who was served. */
function serve(queue: FairQueue<Queued>, count: number, costs: Readonly<Record<string, number>>): string[] {
  return Array.from({ length: count }, () => {
    const next = queue.next()!;
    queue.charge(next, costs[next.caller] ?? 1);
    return next.caller;
  });
}

test("a flood of one caller delays another by one request", () => {
  const queue = new FairQueue<Queued>();
  for (let index = 0; index < 1_000; index++) queue.push(item("flood"));
  serve(queue, 500, {});
  for (let index = 0; index < 3; index++) queue.push(item("small"));
  expect(serve(queue, 6, {}).filter((caller) => caller === "small")).toHaveLength(3);
});

test("a twin whose many callers all flood takes half of the time of its only neighbour, and its callers share that", () => {
  const queue = new FairQueue<Queued>();
  for (let index = 0; index < 1_000; index++) queue.push(item(`flood ${index % 100}`, "", 1));
  for (let index = 0; index < 100; index++) queue.push(item("alone", "", 2));
  const served = serve(queue, 200, {});
  expect(served.filter((caller) => caller === "alone")).toHaveLength(100);
  expect(new Set(served).size).toBe(101);
});

test("a twin that comes back owes what its callers have used, each its own part", () => {
  const queue = new FairQueue<Queued>();
  for (const caller of ["heavy", "light"]) queue.push(item(caller, "", 1));
  serve(queue, 2, { heavy: 50, light: 1 });
  for (let index = 0; index < 200; index++) queue.push(item("neighbour", "", 2));
  for (let index = 0; index < 60; index++) for (const caller of ["heavy", "light"]) queue.push(item(caller, "", 1));
  // The neighbour has used nothing since they came: time began for it where the last turn began.
  const served = serve(queue, 100, {});
  const count = (caller: string): number => served.filter((each) => each === caller).length;
  expect(count("neighbour")).toBeGreaterThan(50);
  expect(count("light")).toBeGreaterThan(10);
  expect(count("heavy")).toBe(0);
});

test("a caller with long calls gets as much time as one with short ones, not as many turns", () => {
  const queue = new FairQueue<Queued>();
  for (let index = 0; index < 1_000; index++) {
    queue.push(item("long"));
    queue.push(item("short"));
  }
  const served = serve(queue, 404, { long: 100, short: 1 });
  expect(served.filter((caller) => caller === "long")).toHaveLength(4);
});

test("a caller who comes back owes what it has used, and is owed nothing for its absence", () => {
  const queue = new FairQueue<Queued>();
  queue.push(item("heavy"));
  expect(serve(queue, 1, { heavy: 100 })).toEqual(["heavy"]);
  for (let index = 0; index < 300; index++) queue.push(item("light"));
  queue.push(item("heavy"));
  expect(serve(queue, 100, {})).not.toContain("heavy");
  expect(serve(queue, 2, { heavy: 100 })).toContain("heavy");
  queue.push(item("absent"));
  queue.push(item("absent"));
  expect(serve(queue, 4, {}).filter((caller) => caller === "light").length).toBeGreaterThanOrEqual(2);
});

test("lanes of one caller take turns, each in order", () => {
  const queue = new FairQueue<Queued>();
  const items = ["a", "a", "a", "b", "b", "c"].map((lane) => item("owner", lane));
  for (const each of items) queue.push(each);
  const served = items.map(() => queue.next()!);
  expect(served.map(({ lane }) => lane).join("")).toBe("abcaba");
  expect(served.filter(({ lane }) => lane === "a")).toEqual(items.slice(0, 3));
});

test("every item comes out once, in order of its lane, unless it was dropped", () => {
  const step = fc.record({
    do: fc.constantFrom("push", "push", "next", "drop"),
    slot: fc.constantFrom(1, 2),
    caller: fc.constantFrom("x", "y"),
    lane: fc.constantFrom("a", "b"),
    cost: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FairQueue<Queued>();
      const waiting: Queued[] = [];
      const take = (taken: Queued | undefined): void => {
        if (taken === undefined) expect(waiting).toEqual([]);
        else {
          const first = waiting.findIndex(
            ({ slot, caller, lane }) => slot === taken.slot && caller === taken.caller && lane === taken.lane,
          );
          expect(waiting.splice(first, 1)).toEqual([taken]);
        }
      };
      for (const step of steps) {
        if (step.do === "push") {
          const fresh = item(step.caller, step.lane, step.slot);
          waiting.push(fresh);
          queue.push(fresh);
        } else if (step.do === "drop") {
          const victim = waiting.at(-1);
          expect(queue.drop(victim?.id ?? 0)).toBe(waiting.pop());
          expect(queue.drop(victim?.id ?? 0)).toBeUndefined();
        } else {
          take(queue.next());
          queue.charge(step, step.cost);
        }
      }
      while (waiting.length > 0) take(queue.next());
      expect(queue.next()).toBeUndefined();
    }),
  );
});

test("callers who are gone are forgotten, however many they were", () => {
  const queue = new FairQueue<Queued>();
  for (let index = 0; index < 5_000; index++) {
    queue.push(item(`caller ${index}`));
    serve(queue, 1, { [`caller ${index}`]: 5 });
  }
  queue.push(item("caller 4999"));
  queue.push(item("fresh"));
  expect(serve(queue, 1, {})).toEqual(["fresh"]);
});
