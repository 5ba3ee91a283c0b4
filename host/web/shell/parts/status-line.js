// The truth in one line; each part leads to its page.

import { count, formatBytes } from "/-/wording.js";
import { html } from "/-/html.js";
import { useModel } from "../model.js";
import { pageLink } from "../navigation.js";
import { durabilitySentence, durabilityShort, peersSentence } from "../sentences.js";

/** @typedef {import("../../../rpc/api.ts").HostStatus} HostStatus */

export function StatusLine() {
  const status = useModel((state) => state.status);
  const connection = useModel((state) => state.connection);
  if (!status) return undefined;
  if (connection === "reconnecting") {
    return html`<footer class="status-line">
      <a href=${pageLink("stores")}><i class="dot warn"></i>Not connected. What you see here may be old.</a>
    </footer>`;
  }
  return html`
    <footer class="status-line">
      <a href=${pageLink("stores")}
        ><i class=${`dot ${health(status)}`}></i><span class="long">${durabilitySentence(status.vault)}.</span
        ><span class="short">${durabilityShort(status.vault)}</span></a
      >
      <a class="long" href=${pageLink("peers")}>${peersSentence(status.peers)}.</a>
      <a class="end number" href=${pageLink("receipts")}>${callsSentence(status)}</a>
    </footer>
  `;
}

/** @param {HostStatus} status */
function health({ vault }) {
  if (vault.margin < 0 || (vault.margin === 0 && vault.objectCount > 0)) return "bad";
  return vault.degradedSegments > 0 || vault.stores.some((store) => !store.healthy) ? "warn" : "good";
}

/** @param {HostStatus} status */
function callsSentence({ engine, memorySizeBytes }) {
  const errors = engine.errors === 0 ? "none failed" : `${count(engine.errors, "failed", "failed")}`;
  return `${count(engine.calls, "call")}, ${errors} · ${formatBytes(memorySizeBytes)} of memory`;
}
