// The report as one self-contained page: no script, no external asset, light and dark.

import { readFileSync } from "node:fs";
import { caseFacts, type SuiteName } from "./case-table.ts";
import { formatBytes, formatFigure, formatRatio, formatSpread } from "./figure-text.ts";
import type { Figures } from "./measure.ts";
import { isRestless, type Report, restlessness, type Row } from "./report.ts";
import { machineLines, missingPeersLine, rowsOf, suitesOf } from "./report-text.ts";

/** A whole HTML document. */
export function toHtml(report: Report): string {
  const [machine, versions] = machineLines(report);
  const suites = suitesOf(report);
  const facts = Object.entries(report.facts).map(
    ([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(String(value))}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Twin bench: ${escape(report.machine.cpu)}</title>
<style>${readFileSync(new URL("report.css", import.meta.url), "utf8")}</style>
<main>
<h1>Twin bench</h1>
<p>${escape(machine)}</p>
<p class="quiet">${escape(versions)}${report.quick ? ", quick run" : ""}</p>
${isRestless(report) ? `<p class="warning">${escape(restlessness(report))}</p>` : ""}
<nav>${suites.map((suite) => `<a href="#${escape(suite)}">${escape(suite)}</a>`).join("")}</nav>
${facts.length > 0 ? `<dl>${facts.join("")}</dl>` : ""}
${LEGEND}
${overview(report)}
${suites.map((suite) => suiteSection(suite, rowsOf(report, suite))).join("\n")}
${report.missingPeers.length > 0 ? `<p class="quiet">${escape(missingPeersLine(report))}</p>` : ""}
</main>
</html>
`;
}

const LEGEND = `<p class="legend quiet">${[
  ["ours", "ours"],
  ["native", "native peers"],
  ["wasm", "WASM peers"],
  ["js", "JavaScript peers"],
]
  .map(([kind, text]) => `<span><i class="${kind}"></i>${text}</span>`)
  .join("")}</p>`;

/** Ratios beyond this are drawn as if they were this. */
const RATIO_DRAWN_MAX = 64;
/** Where the ratio 1 stands on the axis, in percent. */
const ONE_PERCENT = 25;

/** All rows with a portable peer in one chart, on a logarithmic axis that begins at a fourth. */
function overview(report: Report): string {
  const rows = report.rows.filter((row) => row.ratioToBestPortable !== undefined);
  if (rows.length === 0) return "";
  return `<h2>Against the best portable peer</h2>
<p class="quiet">Ours to theirs by medians, on a logarithmic axis; the line is 1, to its right we are ahead.</p>
<div class="card ratios" style="--one:${ONE_PERCENT}%">
${rows.map((row) => ratioBar(row, row.ratioToBestPortable!)).join("\n")}
</div>`;
}

function ratioBar(row: Row, ratio: number): string {
  const drawn = Math.min(Math.max(ratio, 0.25), RATIO_DRAWN_MAX);
  const width = Math.abs(Math.log(drawn)) / Math.log(drawn >= 1 ? RATIO_DRAWN_MAX : 4);
  const percent = width * (drawn >= 1 ? 100 - ONE_PERCENT : ONE_PERCENT);
  const left = drawn >= 1 ? ONE_PERCENT : ONE_PERCENT - percent;
  const name = [row.case, formatBytes(row.sizeBytes)].join(" ").trim();
  const style = `left:${left.toFixed(2)}%;width:${percent.toFixed(2)}%`;
  return `<span>${escape(name)}</span><span class="axis"><b class="${ratio >= 1 ? "ours" : "native"}" style="${style}"></b></span><span class="value">${ratioText(ratio)}</span>`;
}

function suiteSection(suite: string, rows: readonly Row[]): string {
  const names = [...new Set(rows.map((row) => row.case))];
  const cards = names.map((name) => caseCard(rows.filter((row) => row.case === name)));
  return `<h2 id="${escape(suite)}">${escape(suite)}</h2>\n<div class="grid">${cards.join("\n")}</div>`;
}

/** One case at all of its sizes. */
function caseCard(rows: readonly Row[]): string {
  const { suite, case: name, higherIsBetter } = rows[0]!;
  return `<section class="card"><h3>${escape(name)}</h3>
<p class="quiet">${escape(describe(suite, name))} ${higherIsBetter ? "More" : "Less"} is better.</p>
${rows.map(sizeGroup).join("\n")}
</section>`;
}

/** A report of another version may have cases that this one does not know. */
function describe(suite: string, name: string): string {
  try {
    return caseFacts(suite as SuiteName, name).what;
  } catch {
    return "";
  }
}

function sizeGroup(row: Row): string {
  const all = [row.ours, ...row.others];
  const most = Math.max(...all.map(({ median }) => median));
  const ratios = [
    row.ratioToBestPortable === undefined ? "" : `${ratioText(row.ratioToBestPortable)} portable`,
    row.ratioToBestNative === undefined ? "" : `${ratioText(row.ratioToBestNative)} native`,
  ].filter((text) => text !== "");
  return `<div class="group"><header><span>${formatBytes(row.sizeBytes)}</span><span class="quiet">${ratios.join(" &middot; ")}</span></header>
${all.map((figures, index) => bar(row, figures, { most, ours: index === 0 })).join("\n")}</div>`;
}

function bar(row: Row, figures: Figures, place: { readonly most: number; readonly ours: boolean }): string {
  const { name, kind, version, median, best, spread } = figures;
  const width = ((median / place.most) * 100).toFixed(2);
  const title = `${name} ${version} (${kind}): median ${formatFigure(median, row.unit)} ${formatSpread(spread)}, best ${formatFigure(best, row.unit)}`;
  return `<div class="row${place.ours ? " first" : ""}" title="${escape(title)}"><span>${escape(name)}</span><span class="track"><b class="${place.ours ? "ours" : kind}" style="width:${width}%"></b></span><span class="figure">${escape(formatFigure(median, row.unit))}</span></div>`;
}

/** Within 5% of 1 is neither ahead nor behind. */
function ratioText(ratio: number): string {
  const side = ratio > 1.05 ? "ahead" : ratio < 0.95 ? "behind" : "level";
  return `<span class="${side}">${formatRatio(ratio)}&times;</span>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
