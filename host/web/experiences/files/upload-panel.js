// What is on its way, each with its progress, to be cancelled or tried again.

import { html } from "/-/html.js";
import { count, formatBytes } from "/-/wording.js";
import { Glyph } from "./glyph.js";

/** @param {{ model: import("./files-model.js").FilesModel }} props */
export function UploadPanel({ model }) {
  const { uploads } = model;
  if (uploads.list.length + uploads.interrupted.length === 0) return html`<div role="status"></div>`;
  const active = uploads.list.filter((item) => item.state === "sending" || item.state === "storing").length;
  return html`
    <section class="uploads" aria-label="Uploads">
      <h2 role="status">${active > 0 ? `Uploading ${count(active, "file")}` : "Uploads"}</h2>
      <ul>
        ${uploads.interrupted.map((name) => html`<${Interrupted} key=${name} uploads=${uploads} name=${name} />`)}
        ${uploads.list.map((item) => html`<${Row} key=${item.key} uploads=${uploads} item=${item} />`)}
      </ul>
    </section>
  `;
}

/** @param {{ uploads: import("./uploads.js").Uploads, name: string }} props */
function Interrupted({ uploads, name }) {
  return html`
    <li data-state="failed">
      <div class="upload-main">
        <span class="upload-name">${name}</span>
        <span class="soft">Interrupted. Upload the same file again: what has arrived is kept for a day.</span>
      </div>
      <button class="icon-button" aria-label=${`Dismiss ${name}`} onClick=${() => uploads.dismissInterrupted(name)}>
        <${Glyph} name="close" />
      </button>
    </li>
  `;
}

/** @param {{ uploads: import("./uploads.js").Uploads, item: import("./uploads.js").Upload }} props */
function Row({ uploads, item }) {
  const { file, state, sentBytes, problem } = item;
  const active = state === "sending" || state === "storing";
  return html`
    <li data-state=${state}>
      <div class="upload-main">
        <span class="upload-name">${file.name}</span>
        <span class=${state === "failed" ? "failed" : "soft"}>${stateWords(item)}</span>
        ${active && html`<progress max=${file.size || 1} value=${state === "storing" ? undefined : sentBytes} aria-label=${`Upload of ${file.name}`}></progress>`}
      </div>
      ${active && html`<button class="icon-button" aria-label=${`Cancel ${file.name}`} onClick=${() => uploads.cancel(item)}><${Glyph} name="close" /></button>`}
      ${state === "done" && html`<span class="done"><${Glyph} name="check" /></span>`}
      ${
        problem &&
        html`
          <button class="button" onClick=${() => uploads.retry(item)}>Try again</button>
          <button class="icon-button" aria-label=${`Dismiss ${file.name}`} onClick=${() => uploads.dismiss(item)}>
            <${Glyph} name="close" />
          </button>
        `
      }
    </li>
  `;
}

/** @param {import("./uploads.js").Upload} upload */
function stateWords({ state, file, sentBytes, problem }) {
  if (state === "sending") return `${formatBytes(sentBytes)} of ${formatBytes(file.size)}`;
  if (state === "storing") return "Sealing and spreading over your stores…";
  return state === "done" ? `Stored, ${formatBytes(file.size)}` : `Not stored. ${problem}`;
}
