// Runs suites one after another and makes the report of them.

import { measureNoise, readMachine } from "./machine.ts";
import { FULL, measureCase, QUICK } from "./measure.ts";
import type { SuiteName } from "./case-table.ts";
import { formatBytes } from "./figure-text.ts";
import { Peers } from "./peers.ts";
import { type Report, type Row, toRow } from "./report.ts";
import type { OpenSuite, SuiteContext } from "./suite.ts";
import { SUITES } from "./suites.ts";

/** What to measure and how thoroughly. */
export interface RunOptions {
  readonly suites: readonly SuiteName[];
  /** Only cases whose name contains it. */
  readonly caseText: string;
  readonly quick: boolean;
  readonly vaultSizeBytes: number;
  /** How each suite is opened; absent: as `SUITES` says. */
  readonly openings?: typeof SUITES | undefined;
  /** Is told why a suite ended before its time; what it and the others have measured stays. */
  readonly onFailure: (suite: SuiteName, thrown: unknown) => void;
  /** Is told what is being measured. */
  readonly onProgress: (progress: Progress) => void;
}

/** Where a run is. */
export interface Progress {
  readonly suite: SuiteName;
  readonly suiteIndex: number;
  readonly suiteCount: number;
  /** Absent while the suite is being opened. */
  readonly case?: { readonly text: string; readonly index: number; readonly count: number } | undefined;
}

/** Measures everything that `options` ask for. A suite that fails is a fact of the report, not its end: the others took minutes. */
export async function runSuites(options: RunOptions): Promise<Report> {
  const machine = readMachine();
  const startedAt = new Date().toISOString();
  const noiseBefore = measureNoise();
  const rows: Row[] = [];
  const facts: Record<string, string | number> = {};
  const peers = new Peers();
  const { quick, vaultSizeBytes, openings = SUITES } = options;
  const wants = (name: string): boolean => name.includes(options.caseText);
  const context: SuiteContext = { peers, facts, quick, vaultSizeBytes, wants };
  for (const [suiteIndex, suite] of options.suites.entries()) {
    const tell = (at?: Progress["case"]): void =>
      options.onProgress({ suite, suiteIndex, suiteCount: options.suites.length, case: at });
    tell();
    try {
      await runSuite(await openings[suite](), context, { rows, tell });
    } catch (thrown) {
      facts[`suite ${suite}`] = `failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      options.onFailure(suite, thrown);
    }
  }
  // A run lasts minutes: what was quiet when it began may not have stayed so.
  const noise = Math.max(noiseBefore, measureNoise());
  return { format: "twin-bench/1", machine, startedAt, quick, noise, rows, facts, missingPeers: peers.missing };
}

async function runSuite(
  open: OpenSuite,
  context: SuiteContext,
  { rows, tell }: { readonly rows: Row[]; readonly tell: (at: Progress["case"]) => void },
): Promise<void> {
  await using suite = await open(context);
  const cases = suite.cases.filter((subject) => context.wants(subject.name));
  const begin = rows.length;
  for (const [index, subject] of cases.entries()) {
    tell({ text: `${subject.name} ${formatBytes(subject.sizeBytes)}`.trim(), index, count: cases.length });
    rows.push(toRow(subject, await measureCase(subject, context.quick ? QUICK : FULL)));
  }
  Object.assign(context.facts, suite.summary?.(rows.slice(begin)));
}
