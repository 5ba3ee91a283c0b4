// Receipts: every call, live. A chart of the last half hour, a filter, and one click to all fields.

import { useState } from "preact/hooks";
import {
  count,
  formatBytes,
  formatClock,
  formatCompact,
  formatDuration,
  formatMoment,
  formatNumber,
} from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { toast, errorText, useModel, useNow } from "../model.js";
import { loadOlderReceipts } from "../owner-actions.js";
import { CallChart } from "../parts/call-chart.js";
import { CostTable } from "../parts/cost-table.js";
import { Dialog } from "/-/dialog.js";
import { callerWords } from "../sentences.js";

/** @typedef {import("../model.js").Receipt} Receipt */

/** Rows drawn at once; more are a click away. */
const ROWS_SHOWN = 100;

export function ReceiptsPage() {
  const receipts = useModel((state) => state.receipts);
  const engine = useModel((state) => state.status?.engine);
  const now = useNow(15_000);
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState("");
  const [shown, setShown] = useState(ROWS_SHOWN);
  const [chosen, setChosen] = useState(/** @type {Receipt | undefined} */ (undefined));
  const matches = receipts.filter((receipt) => (outcome === "" || receipt.outcome === outcome) && fits(receipt, text));
  const more = async () => {
    setShown(shown + ROWS_SHOWN);
    if (matches.length > shown + ROWS_SHOWN) return;
    try {
      if (!(await loadOlderReceipts())) toast("That is all that is kept.");
    } catch (error) {
      toast(errorText(error));
    }
  };
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>
            ${engine ? `${count(engine.calls, "call")} so far, ${engine.errors === 0 ? "none failed" : `${formatNumber(engine.errors)} failed`}.` : "Receipts"}
          </h1>
          <p>Every call of a capability leaves a receipt: who called, what it used, how it ended.</p>
        </div>
      </header>
      <${CallChart} receipts=${receipts} now=${now} />
      <${CostTable} calls=${engine?.calls ?? 0} now=${now} />
      <section class="section">
        <div class="filters">
          <input
            class="input"
            type="search"
            placeholder="Filter by caller or method"
            aria-label="Filter by caller or method"
            value=${text}
            onInput=${(/** @type {{ currentTarget: HTMLInputElement }} */ event) => setText(event.currentTarget.value)}
          />
          <select
            class="input"
            aria-label="Outcome"
            value=${outcome}
            onChange=${(/** @type {{ currentTarget: HTMLSelectElement }} */ event) => setOutcome(event.currentTarget.value)}
          >
            <option value="">All outcomes</option>
            <option value="ok">Only what worked</option>
            <option value="error">Only what failed</option>
          </select>
        </div>
        ${matches.length === 0 ? html`<${NoMatches} any=${receipts.length > 0} />` : html`<${ReceiptTable} receipts=${matches.slice(0, shown)} onChoose=${setChosen} />`}
        ${receipts.length >= ROWS_SHOWN && html`<div><button class="button" onClick=${more}>Show older</button></div>`}
      </section>
      ${chosen && html`<${ReceiptDialog} receipt=${chosen} onClose=${() => setChosen(undefined)} />`}
    </div>
  `;
}

/** @param {Receipt} receipt @param {string} text */
function fits(receipt, text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const within = `${receipt.caller} ${receipt.capability}.${receipt.method} ${receipt.code ?? ""}`.toLocaleLowerCase();
  return words.every((word) => within.includes(word));
}

/** @param {{ any: boolean }} props */
function NoMatches({ any }) {
  return html`
    <div class="empty">
      <${Icon} name="receipts" />
      <h2>${any ? "Nothing matches" : "No calls yet"}</h2>
      <p>${any ? "Change the filter to see more." : "Open Chat or Files, and watch what they do here."}</p>
    </div>
  `;
}

/** @param {{ receipts: Receipt[], onChoose: (receipt: Receipt) => void }} props */
function ReceiptTable({ receipts, onChoose }) {
  return html`
    <div class="table-scroll">
      <table class="data">
        <thead>
          <tr>
            <th>Time</th>
            <th>Method</th>
            <th class="wide">Caller</th>
            <th>Outcome</th>
            <th class="figure-cell wide">Fuel</th>
            <th class="figure-cell wide">Memory</th>
            <th class="figure-cell">Took</th>
          </tr>
        </thead>
        <tbody>
          ${receipts.map(
            (receipt) => html`
              <tr key=${receipt.sequence} onClick=${() => onChoose(receipt)}>
                <td class="number">${formatClock(receipt.atMs)}</td>
                <td>
                  <button aria-label=${`All fields of ${receipt.capability}.${receipt.method}`}>
                    ${receipt.capability}.${receipt.method}
                  </button>
                </td>
                <td class="wide">${callerWords(receipt.caller)}</td>
                <td>
                  <span class=${`tag ${receipt.outcome === "ok" ? "good" : "bad"}`}
                    >${receipt.outcome === "ok" ? "OK" : shortCode(receipt)}</span
                  >
                </td>
                <td class="figure-cell wide">${formatCompact(receipt.fuel)}</td>
                <td class="figure-cell wide">${formatBytes(receipt.memorySizeBytes)}</td>
                <td class="figure-cell">${formatDuration(receipt.queueMs + receipt.runMs)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** `TWIN_GUEST_FUEL` -> "guest fuel". @param {Receipt} receipt */
const shortCode = ({ code }) =>
  code
    ? code
        .replace(/^TWIN_/, "")
        .replaceAll("_", " ")
        .toLowerCase()
    : "failed";

/** @param {{ receipt: Receipt, onClose: () => void }} props */
function ReceiptDialog({ receipt, onClose }) {
  const calls = Object.entries(receipt.hostCalls);
  const nested = receipt.nested ?? [];
  /** @type {[string, unknown][]} */
  const facts = [
    ["Number", formatNumber(receipt.sequence)],
    ["When", `${formatMoment(receipt.atMs)} (${formatClock(receipt.atMs)})`],
    ["Caller", receipt.caller],
    ["Grant", receipt.grantId ?? "The owner needs none"],
    ["Version", receipt.version],
    ["Module", receipt.moduleHash],
    ["Outcome", receipt.outcome === "ok" ? "OK" : (receipt.code ?? "Failed")],
    ["Fuel", formatNumber(receipt.fuel)],
    ["Memory", formatBytes(receipt.memorySizeBytes)],
    ["Waited, ran", `${formatDuration(receipt.queueMs)}, ${formatDuration(receipt.runMs)}`],
    ["In, out", `${formatBytes(receipt.bytes.in)}, ${formatBytes(receipt.bytes.out)}`],
    ["Read, written", `${formatBytes(receipt.bytes.read)}, ${formatBytes(receipt.bytes.written)}`],
    ["From, to outside", `${formatBytes(receipt.bytes.received)}, ${formatBytes(receipt.bytes.sent)}`],
    ["Host calls", calls.length === 0 ? "None" : calls.map(([name, times]) => `${name} × ${times}`).join(", ")],
    [
      "Calls within",
      nested.length === 0 ? "None" : nested.map((call) => `${call.capability}.${call.method}`).join(", "),
    ],
    ["Trace", receipt.trace.id],
    ["Span", receipt.trace.parent ? `${receipt.trace.span}, led to by ${receipt.trace.parent}` : receipt.trace.span],
  ];
  return html`
    <${Dialog} title=${`${receipt.capability}.${receipt.method}`} onClose=${onClose}>
      <dl class="facts number">
        ${facts.map(
          ([term, value]) =>
            html`<dt>${term}</dt>
              <dd>${value}</dd>`,
        )}
      </dl>
      <div class="dialog-actions"><button class="button" data-focus onClick=${onClose}>Close</button></div>
    <//>
  `;
}
