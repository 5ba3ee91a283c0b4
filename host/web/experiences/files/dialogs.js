// The dialogs of Files: a new folder, a look into a file, another place, and the question before deleting.

import { useEffect, useState } from "preact/hooks";
import { ConfirmDialog, Dialog } from "/-/dialog.js";
import { html } from "/-/html.js";
import { ROOT } from "./files-model.js";
import { Glyph } from "./glyph.js";
import { PreviewDialog } from "./preview-dialog.js";

/**
 * @typedef {import("./files-model.js").FilesModel} FilesModel
 * @typedef {import("./files-model.js").Entry} Entry
 */

/** Whichever dialog is open. @param {{ model: FilesModel }} props */
export function Dialogs({ model }) {
  const { dialog } = model;
  const close = () => model.set({ dialog: undefined });
  if (!dialog) return undefined;
  if (dialog.kind === "folder") return html`<${FolderDialog} model=${model} onClose=${close} />`;
  const { entry } = dialog;
  if (dialog.kind === "preview")
    return html`<${PreviewDialog} key=${entry.id} model=${model} entry=${entry} onClose=${close} />`;
  if (dialog.kind === "move") return html`<${MoveDialog} model=${model} entry=${entry} onClose=${close} />`;
  const text =
    entry.kind === "folder" ? "With everything that is in it. This cannot be undone." : "This cannot be undone.";
  return html`<${ConfirmDialog}
    title=${`Delete “${entry.name}”?`}
    text=${text}
    confirm="Delete"
    onConfirm=${() => void model.remove(entry)}
    onClose=${close}
  />`;
}

/** @param {{ model: FilesModel, onClose: () => void }} props */
function FolderDialog({ model, onClose }) {
  const [name, setName] = useState("");
  const create = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
    void model.createFolder(name.trim());
  };
  return html`
    <${Dialog} title="New folder" onClose=${onClose}>
      <form class="dialog-body" onSubmit=${create}>
        <label class="field"
          >Name<input
            class="input"
            data-focus
            required
            maxlength="255"
            spellcheck="false"
            autocomplete="off"
            value=${name}
            onInput=${(/** @type {{ currentTarget: HTMLInputElement }} */ event) => setName(event.currentTarget.value)}
        /></label>
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${onClose}>Cancel</button>
          <button class="button primary" disabled=${name.trim() === ""} onClick=${create}>Create</button>
        </div>
      </form>
    <//>
  `;
}

/** Walks the folders to a new place. @param {{ model: FilesModel, entry: Entry, onClose: () => void }} props */
function MoveDialog({ model, entry, onClose }) {
  const [folder, setFolder] = useState(model.folder);
  const [place, setPlace] = useState(
    /** @type {{ path: import("./files-model.js").Step[], folders: Entry[] } | undefined} */ (undefined),
  );
  const [problem, setProblem] = useState("");
  useEffect(() => {
    model.folders(folder).then(setPlace, (error) => setProblem(error.message));
  }, [folder]);
  const here = place?.path.at(-1) ?? { id: ROOT, name: "Files" };
  const up = place?.path.at(-2)?.id ?? ROOT;
  const choices = place?.folders.filter((item) => item.id !== entry.id) ?? [];
  const move = () => {
    onClose();
    void model.move(entry.id, here);
  };
  return html`
    <${Dialog} title=${`Move “${entry.name}”`} onClose=${onClose}>
      <p class="soft small">To: <b>${["Files", ...(place?.path ?? []).map((step) => step.name)].join(" / ")}</b></p>
      ${problem && html`<p role="alert">${problem}</p>`}
      <ul class="places">
        ${
          folder !== ROOT &&
          html`<li>
            <button onClick=${() => setFolder(up)}><${Glyph} name="up" />Up</button>
          </li>`
        }
        ${choices.map(
          (item) =>
            html`<li key=${item.id}>
              <button onClick=${() => setFolder(item.id)}><${Glyph} name="folder" />${item.name}</button>
            </li>`,
        )}
        ${place && choices.length === 0 && html`<li class="soft small">No folders in here.</li>`}
      </ul>
      <div class="dialog-actions">
        <button class="button" onClick=${onClose}>Cancel</button>
        <button class="button primary" disabled=${!place || folder === entry.parent} onClick=${move}>Move here</button>
      </div>
    <//>
  `;
}
