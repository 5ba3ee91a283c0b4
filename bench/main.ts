// `npm run bench`: how fast this host is on this machine, against what, and which settings fit.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { applyReport, requireDataFolder } from "./apply.ts";
import { SUITE_NAMES, type SuiteName } from "./case-table.ts";
import { compareReports, compareText } from "./compare.ts";
import { installPeers, peerNames } from "./peers.ts";
import { readReport, type Report } from "./report.ts";
import { toHtml } from "./report-html.ts";
import { replaceMarkedBlock, toMarkdown, toText } from "./report-text.ts";
import { type Progress, runSuites } from "./run.ts";
import { UsageError } from "./usage-error.ts";

const MIB = 1_048_576;
/** What the names of the cases that `--apply` needs begin with. */
const LANES = "lane-";

const HELP = `npm run bench -- [options]

How fast this host is on this machine, against what. docs/benchmarks.md tells how to read it.

  --suite a,b        only these suites: ${SUITE_NAMES.join(", ")}
  --case TEXT        only cases whose name contains TEXT
  --quick            under a minute in all: for a first look, not for a table
  --vault-mib N      how much the vault's cases store (default 256, with --quick 32)
  --all              every peer in the table, not the best ones only
  --json FILE        write the report as JSON (twin-bench/1)
  --html FILE        write the report as one page with charts
  --markdown FILE    put the tables between the bench marks of FILE
  --compare FILE     compare with the JSON report of an earlier run
  --apply            let the host at the data folder use what is fastest here (hardware.json);
                     by itself it measures only what that needs
  --data DIR         another data folder than the default
  --from FILE        measure nothing: show, convert or compare the JSON report of an earlier run
  --install-peers    install the peers that npm ci leaves out, then end:
                     ${peerNames().join(", ")}
`;

const OPTIONS = {
  suite: { type: "string" },
  case: { type: "string" },
  quick: { type: "boolean", default: false },
  "vault-mib": { type: "string" },
  all: { type: "boolean", default: false },
  json: { type: "string" },
  html: { type: "string" },
  markdown: { type: "string" },
  compare: { type: "string" },
  apply: { type: "boolean", default: false },
  data: { type: "string" },
  from: { type: "string" },
  "install-peers": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Options = ReturnType<typeof parseArgs<{ readonly options: typeof OPTIONS }>>["values"];

const options = readOptions();

try {
  if (options.help) say(HELP);
  else if (options["install-peers"]) installPeers();
  else await main();
} catch (error) {
  complain(error);
}

async function main(): Promise<void> {
  // Before anything is measured: a mistyped file should not cost minutes.
  const before = options.compare === undefined ? undefined : readReport(options.compare);
  const page = options.markdown === undefined ? "" : readPage(options.markdown);
  const folder = options.apply ? requireDataFolder(options.data) : undefined;
  const report = options.from === undefined ? await measure() : readReport(options.from);
  say(...toText(report, { all: options.all }));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.html !== undefined) writeFileSync(options.html, toHtml(report));
  if (options.markdown !== undefined) writeFileSync(options.markdown, replaceMarkedBlock(page, toMarkdown(report)));
  if (before !== undefined) say("", ...compareText(before, report, compareReports(before, report)));
  if (folder !== undefined) say("", ...(await applyReport(report, folder)));
}

async function measure(): Promise<Report> {
  const failed: SuiteName[] = [];
  const report = await runSuites({
    suites: chosenSuites(),
    caseText: options.case ?? (appliesOnly() ? LANES : ""),
    quick: options.quick,
    vaultSizeBytes: wholeNumber("--vault-mib", options["vault-mib"] ?? (options.quick ? "32" : "256")) * MIB,
    onProgress: showProgress,
    onFailure: (suite, thrown) => {
      failed.push(suite);
      clearProgress();
      process.stderr.write(`The suite ${suite} failed; the others go on.\n`);
      complain(thrown);
    },
  });
  clearProgress();
  if (report.rows.length === 0 && failed.length === 0)
    throw new UsageError(`No case was measured: none of them contains "${options.case ?? ""}".`);
  return report;
}

function chosenSuites(): readonly SuiteName[] {
  const names = options.suite?.split(",") ?? (appliesOnly() ? ["kernels"] : SUITE_NAMES);
  const unknown = names.find((name) => !(SUITE_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new UsageError(`There is no suite "${unknown}": there are ${SUITE_NAMES.join(", ")}.`);
  if (options.apply && (!names.includes("kernels") || !LANES.includes(options.case ?? ""))) {
    throw new UsageError(`--apply needs the cases "${LANES}" of the suite kernels: leave --suite and --case away.`);
  }
  return names as SuiteName[];
}

/** Nothing was asked for but the profile. */
function appliesOnly(): boolean {
  return options.apply && options.suite === undefined && options.case === undefined;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`${option} takes a whole number above 0, not "${text}".`);
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** One line that is written over on a terminal; elsewhere one line per suite. */
function showProgress({ suite, suiteIndex, suiteCount, case: at }: Progress): void {
  const part = `${suiteIndex + 1}/${suiteCount} ${suite}`;
  if (!process.stderr.isTTY) {
    if (at === undefined) process.stderr.write(`${part}\n`);
    return;
  }
  const done = at === undefined ? "preparing" : `${progressBar(at.index / at.count)} ${at.text}`;
  process.stderr.write(`\r\u001B[K${part} ${done}`);
}

function progressBar(part: number): string {
  const width = 20;
  const filled = Math.round(part * width);
  return "#".repeat(filled) + ".".repeat(width - filled);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K");
}

function readOptions(): Options {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    complain(new UsageError(`${(error as Error).message} See --help.`));
    return process.exit();
  }
}

function readPage(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** One sentence for what the user can mend; everything for what we must. */
function complain(error: unknown): void {
  const text = error instanceof UsageError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
