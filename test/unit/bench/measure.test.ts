import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Case, figuresOf, measureCase, quantile, type SampledContender } from "../../../bench/measure.ts";
import { createConcurrentSampler } from "../../../bench/samplers.ts";

const EFFORT = { rounds: 4, sliceMs: 1, warmupMs: 1 };
const FACTS = { kind: "wasm", version: "1" } as const;

function sampled(name: string, sample: () => number): SampledContender {
  return { ...FACTS, name, sample };
}

function caseOf(more: Partial<Case> = {}): Case {
  return { suite: "engine", name: "query", ours: sampled("ours", () => 0.001), others: [], ...more };
}

describe("measuring a case", () => {
  it("lets contenders take turns, another one first in each round", async () => {
    const order: string[] = [];
    const contender = (name: string): SampledContender =>
      sampled(name, () => {
        order.push(name);
        return 1;
      });
    await measureCase(caseOf({ ours: contender("a"), others: [contender("b"), contender("c")] }), EFFORT);
    // The first three warm up; then four rounds.
    expect(order.join("")).toBe("abcabcbcacababc");
  });

  it("answers figures in the case's unit, and the others in their order", async () => {
    const others = [sampled("slow", () => 0.01), sampled("fast", () => 0.0001)];
    const { ours, others: measured } = await measureCase(caseOf({ others }), EFFORT);
    expect(ours).toMatchObject({ name: "ours", median: 1_000, best: 1_000, spread: 0 });
    expect(measured.map(({ name, median }) => [name, Math.round(median)])).toEqual([
      ["slow", 100],
      ["fast", 10_000],
    ]);
  });

  it("makes no more rounds than a case allows", async () => {
    let count = 0;
    await measureCase(caseOf({ ours: sampled("ours", () => ++count), roundsMax: 2 }), EFFORT);
    expect(count).toBe(1 + 2);
  });

  it("repeats what does not measure itself, also when it has to be awaited", async () => {
    let runs = 0;
    const run = (): number => ++runs;
    const { ours } = await measureCase(caseOf({ ours: { ...FACTS, name: "sync", run } }), EFFORT);
    expect(runs).toBeGreaterThan(10);
    expect(ours.median).toBeGreaterThan(0);
    runs = 0;
    await measureCase(caseOf({ ours: { ...FACTS, name: "async", async: true, run: async () => run() } }), EFFORT);
    expect(runs).toBeGreaterThan(10);
  });

  it("restores before every run", async () => {
    let full = false;
    const restore = (): void => {
      full = true;
    };
    const run = (): void => {
      expect(full).toBe(true);
      full = false;
    };
    await measureCase(caseOf({ ours: { ...FACTS, name: "consumer", run, restore } }), EFFORT);
  });

  it("fails when a contender fails", async () => {
    const run = (): never => {
      throw new Error("broken");
    };
    await expect(measureCase(caseOf({ others: [{ ...FACTS, name: "bad", run }] }), EFFORT)).rejects.toThrow("broken");
  });
});

describe("figures", () => {
  it("know whether more or less is best", () => {
    const samples = [1, 2, 4];
    expect(figuresOf({ ...FACTS, name: "x" }, samples, caseOf())).toMatchObject({ median: 0.5, best: 1 });
    const less = caseOf({ suite: "host", name: "start" });
    expect(figuresOf({ ...FACTS, name: "x" }, samples, less)).toMatchObject({ median: 2, best: 1 });
  });

  it("count the bytes of the work, not those that the row is named by", () => {
    const subject: Case = {
      ...caseOf(),
      suite: "kernels",
      name: "rs-encode-16+4",
      sizeBytes: 1_000,
      workBytes: 16_000,
    };
    expect(figuresOf({ ...FACTS, name: "x" }, [0.001], subject).median).toBeCloseTo(16, 9);
  });

  it("have quantiles that lie within the values and grow", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (unsorted, part) => {
        const sorted = unsorted.toSorted((left, right) => left - right);
        const value = quantile(sorted, part);
        expect(value).toBeGreaterThanOrEqual(sorted[0]!);
        expect(value).toBeLessThanOrEqual(Math.max(...sorted) * (1 + 1e-12));
        expect(quantile(sorted, part / 2)).toBeLessThanOrEqual(value * (1 + 1e-12));
      }),
    );
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  });
});

describe("a concurrent sampler", () => {
  it("keeps as many in flight as it was told, each with a number of its own", async () => {
    let [inFlight, most] = [0, 0];
    const seen: number[] = [];
    const sample = createConcurrentSampler(8, async (index) => {
      seen.push(index);
      most = Math.max(most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
    });
    expect(await sample(5)).toBeGreaterThan(0);
    expect(await sample(5)).toBeGreaterThan(0);
    expect(most).toBe(8);
    expect(new Set(seen).size).toBe(seen.length);
  });
});
