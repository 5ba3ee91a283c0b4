// A modal dialog on the element of the platform: focus is trapped, Escape closes, focus returns. For pages with Preact.

import { useLayoutEffect, useRef } from "preact/hooks";
import { html } from "/-/html.js";

let dialogCount = 0;

/** @param {{ title: string, onClose: () => void, className?: string, children?: unknown }} props */
export function Dialog({ title, onClose, className, children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const titleId = useRef("");
  if (titleId.current === "") {
    dialogCount += 1;
    titleId.current = `dialog-${dialogCount}`;
  }
  // At once, so that no key pressed meanwhile goes astray.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // Browsers refuse the attribute autofocus in frames of another origin.
    const first = dialog?.querySelector("[data-focus]");
    if (first instanceof HTMLElement) first.focus();
    return () => dialog?.close();
  }, []);
  const closeOnBackdrop = (/** @type {MouseEvent} */ event) => {
    if (event.target === element.current) onClose();
  };
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`
    <dialog
      ref=${element}
      class=${className ?? ""}
      aria-labelledby=${titleId.current}
      onCancel=${cancel}
      onClick=${closeOnBackdrop}
    >
      <div class="dialog-body">
        <h2 id=${titleId.current}>${title}</h2>
        ${children}
      </div>
    </dialog>
  `;
}

/**
 * Asks before something that cannot be taken back in passing. The safe answer has the focus.
 * @param {{ title: string, text: string, confirm: string, onConfirm: () => void, onClose: () => void }} props
 */
export function ConfirmDialog({ title, text, confirm, onConfirm, onClose }) {
  const act = () => {
    onClose();
    onConfirm();
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <p class="soft">${text}</p>
      <div class="dialog-actions">
        <button class="button" data-focus onClick=${onClose}>Keep</button>
        <button class="button danger" onClick=${act}>${confirm}</button>
      </div>
    <//>
  `;
}
