// A package before it is taken: it was tried on a copy of the data, and this is what would change.

import { useState } from "preact/hooks";
import { count, formatBytes, formatCompact, formatNumber } from "/-/wording.js";
import { Dialog } from "/-/dialog.js";
import { html } from "/-/html.js";
import { errorText, setState, useModel } from "../model.js";
import { takePackage } from "../owner-actions.js";
import { callerWords, permissionWords, shortId } from "../sentences.js";

/**
 * @typedef {import("../model.js").UpgradeReport} UpgradeReport
 * @typedef {import("../../../packages/manifest.ts").PermissionRequest} PermissionRequest
 */

const close = () => setState({ offer: undefined });

/** The package that the owner looks at now. */
export function PackageDialog() {
  const offer = useModel((state) => state.offer);
  if (!offer) return undefined;
  if (offer.state === "tried") return html`<${Tried} offer=${offer} />`;
  const isRefused = offer.state === "refused";
  return html`
    <${Dialog} title=${isRefused ? "This package was refused" : "Trying the package"} onClose=${close}>
      ${
        isRefused
          ? html`<p>${offer.problem}</p>
              <p class="soft small">Nothing was changed.</p>`
          : html`<p class="soft" role="status">${offer.fileName} runs on a copy of your data…</p>`
      }
      <div class="dialog-actions"><button class="button" data-focus onClick=${close}>Close</button></div>
    <//>
  `;
}

/** @param {{ offer: import("../model.js").TriedPackage }} props */
function Tried({ offer }) {
  const { report } = offer;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const isNew = report.fromVersion === undefined;
  const harm = harmOf(report);
  const canWithhold = !isNew && report.permissionsAdded.length > 0;
  const take = (/** @type {boolean} */ withhold) => {
    setBusy(true);
    setProblem("");
    takePackage(offer, { withhold }).catch((error) => {
      setProblem(errorText(error));
      setBusy(false);
    });
  };
  return html`
    <${Dialog}
      className="package"
      title=${`${isNew ? "Install" : "Upgrade"} ${report.title} ${isNew ? "" : "to "}${report.toVersion}?`}
      onClose=${close}
    >
      <p class="soft">${report.description}</p>
      ${
        harm.length > 0 &&
        html`<div class="notice bad">
          <div><strong>This would break what you use.</strong>${harm.map((line) => html`<div>${line}</div>`)}</div>
        </div>`
      }
      <div class="changes">
        <${Rights} report=${report} isNew=${isNew} />
        <${Reach} report=${report} />
        <${Methods} report=${report} isNew=${isNew} />
        <${Data} report=${report} isNew=${isNew} />
        <${Fuel} report=${report} />
      </div>
      <dl class="facts">
        ${
          !isNew &&
          html`<dt>Installed</dt>
            <dd class="number">${report.fromVersion}</dd>`
        }
        <dt>Publisher</dt>
        <dd class="mono" title=${report.publisher}>${shortId(report.publisher)}</dd>
        <dt>Size</dt>
        <dd>
          ${isNew || report.fromSizeBytes === undefined ? formatBytes(report.toSizeBytes) : `${formatBytes(report.toSizeBytes)}, now ${formatBytes(report.fromSizeBytes)}`}
        </dd>
      </dl>
      ${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
      <div class="dialog-actions">
        <button class="button" data-focus disabled=${busy} onClick=${close}>Not now</button>
        ${canWithhold && html`<button class="button" disabled=${busy} onClick=${() => take(true)}>Accept without the new ${report.permissionsAdded.length === 1 ? "right" : "rights"}</button>`}
        <button
          class=${harm.length > 0 ? "button danger" : "button primary"}
          disabled=${busy}
          onClick=${() => take(false)}
        >
          ${isNew ? "Install" : harm.length > 0 ? "Upgrade anyway" : "Accept"}
        </button>
      </div>
    <//>
  `;
}

/** Who could not go on. @param {UpgradeReport} report */
function harmOf({ breaks, dependents }) {
  return [
    ...breaks.map(({ user, method }) => `${callerWords(user)} uses ${method}.`),
    ...dependents.map(({ user, needs }) => `${user} needs ${needs}.`),
  ];
}

