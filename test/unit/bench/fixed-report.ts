// A report with figures that nobody measured.

import type { Figures } from "../../../bench/measure.ts";
import type { Report, Row } from "../../../bench/report.ts";

/** Figures of a contender. */
export function figures(name: string, median: number, more: Partial<Figures> = {}): Figures {
  return { name, kind: "wasm", version: "1.0.0", median, best: median, spread: 0.01, ...more };
}

/** A row of the kernels in MB/s without peers. */
export function row(median: number, more: Partial<Row> = {}): Row {
  return {
    suite: "kernels",
    case: "blake3",
    sizeBytes: 65_536,
    unit: "MB/s",
    higherIsBetter: true,
    ours: figures("wasm", median),
    others: [],
    ...more,
  };
}

/** A report of `rows` from a quiet machine. */
export function report(rows: readonly Row[], more: Partial<Report> = {}): Report {
  return {
    format: "twin-bench/1",
    machine: {
      cpu: "Fast <CPU>",
      cores: 2,
      features: ["avx2"],
      memoryBytes: 8 * 2 ** 30,
      node: "26.10.0",
      v8: "14.6",
      os: "linux x64",
      load: 0.1,
    },
    startedAt: "2026-01-02T03:04:05.000Z",
    quick: false,
    noise: 0.01,
    rows,
    facts: {},
    missingPeers: [],
    ...more,
  };
}
