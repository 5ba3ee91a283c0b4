// Compares two runs row by row; a verdict only beyond the noise of both.

import { formatBytes, formatFigure, type Report, type Row } from "./report.ts";

/** One row in both runs. */
export interface Comparison {
  readonly suite: string;
  readonly case: string;
  readonly sizeBytes?: number | undefined;
  /** New against old, above 1 is better, whatever the unit. */
  readonly ratio: number;
  readonly verdict: "better" | "worse" | "same";
  readonly before: string;
  readonly after: string;
}

/** Below this, a difference is noise whatever the spreads say. */
const NOISE = 0.05;

/** Rows that both runs have, in the new one's order. */
export function compareReports(before: Report, after: Report): Comparison[] {
  const old = new Map(before.rows.map((row) => [keyOf(row), row]));
  return after.rows.flatMap((row) => {
    const earlier = old.get(keyOf(row));
    return earlier === undefined ? [] : [compareRows(earlier, row)];
  });
}

/** Lines of text for a terminal. */
export function compareText(comparisons: readonly Comparison[]): string[] {
  return comparisons.map(
    ({ suite, case: name, sizeBytes, ratio, verdict, before, after }) =>
      `  ${verdict.padEnd(6)} ${ratio.toFixed(2)}  ${suite} ${name} ${formatBytes(sizeBytes)}: ${before} -> ${after}`,
  );
}

function compareRows(before: Row, after: Row): Comparison {
  const ratio = after.higherIsBetter ? after.ours.median / before.ours.median : before.ours.median / after.ours.median;
  const margin = Math.max(NOISE, 2 * (before.ours.spread + after.ours.spread));
  const verdict = ratio > 1 + margin ? "better" : ratio < 1 / (1 + margin) ? "worse" : "same";
  return {
    suite: after.suite,
    case: after.case,
    sizeBytes: after.sizeBytes,
    ratio,
    verdict,
    before: formatFigure(before.ours.median, before.unit),
    after: formatFigure(after.ours.median, after.unit),
  };
}

function keyOf(row: Row): string {
  return `${row.suite}/${row.case}/${row.sizeBytes ?? ""}`;
}
