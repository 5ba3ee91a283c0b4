// Compares two runs row by row; a verdict only beyond the noise of both.

import { formatBytes, formatFigure } from "./figure-text.ts";
import { isRestless, type Report, type Row } from "./report.ts";

/** Whether a row got better beyond doubt. */
export type Verdict = "better" | "worse" | "same";

/** One row in both runs. */
export interface Comparison {
  readonly suite: string;
  readonly case: string;
  readonly sizeBytes?: number | undefined;
  /** New against old, above 1 is better, whatever the unit. */
  readonly ratio: number;
  /** Ratios within 1 / (1 + margin) and 1 + margin say nothing. */
  readonly margin: number;
  readonly verdict: Verdict;
  readonly before: string;
  readonly after: string;
}

/** Below this, a difference between two runs is noise whatever their spreads say. */
const MARGIN_MIN = 0.05;
/** The spread is half the distance between quartiles; of a normal distribution three of it cover 95%. */
const SPREADS = 3;

/** Rows that both runs have, in the new one's order. */
export function compareReports(before: Report, after: Report): Comparison[] {
  const old = new Map(before.rows.map((row) => [keyOf(row), row]));
  const floor = Math.max(MARGIN_MIN, before.noise, after.noise);
  return after.rows.flatMap((row) => {
    const earlier = old.get(keyOf(row));
    return earlier === undefined ? [] : [compareRows(earlier, row, floor)];
  });
}

/** Lines of text for a terminal. */
export function compareText(before: Report, after: Report, comparisons: readonly Comparison[]): string[] {
  const count = (wanted: Verdict): number => comparisons.filter(({ verdict }) => verdict === wanted).length;
  return [
    `against the run of ${before.startedAt}:`,
    ...differences(before, after).map((text) => `  ${text}`),
    ...comparisons.map(
      ({ suite, case: name, sizeBytes, ...row }) =>
        `  ${row.verdict.padEnd(6)} ${row.ratio.toFixed(2)}  ${[suite, name, formatBytes(sizeBytes)].join(" ").trim()}: ` +
        `${row.before} -> ${row.after} (noise ${(row.margin * 100).toFixed(0)}%)`,
    ),
    `  ${count("better")} better, ${count("worse")} worse, ${count("same")} the same within noise`,
  ];
}

/** What makes two runs hard to compare. */
function differences(before: Report, after: Report): string[] {
  const facts = (["cpu", "cores", "node", "os"] as const).flatMap((fact) => {
    const [old, fresh] = [before.machine[fact], after.machine[fact]];
    return old === fresh ? [] : [`another ${fact}: ${old} -> ${fresh}`];
  });
  return [
    ...facts,
    ...(before.quick || after.quick ? ["a quick run is among them"] : []),
    ...(isRestless(before) || isRestless(after) ? ["a restless machine: differences below 20% mean nothing"] : []),
  ];
}

function compareRows(before: Row, after: Row, floor: number): Comparison {
  const ratio = after.higherIsBetter ? after.ours.median / before.ours.median : before.ours.median / after.ours.median;
  const margin = Math.max(floor, SPREADS * Math.hypot(before.ours.spread, after.ours.spread));
  return {
    suite: after.suite,
    case: after.case,
    sizeBytes: after.sizeBytes,
    ratio,
    margin,
    verdict: ratio > 1 + margin ? "better" : ratio < 1 / (1 + margin) ? "worse" : "same",
    before: formatFigure(before.ours.median, before.unit),
    after: formatFigure(after.ours.median, after.unit),
  };
}

function keyOf(row: Row): string {
  return `${row.suite}/${row.case}/${row.sizeBytes ?? ""}`;
}
