// The report as one self-contained page: no script, no external asset, charts as SVG bars.

import { formatBytes, formatFigure } from "./figure-text.ts";
import type { Report, Row } from "./report.ts";
import type { Figures } from "./measure.ts";

/** A whole HTML document. */
export function toHtml(report: Report): string {
  const { machine } = report;
  const suites = [...new Set(report.rows.map((row) => row.suite))];
  const facts = Object.entries(report.facts).map(
    ([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(String(value))}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Twin bench, ${escape(machine.cpu)}</title>
<style>${STYLE}</style>
<h1>Twin bench</h1>
<p>${escape(machine.cpu)}, ${machine.cores} cores, ${escape(machine.features.join(" "))}. Node ${escape(machine.node)}, V8 ${escape(machine.v8)}, ${escape(machine.os)}, load ${machine.load.toFixed(2)}. ${escape(report.startedAt)}${report.quick ? ", quick run" : ""}.</p>
${report.noise > 0.05 ? `<p class="warning">This machine was restless during the run (noise ${(report.noise * 100).toFixed(0)}%): trust ratios more than figures.</p>` : ""}
${facts.length > 0 ? `<dl>${facts.join("")}</dl>` : ""}
${suites
  .map((suite) =>
    suiteSection(
      suite,
      report.rows.filter((row) => row.suite === suite),
    ),
  )
  .join("\n")}
${report.missingPeers.length > 0 ? `<p>Not installed on this machine: ${escape(report.missingPeers.join(", "))}.</p>` : ""}
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ours: #2f6fed; --other: color-mix(in srgb, currentColor 30%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; font-weight: 600; }
.warning { border-left: 4px solid #c77700; padding-left: .75rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td { padding: .1rem .5rem .1rem 0; white-space: nowrap; } td.bar { width: 60%; }
svg { display: block; width: 100%; height: 1rem; } .ours { fill: var(--ours); } .other { fill: var(--other); }
small { opacity: .7; }`;

function suiteSection(suite: string, rows: readonly Row[]): string {
  return `<h2>${escape(suite)}</h2>\n${rows.map(caseSection).join("\n")}`;
}

function caseSection(row: Row): string {
  const all = [row.ours, ...row.others];
  const most = Math.max(...all.map(({ median }) => median));
  const ratios = [
    row.ratioToBestPortable === undefined ? "" : `${row.ratioToBestPortable.toFixed(2)}x the best portable peer`,
    row.ratioToBestNative === undefined ? "" : `${row.ratioToBestNative.toFixed(2)}x the best native peer`,
  ].filter((text) => text !== "");
  const note = [row.higherIsBetter ? "more is better" : "less is better", ...ratios].join(", ");
  return `<h3>${escape(row.case)} ${formatBytes(row.sizeBytes)} <small>${note}</small></h3>
<table>${all.map((figures, index) => bar(figures, { unit: row.unit, most, ours: index === 0 })).join("")}</table>`;
}

function bar(
  figures: Figures,
  { unit, most, ours }: { readonly unit: string; readonly most: number; readonly ours: boolean },
): string {
  const width = ((figures.median / most) * 100).toFixed(2);
  const name = ours ? `<strong>${escape(figures.name)}</strong>` : escape(`${figures.name} ${figures.version}`);
  return `<tr><td>${name} <small>${figures.kind}</small></td><td>${escape(formatFigure(figures.median, unit))} <small>±${(figures.spread * 100).toFixed(0)}%</small></td><td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="${ours ? "ours" : "other"}" width="${width}" height="10"/></svg></td></tr>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