/** @param {{ report: UpgradeReport, isNew: boolean }} props */
function Rights({ report: { permissionsAdded, permissionsRemoved, limitsChanged }, isNew }) {
  const nothing = permissionsAdded.length + permissionsRemoved.length + limitsChanged.length === 0;
  return html`
    <section>
      <h3>${isNew ? "It may" : "Rights"}</h3>
      <ul>
        ${permissionsAdded.map((request) => html`<${Right} request=${request} tag=${isNew ? "" : "new"} tone="warn" />`)}
        ${permissionsRemoved.map((request) => html`<${Right} request=${request} tag="given up" tone="good" />`)}
        ${limitsChanged.map((change) => html`<li>${limitWords(change)}</li>`)}
        ${nothing && html`<li class="soft">${isNew ? "Nothing but compute an answer." : "The same as before."}</li>`}
      </ul>
    </section>
  `;
}

/** @param {UpgradeReport["limitsChanged"][number]} change */
function limitWords({ limit, before, after }) {
  return limit === "callFuel"
    ? `Burn ${formatCompact(after)} fuel in a call, in place of ${formatCompact(before)}`
    : `Hold ${formatBytes(after)} of memory, in place of ${formatBytes(before)}`;
}

/** @param {{ request: PermissionRequest, tag: string, tone: string }} props */
function Right({ request, tag, tone }) {
  return html`<li>
    ${permissionWords(request)}${tag && html` <span class=${`tag ${tone}`}>${tag}</span>`}<span class="soft"
      >${request.reason}</span
    >
  </li>`;
}

/** What others may call from now on. @param {{ report: UpgradeReport }} props */
function Reach({ report: { exposed } }) {
  if (exposed.length === 0) return undefined;
  return html`
    <section>
      <h3>Open to the twins of others</h3>
      <ul>
        ${exposed.map((exposure) => {
          const [circle, method] = exposure.split(": ");
          return html`<li>Those in ${circle} may call <span class="mono">${method}</span></li>`;
        })}
      </ul>
    </section>
  `;
}

/** @param {{ report: UpgradeReport, isNew: boolean }} props */
function Methods({ report: { methodsAdded, methodsRemoved, methodsChanged }, isNew }) {
  /** @type {[string, readonly string[]][]} */
  const kinds = [
    [isNew ? "It offers" : "New", methodsAdded],
    ["With another form", methodsChanged],
    ["Gone", methodsRemoved],
  ];
  const shown = kinds.filter(([, names]) => names.length > 0);
  if (shown.length === 0) return undefined;
  return html`
    <section>
      <h3>Methods</h3>
      <ul>
        ${shown.map(([what, names]) => html`<li>${what}: <span class="mono">${names.join(", ")}</span></li>`)}
      </ul>
    </section>
  `;
}

/** @param {{ report: UpgradeReport, isNew: boolean }} props */
function Data({ report: { migration }, isNew }) {
  if (isNew) return undefined;
  return html`
    <section>
      <h3>Your data</h3>
      ${
        migration
          ? html`<p>
              It takes a new form: ${count(migration.rowsChanged, "row")} change. This was tried on a copy and held; it
              costs ${formatCompact(migration.fuel)} fuel. The form of now is kept for the way back.
            </p>`
          : html`<p class="soft">Stays as it is.</p>`
      }
    </section>
  `;
}

/** What the same calls cost before and after. @param {{ report: UpgradeReport }} props */
function Fuel({ report: { fuel = [] } }) {
  if (fuel.length === 0) return undefined;
  return html`
    <section>
      <h3>What a call costs</h3>
      <table class="data">
        <thead>
          <tr>
            <th>Method</th>
            <th class="figure-cell">Now</th>
            <th class="figure-cell">Then</th>
            <th class="figure-cell">Change</th>
          </tr>
        </thead>
        <tbody>
          ${fuel.map(
            ({ method, before, after }) => html`
              <tr key=${method}>
                <td class="mono">${method}</td>
                <td class="figure-cell">${formatNumber(before)}</td>
                <td class="figure-cell">${formatNumber(after)}</td>
                <td class="figure-cell">${changeWords(before, after)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
      <p class="soft small">Fuel with the last recorded input, or the smallest that both accept.</p>
    </section>
  `;
}

/** @param {number} before @param {number} after */
function changeWords(before, after) {
  const percent = Math.round((after / Math.max(1, before) - 1) * 100);
  return percent === 0 ? "same" : `${percent > 0 ? "+" : "−"}${formatNumber(Math.abs(percent))} %`;
}
