// What metering costs, in one figure: the geometric mean over small programs, and the worst of them.

import type { Row } from "../../report.ts";

/** Whole engines as guests: they speak for themselves and are not part of the mean. */
const ENGINES: ReadonlySet<string> = new Set(["meter-sqlite", "meter-quickjs"]);

/** Nothing when there are fewer than two programs. */
export function meterSummary(rows: readonly Row[]): Record<string, string> {
  const meters = rows.filter(({ case: name }) => name.startsWith("meter-") && !ENGINES.has(name));
  if (meters.length < 2) return {};
  const logs = meters.map(({ ours }) => Math.log(ours.median));
  const mean = Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  const worst = meters.toSorted((left, right) => right.ours.median - left.ours.median)[0]!;
  return {
    "metering: slowdown, geometric mean": `${mean.toFixed(3)} over ${meters.length} programs, worst ${worst.ours.median.toFixed(2)} (${worst.case})`,
  };
}
