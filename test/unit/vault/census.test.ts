// The margin against its definition: lose stores one by one in the worst order, and count.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCensus, marginOf } from "../../../host/vault/census.ts";
import { combinations } from "../../support/test-vault.ts";

const own = (store: string): string => store;
const NAMES = ["a", "b", "c", "d", "e"];

/** The margin by trying every choice of lost stores. */
function marginByTrial(standing: readonly string[], dataShards: number): number {
  const survives = (lost: readonly string[]): boolean =>
    standing.filter((store) => !lost.includes(store)).length >= dataShards;
  if (!survives([])) return standing.length - dataShards;
  const stores = [...new Set(standing)];
  let margin = 0;
  while (margin < stores.length && combinations(stores, margin + 1).every(survives)) margin++;
  return margin;
}

describe("the margin", () => {
  test("is what trying every loss says", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...NAMES), { maxLength: 9 }),
        fc.integer({ min: 1, max: 5 }),
        (standing, k) => {
          expect(marginOf(standing, k)).toBe(marginByTrial(standing, k));
        },
      ),
    );
  });

  test("of a census is that of its weakest segment, and forgets what is removed", () => {
    const census = createCensus();
    const shape = { dataShards: 2, parityShards: 1, payloadSize: 10, tableSize: 5, shardSize: 4_096 };
    const whole = { ...shape, id: "1", stores: ["a", "b", "c"], absent: [] };
    const weak = { ...shape, id: "2", stores: ["a", "b", "c"], absent: [1] };
    expect(census.margin(() => true, own)).toEqual({ margin: undefined, domainMargin: undefined, degradedSegments: 0 });
    census.add(whole);
    census.add(weak);
    expect(census.margin(() => true, own)).toEqual({ margin: 0, domainMargin: 0, degradedSegments: 1 });
    expect(census.margin((store) => store !== "c", own)).toEqual({ margin: -1, domainMargin: -1, degradedSegments: 2 });
    expect(census.usage("b")).toEqual({ shardCount: 1, usedBytes: 4_096 + 104 });
    census.remove(weak);
    expect(census.margin(() => true, own)).toEqual({ margin: 1, domainMargin: 1, degradedSegments: 0 });
    expect(
      census.margin(
        () => true,
        () => "one disk",
      ),
    ).toMatchObject({ margin: 1, domainMargin: 0 });
    expect(census.segmentCount).toBe(1);
  });
});
