// What calls have cost: sums per capability and caller, of a span of days or day by day.

import { useEffect, useState } from "preact/hooks";
import { formatBytes, formatCompact, formatDuration, formatNumber } from "/-/wording.js";
import { html } from "/-/html.js";
import { loadCosts } from "../owner-actions.js";
import { callerWords } from "../sentences.js";

/** @typedef {import("../../../engine/engine.ts").ReceiptSum} ReceiptSum */

const DAY_MS = 24 * 60 * 60 * 1_000;
/** How far back, in days; days begin at midnight UTC. */
const SPANS = [
  { days: 1, title: "Today" },
  { days: 7, title: "The last 7 days" },
  { days: 30, title: "The last 30 days" },
  { days: Infinity, title: "Since the beginning" },
];

/** `calls`: all calls so far, which says when to ask again. @param {{ calls: number, now: number }} props */
export function CostTable({ calls, now }) {
  const [days, setDays] = useState(7);
  const [byDay, setByDay] = useState(false);
  const [sums, setSums] = useState(/** @type {readonly ReceiptSum[]} */ ([]));
  const sinceDay = days === Infinity ? "" : new Date(now - (days - 1) * DAY_MS).toISOString().slice(0, 10);
  useEffect(() => {
    let isShown = true;
    // Many calls come at once: ask when they have come.
    const timer = setTimeout(async () => {
      const loaded = await loadCosts(sinceDay);
      if (isShown && loaded) setSums(loaded);
    }, 300);
    return () => {
      isShown = false;
      clearTimeout(timer);
    };
  }, [calls, sinceDay]);
  const rows = grouped(sums, byDay);
  return html`
    <section class="section costs">
      <h2>What calls have cost</h2>
      <div class="filters">
        <select
          class="input"
          aria-label="Days"
          value=${String(days)}
          onChange=${(/** @type {{ currentTarget: HTMLSelectElement }} */ event) => setDays(Number(event.currentTarget.value))}
        >
          ${SPANS.map((span) => html`<option value=${String(span.days)}>${span.title}</option>`)}
        </select>
        <label
          ><input
            type="checkbox"
            checked=${byDay}
            onChange=${(/** @type {{ currentTarget: HTMLInputElement }} */ event) => setByDay(event.currentTarget.checked)}
          />
          Day by day</label
        >
      </div>
      <div class="table-scroll">
        <table class="data" aria-label="Costs">
          <thead>
            <tr>
              ${byDay && html`<th>Day</th>`}
              <th>Capability</th>
              <th>Caller</th>
              <th class="figure-cell">Calls</th>
              <th class="figure-cell">Failed</th>
              <th class="figure-cell">Fuel</th>
              <th class="figure-cell wide">In, out</th>
              <th class="figure-cell wide">Written</th>
              <th class="figure-cell wide">Ran</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<${CostRow} key=${`${row.day} ${row.capability} ${row.caller}`} sum=${row} byDay=${byDay} />`)}
          </tbody>
          <tfoot>
            <${CostRow} sum=${{ ...total(rows), day: "", capability: "All", caller: "" }} byDay=${byDay} />
          </tfoot>
        </table>
      </div>
    </section>
  `;
}

/** @param {{ sum: ReceiptSum, byDay: boolean }} props */
function CostRow({ sum, byDay }) {
  return html`
    <tr>
      ${byDay && html`<td class="number">${sum.day}</td>`}
      <td>${sum.capability}</td>
      <td>${sum.caller && callerWords(sum.caller)}</td>
      <td class="figure-cell">${formatNumber(sum.calls)}</td>
      <td class="figure-cell">${formatNumber(sum.errors)}</td>
      <td class="figure-cell" title=${formatNumber(sum.fuel)}>${formatCompact(sum.fuel)}</td>
      <td class="figure-cell wide">${formatBytes(sum.bytesIn)}, ${formatBytes(sum.bytesOut)}</td>
      <td class="figure-cell wide">${formatBytes(sum.bytesWritten)}</td>
      <td class="figure-cell wide">${formatDuration(sum.runMs)}</td>
    </tr>
  `;
}

/** One row per capability and caller, and with `byDay` per day; the most fuel first, of the newest day. @param {readonly ReceiptSum[]} sums @param {boolean} byDay */
function grouped(sums, byDay) {
  /** @type {Map<string, ReceiptSum>} */
  const rows = new Map();
  for (const sum of sums) {
    const day = byDay ? sum.day : "";
    const key = `${day} ${sum.capability} ${sum.caller}`;
    const known = rows.get(key);
    rows.set(key, { ...sum, ...(known && total([known, sum])), day });
  }
  return [...rows.values()].toSorted((left, right) => right.day.localeCompare(left.day) || right.fuel - left.fuel);
}

/** @param {readonly ReceiptSum[]} sums */
function total(sums) {
  const names = /** @type {const} */ (["calls", "errors", "fuel", "bytesIn", "bytesOut", "bytesWritten", "runMs"]);
  const zero = { calls: 0, errors: 0, fuel: 0, bytesIn: 0, bytesOut: 0, bytesWritten: 0, runMs: 0 };
  for (const sum of sums) for (const name of names) zero[name] += sum[name];
  return zero;
}
