// Compares two runs row by row; a verdict only beyond the noise of both.

import { formatBytes, formatFigure } from "./figure-text.ts";
import { isRestless, type Report, type Row } from "./report.ts";

/** Whether a row got better beyond doubt. */
type Verdict = "better" | "worse" | "same";

/** One row in both runs. */
export interface Comparison {
  readonly suite: string;
  readonly case: string;
  readonly sizeBytes?: number | undefined;
  /** New against old, above 1 is better, whatever the unit. */
  readonly ratio: number;
  /** The same for the peers that both runs have, by their geometric mean: what the machine itself did. Absent without such peers. */
  readonly control?: number | undefined;
  /** Ratios within 1 / (1 + margin) and 1 + margin say nothing. */
  readonly margin: number;
  readonly verdict: Verdict;
  readonly before: string;
  readonly after: string;
}

/** Below this, a difference between two runs is noise whatever their spreads say. */
const MARGIN_MIN = 0.05;
/** The same when one of the machines was restless. */
const MARGIN_RESTLESS = 0.2;
/** The spread is half the distance between quartiles; of a normal distribution three of it cover 95%. */
const SPREADS = 3;

/** Rows that both runs have, in the new one's order. */
export function compareReports(before: Report, after: Report): Comparison[] {
  const old = new Map(before.rows.map((row) => [keyOf(row), row]));
  const restless = isRestless(before) || isRestless(after);
  const floor = Math.max(restless ? MARGIN_RESTLESS : MARGIN_MIN, before.noise, after.noise);
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
        `${row.before} -> ${row.after} (${row.control === undefined ? "" : `peers ${row.control.toFixed(2)}, `}noise ${(row.margin * 100).toFixed(0)}%)`,
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
  const ratio = improvement(before.ours.median, after.ours.median, after);
  const control = controlOf(before, after);
  const margin = Math.max(floor, SPREADS * Math.hypot(before.ours.spread, after.ours.spread));
  return {
    suite: after.suite,
    case: after.case,
    sizeBytes: after.sizeBytes,
    ratio,
    control,
    margin,
    verdict: verdictOf([ratio, ratio / (control ?? 1)], margin),
    before: formatFigure(before.ours.median, before.unit),
    after: formatFigure(after.ours.median, after.unit),
  };
}

/** What got better both as it stands and beside the peers, got better. */
function verdictOf(ratios: readonly number[], margin: number): Verdict {
  if (Math.min(...ratios) > 1 + margin) return "better";
  return Math.max(...ratios) < 1 / (1 + margin) ? "worse" : "same";
}

function controlOf(before: Row, after: Row): number | undefined {
  const shifts = after.others.flatMap((peer) => {
    const earlier = before.others.find(({ name, version }) => name === peer.name && version === peer.version);
    return earlier === undefined ? [] : [Math.log(improvement(earlier.median, peer.median, after))];
  });
  if (shifts.length === 0) return undefined;
  return Math.exp(shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length);
}

function improvement(before: number, after: number, { higherIsBetter }: Row): number {
  return higherIsBetter ? after / before : before / after;
}

function keyOf(row: Row): string {
  return `${row.suite}/${row.case}/${row.sizeBytes ?? ""}`;
}
