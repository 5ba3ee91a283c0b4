// Files' layout: where one is, what is here, what is on its way.

import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { html } from "/-/html.js";
import { count, formatBytes } from "/-/wording.js";
import { Breadcrumbs } from "./breadcrumbs.js";
import { Dialogs } from "./dialogs.js";
import { EntryTable } from "./entry-table.js";
import { Glyph } from "./glyph.js";
import { UploadPanel } from "./upload-panel.js";

const NOTICE_MS = 8_000;

/** @param {{ model: import("./files-model.js").FilesModel }} props */
export function App({ model }) {
  const [, redraw] = useReducer((times) => times + 1, 0);
  useLayoutEffect(() => {
    // What changed before the first drawing is drawn now: a frame that is not seen yet runs effects late.
    redraw(undefined);
    return model.watch(() => redraw(undefined));
  }, [model]);
  const { dropping, ...dropHandlers } = useDrop(model);
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const pick = () => picker.current?.click();
  const picked = () => {
    if (!picker.current) return;
    model.uploads.add(picker.current.files ?? [], model.folder);
    picker.current.value = "";
  };
  return html`
    <div class=${`files ${dropping ? "dropping" : ""}`} ...${dropHandlers}>
      <header class="bar">
        <${Breadcrumbs} model=${model} />
        <div class="bar-actions">
          <button class="button" onClick=${() => model.set({ dialog: { kind: "folder" } })}>
            <${Glyph} name="add" /><span class="wide-only">New folder</span><span class="phone-only">Folder</span>
          </button>
          <button class="button primary" onClick=${pick}><${Glyph} name="upload" />Upload</button>
          <input ref=${picker} type="file" multiple hidden aria-label="Files to upload" onChange=${picked} />
        </div>
      </header>
      <main class="content">${content(model, pick)}</main>
      <${UploadPanel} model=${model} />
      <footer class="foot soft">${usageWords(model)}</footer>
      ${dropping && html`<div class="drop-hint" aria-hidden="true">Drop to upload to ${model.path.at(-1)?.name ?? "Files"}</div>`}
    </div>
    <${Dialogs} model=${model} />
    <${Notice} model=${model} />
  `;
}

/** @param {import("./files-model.js").FilesModel} model @param {() => void} pick */
function content(model, pick) {
  if (!model.loaded) return html`<p class="empty" role="status">${model.notice || "Reading your files…"}</p>`;
  if (model.entries.length > 0) return html`<${EntryTable} model=${model} />`;
  const top = model.path.length === 0;
  return html`
    <div class="empty">
      <${Glyph} name="folder" />
      <h2>${top ? "Nothing here yet" : "This folder is empty"}</h2>
      <p>
        ${top ? "Drop files here, or choose some. They are sealed on this machine and spread over your stores, so that the loss of any two changes nothing." : "Drop files here, or choose some."}
      </p>
      <button class="button" onClick=${pick}>Choose files</button>
    </div>
  `;
}

/** @param {import("./files-model.js").FilesModel} model */
function usageWords({ usage }) {
  if (!usage) return "";
  return `${count(usage.files, "file")} in ${count(usage.folders, "folder")}, ${formatBytes(usage.sizeBytes)}`;
}

/** Says what happened; goes by itself. @param {{ model: import("./files-model.js").FilesModel }} props */
function Notice({ model }) {
  const { notice } = model;
  useEffect(() => {
    if (notice === "") return undefined;
    const timer = setTimeout(() => model.set({ notice: "" }), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  const shown = notice !== "" && model.loaded;
  return html`
    <div class="toasts" role="status">
      ${shown && html`<div class="toast"><span>${notice}</span><button onClick=${() => model.set({ notice: "" })}>OK</button></div>`}
    </div>
  `;
}

/** Files dragged in from outside; rows dragged within are the table's matter. @param {import("./files-model.js").FilesModel} model */
function useDrop(model) {
  const [dropping, setDropping] = useState(false);
  return {
    dropping,
    onDragOver: (/** @type {DragEvent} */ event) => {
      if (!fromOutside(event)) return;
      event.preventDefault();
      setDropping(true);
    },
    onDragLeave: (/** @type {DragEvent & { currentTarget: HTMLElement }} */ event) => {
      if (!event.currentTarget.contains(/** @type {Node | null} */ (event.relatedTarget))) setDropping(false);
    },
    onDrop: (/** @type {DragEvent} */ event) => {
      if (!fromOutside(event)) return;
      event.preventDefault();
      setDropping(false);
      const { files, skipped } = droppedFiles(event);
      model.uploads.add(files, model.folder);
      if (skipped > 0)
        model.set({
          notice: "Folders cannot be uploaded as a whole yet: make the folder here, then drop the files in it.",
        });
    },
  };
}

/** @param {DragEvent} event */
const fromOutside = (event) => event.dataTransfer?.types.includes("Files") ?? false;

/** @param {DragEvent} event */
function droppedFiles(event) {
  const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file");
  const files = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory).flatMap((item) => item.getAsFile() ?? []);
  return { files, skipped: items.length - files.length };
}
