// Where one writes: Enter sends, Shift-Enter begins a new line. What was typed stays when one looks elsewhere.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "/-/html.js";

/** The capability's own limit of a text. */
const TEXT_LENGTH_MAX = 16_384;
const COUNTER_FROM = 15_000;

/** @param {{ model: import("./chat-model.js").ChatModel, peer: string, name: string, onSend: (text: string) => void }} props */
export function Composer({ model, peer, name, onSend }) {
  const [text, setText] = useState(model.drafts.get(peer) ?? "");
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => {
    // A touch keyboard that pops up unasked would hide what one came to read.
    if (model.shown && matchMedia("(hover: hover)").matches) field.current?.focus();
  }, [peer, model.shown]);
  const change = (/** @type {string} */ value) => {
    setText(value);
    model.setDraft(peer, value);
  };
  const send = () => {
    // What one sees is sent, and not what was drawn last.
    const trimmed = field.current?.value.trim() ?? "";
    if (trimmed === "") return;
    onSend(trimmed);
    change("");
    field.current?.focus();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return html`
    <form
      class="composer"
      onSubmit=${(/** @type {Event} */ event) =>
        (event.preventDefault(), send())}
    >
      <textarea
        ref=${field}
        class="input"
        rows="1"
        maxlength=${TEXT_LENGTH_MAX}
        dir="auto"
        placeholder=${`Write to ${name}`}
        aria-label=${`Message to ${name}`}
        value=${text}
        onInput=${(/** @type {{ currentTarget: HTMLTextAreaElement }} */ event) => change(event.currentTarget.value)}
        onKeyDown=${onKeyDown}
      ></textarea>
      ${text.length > COUNTER_FROM && html`<span class="soft small number" role="status">${TEXT_LENGTH_MAX - text.length} left</span>`}
      <button
        class="send"
        aria-label="Send"
        disabled=${text.trim() === ""}
        onClick=${(/** @type {Event} */ event) =>
          (event.preventDefault(), send())}
      >
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V6M6 11.5 12 5.500l6 6" /></svg>
      </button>
    </form>
  `;
}
