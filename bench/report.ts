// The report's one truth, `twin-bench/1` (docs/benchmarks.md), and the table made of it.

import type { Case, Figures } from "./measure.ts";
import type { Machine } from "./machine.ts";

/** One measured case. */
export interface Row {
  readonly suite: string;
  readonly case: string;
  readonly sizeBytes?: number | undefined;
  readonly unit: string;
  readonly higherIsBetter: boolean;
  readonly ours: Figures;
  readonly others: readonly Figures[];
  /** Ours against the best js or wasm peer, by medians; above 1 is ahead. Absent without such a peer. */
  readonly ratioToBestPortable?: number | undefined;
  readonly ratioToBestNative?: number | undefined;
}

/** A whole run. */
export interface Report {
  readonly format: "twin-bench/1";
  readonly machine: Machine;
  readonly startedAt: string;
  readonly quick: boolean;
  /** See `measureNoise`. */
  readonly noise: number;
  readonly rows: readonly Row[];
  /** Facts that suites add, such as the disk's own rate. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** Peers that are not installed here, with the way to install them. */
  readonly missingPeers: readonly string[];
}

/** The row of a case's figures. */
export function toRow(subject: Case, { ours, others }: { readonly ours: Figures; readonly others: readonly Figures[] }): Row {
  const ratio = (peers: readonly Figures[]): number | undefined => {
    const ratios = peers.map((peer) => (subject.higherIsBetter ? ours.median / peer.median : peer.median / ours.median));
    return ratios.length === 0 ? undefined : Math.min(...ratios);
  };
  return {
    suite: subject.suite,
    case: subject.name,
    sizeBytes: subject.sizeBytes,
    unit: subject.unit,
    higherIsBetter: subject.higherIsBetter,
    ours,
    others,
    ratioToBestPortable: ratio(others.filter(({ kind }) => kind !== "native")),
    ratioToBestNative: ratio(others.filter(({ kind }) => kind === "native")),
  };
}

/** Lines of text: machine, then a table of a suite each. */
export function toText(report: Report): string[] {
  const { machine } = report;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.features.join(" ")}`,
    `Node ${machine.node}, V8 ${machine.v8}, ${machine.os}, load ${machine.load.toFixed(2)}, ${report.startedAt}`,
    ...Object.entries(report.facts).map(([name, value]) => `${name}: ${value}`),
  ];
  for (const suite of new Set(report.rows.map((row) => row.suite))) {
    const rows = report.rows.filter((row) => row.suite === suite);
    lines.push("", suite, ...columns([["case", "size", "ours", "±", "best portable", "ratio", "best native", "ratio"], ...rows.map(cells)]));
  }
  if (report.missingPeers.length > 0) {
    lines.push("", `Not installed here: ${report.missingPeers.join(", ")}. Install them with: npm run bench -- --install-peers`);
  }
  return lines;
}

/** The strongest of `row`'s peers, portable or native. */
export function bestPeer(row: Row, native: boolean): Figures | undefined {
  const peers = row.others.filter(({ kind }) => (kind === "native") === native);
  const order = row.higherIsBetter ? 1 : -1;
  return peers.toSorted((left, right) => order * (right.median - left.median))[0];
}

/** `1,234 MB/s`: four significant places at most. */
export function formatFigure(value: number, unit: string): string {
  const places = value >= 1_000 ? 0 : value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return `${value.toLocaleString("en-US", { maximumFractionDigits: places, minimumFractionDigits: places })} ${unit}`;
}

/** `64 KiB`, or nothing for a case without a size. */
export function formatBytes(sizeBytes: number | undefined): string {
  if (sizeBytes === undefined) return "";
  if (sizeBytes >= 1_048_576) return `${sizeBytes / 1_048_576} MiB`;
  return sizeBytes >= 1_024 ? `${sizeBytes / 1_024} KiB` : `${sizeBytes} B`;
}

function cells(row: Row): string[] {
  const peer = (native: boolean, ratio: number | undefined): string[] => {
    const best = bestPeer(row, native);
    return best === undefined ? ["-", "-"] : [`${formatFigure(best.median, row.unit)} ${best.name}`, (ratio ?? 0).toFixed(2)];
  };
  return [
    row.case,
    formatBytes(row.sizeBytes),
    formatFigure(row.ours.median, row.unit),
    `${(row.ours.spread * 100).toFixed(0)}%`,
    ...peer(false, row.ratioToBestPortable),
    ...peer(true, row.ratioToBestNative),
  ];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
}
