import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Queued } from "../../../host/engine/fair-queue.ts";

let nextId = 1;
function item(caller: string, lane = ""): Queued {
  return { id: nextId++, caller, lane };
}

/** Serves `count` requests, each at its caller's cost; returns who was served. */
function serve(queue: FairQueue<Queued>, count: number, costs: Readonly<Record<string, number>>): string[] {
  return Array.from({ length: count }, () => {
    const next = queue.next()!;
    queue.charge(next.caller, costs[next.caller] ?? 1);
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
          const first = waiting.findIndex(({ caller, lane }) => caller === taken.caller && lane === taken.lane);
          expect(waiting.splice(first, 1)).toEqual([taken]);
        }
      };
      for (const step of steps) {
        if (step.do === "push") {
          const fresh = item(step.caller, step.lane);
          waiting.push(fresh);
          queue.push(fresh);
        } else if (step.do === "drop") {
          const victim = waiting.at(-1);
          expect(queue.drop(victim?.id ?? 0)).toBe(waiting.pop());
          expect(queue.drop(victim?.id ?? 0)).toBeUndefined();
        } else {
          take(queue.next());
          queue.charge(step.caller, step.cost);
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
