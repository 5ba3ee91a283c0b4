// Capabilities and experiences: what is installed, from whom, and what it asked for.

import { useEffect, useState } from "preact/hooks";
import { count, formatBytes, formatMoment, formatRelative } from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { useModel, useNow } from "../model.js";
import {
  loadRemoved,
  lookAtPackage,
  removeCapability,
  removeExperience,
  restoreCapability,
  rollBackCapability,
} from "../owner-actions.js";
import { ConfirmDialog } from "/-/dialog.js";
import { callerWords, permissionWords, shortId } from "../sentences.js";

/**
 * @typedef {import("../../../packages/manifest.ts").InstalledCapability} InstalledCapability
 * @typedef {import("../../../packages/manifest.ts").RemovedCapability} RemovedCapability
 * @typedef {import("../model.js").ExperienceInfo} ExperienceInfo
 * @typedef {{ title: string, text: string, confirm: string, run: () => void }} Decision
 */

export function CapabilitiesPage() {
  const capabilities = useModel((state) => state.capabilities);
  const experiences = useModel((state) => state.experiences);
  const [decision, setDecision] = useState(/** @type {Decision | undefined} */ (undefined));
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>${count(capabilities.length, "capability", "capabilities")} installed.</h1>
          <p>
            A capability gives your twin an ability. It runs sealed off and metered, and can do only what its
            permissions below say.
          </p>
        </div>
        <label class="button file-button"
          ><${Icon} name="plus" />Open a package<input
            class="visually-hidden"
            type="file"
            accept=".wasm,application/wasm"
            onChange=${choose}
        /></label>
      </header>
      ${
        capabilities.length === 0 &&
        html`<div class="empty">
          <${Icon} name="capabilities" />
          <h2>None yet</h2>
          <p>Open a signed .wasm package. You see what it asks for before it can do anything.</p>
        </div>`
      }
      <div class="rows">
        ${capabilities.map((item) => html`<${Capability} key=${item.name} item=${item} onDecide=${setDecision} />`)}
      </div>
      <${Removed} />
      <section class="section">
        <h2>Experiences</h2>
        <p class="soft small">
          The apps that you open. Each is locked into its own frame and reaches only the methods that it was granted.
        </p>
        <div class="rows">
          ${experiences.map((item) => html`<${Experience} key=${item.name} item=${item} onDecide=${setDecision} />`)}
        </div>
      </section>
      ${decision && html`<${ConfirmDialog} ...${decision} onConfirm=${decision.run} onClose=${() => setDecision(undefined)} />`}
    </div>
  `;
}

/** @param {{ currentTarget: HTMLInputElement }} event */
async function choose({ currentTarget }) {
  const file = currentTarget.files?.[0];
  if (file) await lookAtPackage(file);
  currentTarget.value = "";
}

/** @param {{ item: InstalledCapability, onDecide: (decision: Decision) => void }} props */
function Capability({ item, onDecide }) {
  const methods = Object.entries(item.methods);
  return html`
    <details class="unfold">
      <summary>
        <div class="row">
          <span class="glyph"><${Icon} name="capabilities" /></span>
          <div class="row-main">
            <span class="row-title">${item.title} <span class="soft number">${item.version}</span></span>
            <span class="row-note">${item.description}</span>
          </div>
          <div class="row-end"></div>
        </div>
      </summary>
      <div class="unfolded">
        <dl class="facts">
          <dt>Publisher</dt>
          <dd class="mono" title=${item.publisher}>${shortId(item.publisher)}</dd>
          <dt>Hash</dt>
          <dd class="mono">${item.hash}</dd>
          <dt>Size</dt>
          <dd>${formatBytes(item.sizeBytes)}</dd>
          <dt>Installed</dt>
          <dd>${formatMoment(item.installedAtMs)}</dd>
        </dl>
        <section>
          <h3>May</h3>
          <ul>
            ${item.permissions.map((request) => html`<li>${permissionWords(request)}<span class="soft">${request.reason}</span></li>`)}
            ${item.permissions.length === 0 && html`<li>Nothing but compute an answer.</li>`}
            ${item.withheld.map((request) => html`<li>${permissionWords(request)} <span class="tag">withheld</span><span class="soft">${request.reason}</span></li>`)}
          </ul>
        </section>
        <section>
          <h3>${count(methods.length, "method")}</h3>
          <ul>
            ${methods.map(
              ([name, method]) => html`
                <li key=${name}>
                  <span class="mono">${name}</span> <span class="tag">${method.kind}</span>
                  ${method.exposeTo?.map((circle) => html` <span class="tag warn">open to ${circle}</span>`)}
                  <span class="soft">${method.doc}</span>
                </li>
              `,
            )}
          </ul>
        </section>
        <${CapabilityActions} item=${item} onDecide=${onDecide} />
      </div>
    </details>
  `;
}

/** What can still be brought back. */
function Removed() {
  const capabilities = useModel((state) => state.capabilities);
  const now = useNow();
  const [removed, setRemoved] = useState(/** @type {RemovedCapability[]} */ ([]));
  useEffect(() => void loadRemoved().then(setRemoved), [capabilities]);
  if (removed.length === 0) return undefined;
  return html`
    <section class="section">
      <h2>Removed</h2>
      <ul class="rows">
        ${removed.map(
          ({ name, title, version, keptUntilMs }) => html`
            <li class="row" key=${name}>
              <div class="row-main">
                <span class="row-title">${title} <span class="soft number">${version}</span></span>
                <span class="row-note">Its data is deleted ${formatRelative(keptUntilMs, now)}.</span>
              </div>
              <div class="row-end">
                <button class="button" onClick=${() => void restoreCapability(name, title)}>Bring back</button>
              </div>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

/** @param {{ item: ExperienceInfo, onDecide: (decision: Decision) => void }} props */
function Experience({ item, onDecide }) {
  const remove = () =>
    onDecide({
      title: `Remove ${item.title}?`,
      confirm: "Remove",
      text: "Its window closes and its grants end. Your data belongs to the capabilities and stays.",
      run: () => void removeExperience(item.name),
    });
  const objects = { put: "store files", get: "read files by their id" };
  return html`
    <details class="unfold">
      <summary>
        <div class="row">
          <span class="glyph"><img src=${`/icons/${item.name}`} alt="" /></span>
          <div class="row-main">
            <span class="row-title">${item.title} <span class="soft number">${item.version}</span></span>
            <span class="row-note">${item.description}</span>
          </div>
          <div class="row-end"></div>
        </div>
      </summary>
      <div class="unfolded">
        <dl class="facts">
          <dt>Hash</dt>
          <dd class="mono">${item.hash}</dd>
          <dt>Size</dt>
          <dd>${formatBytes(item.sizeBytes)}</dd>
          <dt>Installed</dt>
          <dd>${formatMoment(item.installedAtMs)}</dd>
          <dt>Files</dt>
          <dd>
            ${item.objects.length === 0 ? "Does not touch stored files." : `May ${item.objects.map((right) => objects[right]).join(" and ")}.`}
          </dd>
        </dl>
        <section>
          <h3>Asks for</h3>
          <ul>
            ${item.needs.map((need) => html`<li><span class="mono">${callerWords(need.capability)}: ${need.methods.join(", ")}</span><span class="soft">${need.reason}</span></li>`)}
          </ul>
        </section>
        <div><button class="button danger" onClick=${remove}>Remove ${item.title}</button></div>
      </div>
    </details>
  `;
}

/** @param {{ item: InstalledCapability, onDecide: (decision: Decision) => void }} props */
function CapabilityActions({ item, onDecide }) {
  const remove = () =>
    onDecide({
      title: `Remove ${item.title}?`,
      text: "Experiences that use it stop working. You can bring it back for 30 days, with its data and grants.",
      confirm: "Remove",
      run: () => void removeCapability(item.name, item.title),
    });
  /** @param {string} version */
  const rollBackTo = (version) =>
    onDecide({
      title: `Back to ${item.title} ${version}?`,
      text: "Code and data become what they were when you left that version. What happened since is kept with this one, and you can go forth again.",
      confirm: "Roll back",
      run: () => void rollBackCapability(item.name, item.title, { version }),
    });
  return html`
    <div class="page-actions">
      ${item.keptVersions?.map(
        ({ version }) =>
          html`<button class="button" key=${version} onClick=${() => rollBackTo(version)}>Back to ${version}</button>`,
      )}
      <button class="button danger" onClick=${remove}>Remove ${item.title}</button>
    </div>
  `;
}
