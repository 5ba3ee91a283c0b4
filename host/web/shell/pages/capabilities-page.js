// Capabilities and experiences: what is installed, from whom, and what it asked for.

import { useState } from "preact/hooks";
import { count, formatBytes, formatMoment } from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { useModel } from "../model.js";
import { installCapability, removeCapability, removeExperience } from "../owner-actions.js";
import { ConfirmDialog } from "/-/dialog.js";
import { callerWords, shortId } from "../sentences.js";

/**
 * @typedef {import("../../../packages/manifest.ts").InstalledCapability} InstalledCapability
 * @typedef {import("../../../packages/manifest.ts").PermissionRequest} PermissionRequest
 * @typedef {import("../model.js").ExperienceInfo} ExperienceInfo
 * @typedef {{ title: string, text: string, run: () => void }} Removal
 */

/** What each permission lets a capability do, in words. @type {Record<string, string>} */
const PERMISSION_WORDS = {
  state: "Keep data of its own",
  blobs: "Refer to stored files",
  send: "Send messages to other twins",
  emit: "Tell experiences what happened",
  schedule: "Run at set times",
  peer_call: "Ask other twins and wait for their answers",
};

export function CapabilitiesPage() {
  const capabilities = useModel((state) => state.capabilities);
  const experiences = useModel((state) => state.experiences);
  const [removal, setRemoval] = useState(/** @type {Removal | undefined} */ (undefined));
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
          ><${Icon} name="plus" />Install from a file<input
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
          <p>Install one from a signed .wasm package. You see what it asks for before it can do anything.</p>
        </div>`
      }
      <div class="rows">
        ${capabilities.map((item) => html`<${Capability} key=${item.name} item=${item} onRemove=${setRemoval} />`)}
      </div>
      <section class="section">
        <h2>Experiences</h2>
        <p class="soft small">
          The apps that you open. Each is locked into its own frame and reaches only the methods that it was granted.
        </p>
        <div class="rows">
          ${experiences.map((item) => html`<${Experience} key=${item.name} item=${item} onRemove=${setRemoval} />`)}
        </div>
      </section>
      ${removal && html`<${ConfirmDialog} title=${removal.title} text=${removal.text} confirm="Remove" onConfirm=${removal.run} onClose=${() => setRemoval(undefined)} />`}
    </div>
  `;
}

/** @param {{ currentTarget: HTMLInputElement }} event */
async function choose({ currentTarget }) {
  const file = currentTarget.files?.[0];
  if (file) await installCapability(file);
  currentTarget.value = "";
}

/** @param {{ item: InstalledCapability, onRemove: (removal: Removal) => void }} props */
function Capability({ item, onRemove }) {
  const methods = Object.entries(item.methods);
  const remove = () =>
    onRemove({
      title: `Remove ${item.title}?`,
      text: "Experiences that use it stop working. Its data stays for 30 days, in case you install it again.",
      run: () => void removeCapability(item.name),
    });
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
        <div><button class="button danger" onClick=${remove}>Remove ${item.title}</button></div>
      </div>
    </details>
  `;
}

/** @param {{ item: ExperienceInfo, onRemove: (removal: Removal) => void }} props */
function Experience({ item, onRemove }) {
  const remove = () =>
    onRemove({
      title: `Remove ${item.title}?`,
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

/** @param {PermissionRequest} request */
function permissionWords({ permission }) {
  if (typeof permission === "string") return PERMISSION_WORDS[permission] ?? permission;
  if ("http" in permission) return `Send requests to ${permission.http.join(", ")}`;
  return `Call ${permission.call}: ${permission.methods.join(", ")}`;
}
