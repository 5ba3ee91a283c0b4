// The entries of a folder. Keys: arrows, Home, End; Enter opens, F2 renames, Delete deletes, Backspace goes up.

import { useEffect, useRef } from "preact/hooks";
import { html } from "/-/html.js";
import { formatBytes, formatMoment } from "/-/wording.js";
import { EntryMenu } from "./entry-menu.js";
import { Glyph, glyphOf, kindWords } from "./glyph.js";
import { ROW_TYPE, useRowTarget } from "./row-target.js";

/**
 * @typedef {import("./files-model.js").FilesModel} FilesModel
 * @typedef {import("./files-model.js").Entry} Entry
 */

/** @param {{ model: FilesModel }} props */
export function EntryTable({ model }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  const { entries, current, folder } = model;
  const reachable = entries.some((entry) => entry.id === current) ? current : entries[0]?.id;
  const hadFocus = useRef(false);
  useEffect(() => {
    // A row that was deleted or opened takes the focus with it: give it to the row in hand.
    if (hadFocus.current && !table.current?.contains(document.activeElement)) focusRow(table.current, reachable);
  }, [entries, folder]);
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.tagName !== "TR") return;
    const index = entries.findIndex((entry) => entry.id === target.dataset.id);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (to !== undefined) {
      const next = entries[Math.min(Math.max(to, 0), entries.length - 1)];
      model.set({ current: next?.id });
      focusRow(table.current, next?.id);
    } else if (!actByKey(model, entries[index], event.key)) return;
    event.preventDefault();
  };
  return html`
    <table
      ref=${table}
      class="entries"
      onKeyDown=${onKeyDown}
      onFocusIn=${() => (hadFocus.current = true)}
      onFocusOut=${(/** @type {FocusEvent} */ event) => (hadFocus.current = event.relatedTarget === null)}
    >
      <thead>
        <tr>
          <th>Name</th>
          <th class="size">Size</th>
          <th class="kind">Kind</th>
          <th class="date">Changed</th>
          <th><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${entries.map((entry) => html`<${Row} key=${entry.id} model=${model} entry=${entry} reachable=${entry.id === reachable} />`)}
      </tbody>
    </table>
    ${model.next !== null && html`<div class="more"><button class="button" onClick=${() => model.loadMore()}>Show more</button></div>`}
  `;
}

/** Returns whether the key meant something. @param {FilesModel} model @param {Entry | undefined} entry @param {string} key */
function actByKey(model, entry, key) {
  if (key === "Backspace") void model.openParent();
  else if (!entry) return false;
  else if (key === "Enter") model.open(entry);
  else if (key === "F2") model.set({ renaming: entry.id });
  else if (key === "Delete") model.set({ dialog: { kind: "remove", entry } });
  else return false;
  return true;
}

/** @param {HTMLTableElement | null} table @param {string | undefined} id */
function focusRow(table, id) {
  const row = table?.querySelector(`tr[data-id="${id}"]`);
  if (row instanceof HTMLElement) row.focus();
}

/** @param {{ model: FilesModel, entry: Entry, reachable: boolean }} props */
function Row({ model, entry, reachable }) {
  const isFolder = entry.kind === "folder";
  const { over, ...target } = useRowTarget(model, entry, isFolder);
  const renaming = model.renaming === entry.id;
  const onClick = (/** @type {MouseEvent} */ event) => {
    const { tagName } = /** @type {HTMLElement} */ (event.target);
    model.set({ current: entry.id });
    if (
      !renaming &&
      !["BUTTON", "INPUT"].includes(tagName) &&
      !(/** @type {HTMLElement} */ (event.target).closest("button, [popover]"))
    )
      model.open(entry);
  };
  const onDragStart = (/** @type {DragEvent} */ event) => {
    event.dataTransfer?.setData(ROW_TYPE, entry.id);
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
  };
  return html`
    <tr
      data-id=${entry.id}
      class=${over ? "over" : ""}
      tabindex=${reachable ? 0 : -1}
      draggable=${!renaming}
      aria-label=${`${entry.name}, ${kindWords(entry)}${isFolder ? "" : `, ${formatBytes(entry.sizeBytes)}`}`}
      onClick=${onClick}
      onFocus=${() => model.current !== entry.id && model.set({ current: entry.id })}
      onDragStart=${onDragStart}
      ...${target}
    >
      <td class="name">
        <div>
          <${Glyph} name=${glyphOf(entry)} />
          ${renaming ? html`<${NameField} model=${model} entry=${entry} />` : html`<span>${entry.name}</span>`}
        </div>
      </td>
      <td class="size">${isFolder ? "" : formatBytes(entry.sizeBytes)}</td>
      <td class="kind">${kindWords(entry)}</td>
      <td class="date">${formatMoment(entry.modifiedAtMs)}</td>
      <td class="act"><${EntryMenu} model=${model} entry=${entry} /></td>
    </tr>
  `;
}

/** Renames in place: Enter keeps, Escape does not. @param {{ model: FilesModel, entry: Entry }} props */
function NameField({ model, entry }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    const dot = entry.kind === "file" ? entry.name.lastIndexOf(".") : -1;
    field.current?.focus();
    field.current?.setSelectionRange(0, dot > 0 ? dot : entry.name.length);
  }, []);
  const keep = () => model.renaming === entry.id && void model.rename(entry, field.current?.value.trim() ?? "");
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    const row = /** @type {HTMLElement | null | undefined} */ (field.current?.closest("tr"));
    if (event.key === "Enter") keep();
    else if (event.key === "Escape") model.set({ renaming: undefined });
    else return;
    event.preventDefault();
    row?.focus();
  };
  return html`<input
    ref=${field}
    class="input"
    aria-label=${`New name of ${entry.name}`}
    maxlength="255"
    spellcheck="false"
    value=${entry.name}
    onKeyDown=${onKeyDown}
    onBlur=${keep}
  />`;
}
