import { describe, expect, it } from "vitest";

import { compareReports, compareText } from "../../../bench/compare.ts";
import { figures, report, row } from "./fixed-report.ts";

function verdictOf(before: number, after: number, spread = 0.01): string {
  const rowOf = (median: number): ReturnType<typeof row> => row(median, { ours: figures("wasm", median, { spread }) });
  return compareReports(report([rowOf(before)]), report([rowOf(after)]))[0]!.verdict;
}

describe("comparing two runs", () => {
  it("calls a change beyond the noise of both runs better or worse", () => {
    expect(verdictOf(1_000, 1_100)).toBe("better");
    expect(verdictOf(1_000, 900)).toBe("worse");
  });

  it("calls less than 5% the same, however steady the runs were", () => {
    expect(verdictOf(1_000, 1_049, 0)).toBe("same");
    expect(verdictOf(1_049, 1_000, 0)).toBe("same");
    expect(verdictOf(1_000, 1_051, 0)).toBe("better");
  });

  it("asks for more when the runs were unsteady", () => {
    expect(verdictOf(1_000, 1_300, 0.1)).toBe("same");
    expect(verdictOf(1_000, 1_500, 0.1)).toBe("better");
  });

  it("asks for more when the machine was unsteady", () => {
    const comparison = compareReports(report([row(1_000)], { noise: 0.3 }), report([row(1_200)]))[0]!;
    expect(comparison).toMatchObject({ margin: 0.3, verdict: "same" });
  });

  it("believes nothing below 20% of a restless machine", () => {
    const busy = { machine: { ...report([]).machine, load: 8 } };
    expect(compareReports(report([row(1_000)]), report([row(1_150)], busy))[0]!.verdict).toBe("same");
    expect(compareReports(report([row(1_000)]), report([row(1_250)], busy))[0]!.verdict).toBe("better");
  });

  it("takes the peers as a control: what slowed all of them down is not ours", () => {
    const before = row(1_000, { others: [figures("peer", 400), figures("other", 100)] });
    const slower = row(500, { others: [figures("peer", 200), figures("other", 50)] });
    const alone = row(500, { others: [figures("peer", 400), figures("other", 100)] });
    const renewed = row(500, { others: [figures("peer", 200, { version: "2.0.0" })] });
    const [same, worse, uncontrolled] = [slower, alone, renewed].map(
      (after) => compareReports(report([before]), report([after]))[0]!,
    );
    expect(same).toMatchObject({ ratio: 0.5, verdict: "same" });
    expect(same!.control).toBeCloseTo(0.5, 12);
    expect(worse).toMatchObject({ control: 1, verdict: "worse" });
    expect(uncontrolled).toMatchObject({ control: undefined, verdict: "worse" });
  });

  it("does not praise us for peers that became slower", () => {
    const before = row(1_000, { others: [figures("peer", 400)] });
    const after = row(1_000, { others: [figures("peer", 200)] });
    expect(compareReports(report([before]), report([after]))[0]!.verdict).toBe("same");
  });

  it("turns the ratio where less is better", () => {
    const slow = row(20, { unit: "us", higherIsBetter: false });
    const fast = row(10, { unit: "us", higherIsBetter: false });
    expect(compareReports(report([slow]), report([fast]))[0]).toMatchObject({ ratio: 2, verdict: "better" });
  });

  it("matches rows by suite, case and size, and leaves out what one run lacks", () => {
    const before = report([row(1, { sizeBytes: 64 }), row(2, { sizeBytes: 1_024 }), row(3, { case: "gone" })]);
    const after = report([row(2, { sizeBytes: 1_024 }), row(9, { case: "fresh" }), row(1, { suite: "vault" })]);
    expect(compareReports(before, after).map(({ sizeBytes, ratio }) => [sizeBytes, ratio])).toEqual([[1_024, 1]]);
  });

  it("says what makes the runs hard to compare, and counts", () => {
    const before = report([row(1_000)]);
    const after = report([row(2_000)], { quick: true, machine: { ...before.machine, node: "28.0.0", load: 3 } });
    expect(compareText(before, after, compareReports(before, after))).toEqual([
      "against the run of 2026-01-02T03:04:05.000Z:",
      "  another node: 26.10.0 -> 28.0.0",
      "  a quick run is among them",
      "  a restless machine: differences below 20% mean nothing",
      "  better 2.00  kernels blake3 64 KiB: 1,000 MB/s -> 2,000 MB/s (noise 20%)",
      "  1 better, 0 worse, 0 the same within noise",
    ]);
  });
});
