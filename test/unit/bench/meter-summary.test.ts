import { describe, expect, it } from "vitest";

import { meterSummary } from "../../../bench/suites/sandbox/meter-summary.ts";
import { row } from "./fixed-report.ts";

const meter = (name: string, slowdown: number): ReturnType<typeof row> =>
  row(slowdown, { suite: "sandbox", case: name, sizeBytes: undefined, unit: "slowdown", higherIsBetter: false });

describe("the summary of metering", () => {
  it("is the geometric mean of the programs, without the engines and other cases", () => {
    const rows = [meter("meter-fib", 1), meter("meter-sort", 1.21), meter("meter-sqlite", 9), meter("echo-64", 9)];
    expect(meterSummary(rows)).toEqual({
      "metering: slowdown, geometric mean": "1.100 over 2 programs, worst 1.21 (meter-sort)",
    });
  });

  it("is nothing without programs to speak of", () => {
    expect(meterSummary([meter("meter-fib", 1.1)])).toEqual({});
    expect(meterSummary([])).toEqual({});
  });
});
