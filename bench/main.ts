// `npm run bench`: how fast this host is on this machine, against what, and which settings fit.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { compareReports, compareText } from "./compare.ts";
import { measureNoise, readMachine } from "./machine.ts";
import { FULL, measureCase, QUICK } from "./measure.ts";
import { installPeers, Peers } from "./peers.ts";
import { type Report, type Row, toRow, toText } from "./report.ts";
import { toHtml } from "./report-html.ts";
import { SUITES, type SuiteContext } from "./suites.ts";

const HELP = `npm run bench -- [options]

  --suite a,b        only these suites: ${Object.keys(SUITES).join(", ")}
  --case TEXT        only cases whose name contains TEXT
  --quick            under a minute in all; for a first look, not for a table
  --json FILE        write the report as JSON (twin-bench/1)
  --html FILE        write the report as one page with charts
  --compare FILE     compare with an earlier JSON report
  --install-peers    install the peers that npm ci leaves out, then end
`;

const { values: options } = parseArgs({
  options: {
    suite: { type: "string" },
    case: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    html: { type: "string" },
    compare: { type: "string" },
    "install-peers": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) say(HELP);
else if (options["install-peers"]) installPeers();
else await run();

async function run(): Promise<void> {
  const report = await measureAll(chosenSuites());
  for (const line of toText(report)) say(line);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.html !== undefined) writeFileSync(options.html, toHtml(report));
  if (options.compare === undefined) return;
  const before = JSON.parse(readFileSync(options.compare, "utf8")) as Report;
  say("", `against ${options.compare} (${before.startedAt}):`, ...compareText(compareReports(before, report)));
}

async function measureAll(suites: readonly string[]): Promise<Report> {
  const machine = readMachine();
  const startedAt = new Date().toISOString();
  const noise = measureNoise();
  if (noise > 0.05 || machine.load > 0.5) {
    progress(`This machine is restless (noise ${(noise * 100).toFixed(0)}%, load ${machine.load.toFixed(2)}): trust ratios more than figures.\n`);
  }
  const rows: Row[] = [];
  const facts: Record<string, string | number> = {};
  const peers = new Peers();
  for (const name of suites) {
    const context: SuiteContext = { peers, facts, quick: options.quick, wants: (text) => text.includes(options.case ?? "") };
    await using suite = await SUITES[name]!(context);
    for (const subject of suite.cases.filter((candidate) => context.wants(candidate.name))) {
      progress(`\r\u001B[K${name}: ${subject.name} ${subject.sizeBytes ?? ""}`);
      rows.push(toRow(subject, await measureCase(subject, options.quick ? QUICK : FULL)));
    }
  }
  progress("\r\u001B[K");
  return { format: "twin-bench/1", machine, startedAt, quick: options.quick, noise, rows, facts, missingPeers: peers.missing };
}

function chosenSuites(): readonly string[] {
  const names = options.suite?.split(",") ?? Object.keys(SUITES);
  const unknown = names.find((name) => !Object.hasOwn(SUITES, name));
  if (unknown !== undefined) throw new Error(`There is no suite "${unknown}": there are ${Object.keys(SUITES).join(", ")}.`);
  return names;
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(text);
}
