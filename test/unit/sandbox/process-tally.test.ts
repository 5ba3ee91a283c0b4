import { describe, expect, it } from "vitest";

import { createTallyBuffer, ProcessTally } from "../../../host/sandbox/process-tally.ts";
import { errorOf } from "./sandbox-support.ts";

const LIMITS = { stacks: 5, instances: 5, memoryPages: 100 };

describe("a tally", () => {
  it("bounds the sum over all threads, whoever holds it", () => {
    const buffer = createTallyBuffer(3);
    const [first, second, third] = [0, 1, 2].map((index) => new ProcessTally(buffer, index, LIMITS)) as [
      ProcessTally,
      ProcessTally,
      ProcessTally,
    ];
    first.take("stacks", 2);
    second.take("stacks", 3);
    const error = errorOf(() => third.take("stacks", 1), "TWIN_CALL_QUEUE");
    expect(error.details).toEqual({ limit: 5, kind: "stacks" });
    expect([first.own("stacks"), second.own("stacks"), third.own("stacks"), third.sum("stacks")]).toEqual([2, 3, 0, 5]);
    first.give("stacks", 1);
    third.take("stacks", 1);
    expect(third.sum("stacks")).toBe(5);
  });

  it("keeps what it counts apart", () => {
    const tally = new ProcessTally(undefined, 0, LIMITS);
    tally.take("stacks", 5);
    tally.take("instances", 4);
    tally.take("memoryPages", 100);
    expect([tally.sum("stacks"), tally.sum("instances"), tally.sum("memoryPages")]).toEqual([5, 4, 100]);
    errorOf(() => tally.take("memoryPages", 1), "TWIN_CALL_QUEUE");
    tally.take("memoryPages", -1);
    expect(tally.sum("memoryPages")).toBe(99);
  });

  it("forgets what a thread held that has ended, and only that", () => {
    const buffer = createTallyBuffer(2);
    const [first, second] = [new ProcessTally(buffer, 0, LIMITS), new ProcessTally(buffer, 1, LIMITS)];
    first.take("instances", 3);
    second.take("instances", 2);
    first.clear();
    expect([first.own("instances"), second.sum("instances")]).toEqual([0, 2]);
  });
});
