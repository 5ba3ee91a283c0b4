// The report's one truth, `twin-bench/1` (docs/benchmarks.md): what a run writes, compares and shows.

import { readFileSync } from "node:fs";
import { caseFacts, UNITS, type Unit } from "./case-table.ts";
import type { Machine } from "./machine.ts";
import type { Case, CaseFigures, Figures } from "./measure.ts";
import { UsageError } from "./usage-error.ts";

/** One measured case. */
export interface Row {
  readonly suite: string;
  readonly case: string;
  readonly sizeBytes?: number | undefined;
  readonly unit: Unit;
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
  /** Peers that are not installed here. */
  readonly missingPeers: readonly string[];
}

/** Above this, figures of a run are to be taken with care: see `measureNoise`. */
const NOISE_MAX = 0.05;

/** The row of a case's figures. */
export function toRow(subject: Case, { ours, others }: CaseFigures): Row {
  const { unit } = caseFacts(subject.suite, subject.name);
  const { higherIsBetter } = UNITS[unit];
  const row = {
    suite: subject.suite,
    case: subject.name,
    sizeBytes: subject.sizeBytes,
    unit,
    higherIsBetter,
    ours,
    others,
  };
  return { ...row, ratioToBestPortable: ratioToBest(row, false), ratioToBestNative: ratioToBest(row, true) };
}

/** The strongest of `row`'s peers, portable or native. */
export function bestPeer(row: Pick<Row, "others" | "higherIsBetter">, native: boolean): Figures | undefined {
  const peers = row.others.filter(({ kind }) => (kind === "native") === native);
  const order = row.higherIsBetter ? 1 : -1;
  return peers.toSorted((left, right) => order * (right.median - left.median))[0];
}

function ratioToBest(row: Pick<Row, "ours" | "others" | "higherIsBetter">, native: boolean): number | undefined {
  const best = bestPeer(row, native);
  if (best === undefined) return undefined;
  return row.higherIsBetter ? row.ours.median / best.median : best.median / row.ours.median;
}

/** Whether the machine was too busy or unsteady for figures to be trusted; ratios suffer less. */
export function isRestless({ noise, machine }: Pick<Report, "noise" | "machine">): boolean {
  return noise > NOISE_MAX || machine.load > machine.cores / 2;
}

/** The warning that belongs above the figures of a restless machine. */
export function restlessness({ noise, machine }: Pick<Report, "noise" | "machine">): string {
  const load = `${machine.load.toFixed(1)} on ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`;
  return `This machine was restless (noise ${(noise * 100).toFixed(0)}%, load ${load}): trust ratios more than figures, and differences below 20% not at all.`;
}

/** Reads a report that an earlier run wrote. Throws with a sentence when the file holds something else. */
export function readReport(path: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new UsageError(`${path} cannot be read as a report: ${(cause as Error).message}`, { cause });
  }
  const { format } = (value ?? {}) as { format?: unknown };
  if (format !== "twin-bench/1")
    throw new UsageError(
      `${path} is not a report of this bench: expected "twin-bench/1", found ${JSON.stringify(format)}.`,
    );
  return value as Report;
}
