// Everyone this twin can write with: the latest first, unread ones counted.

import { hue, initials } from "/-/wording.js";
import { html } from "/-/html.js";
import { listTime } from "./times.js";

/**
 * @typedef {import("./chat-model.js").ChatModel} ChatModel
 * @typedef {import("./chat-model.js").Conversation} Conversation
 */

/** @param {{ model: ChatModel, list: Conversation[] }} props */
export function ConversationList({ model, list }) {
  return html`
    <nav class="conversations" aria-label="Conversations" onKeyDown=${moveByArrows}>
      <h1>Chat</h1>
      <ul>
        ${list.map((item) => html`<${Row} key=${item.peer} model=${model} item=${item} />`)}
      </ul>
    </nav>
  `;
}

/** @param {{ model: ChatModel, item: Conversation }} props */
function Row({ model, item: { peer, last, unread } }) {
  const name = model.nameOf(peer);
  const draft = model.drafts.get(peer);
  const preview =
    draft && peer !== model.selected
      ? `Draft: ${draft}`
      : last
        ? `${last.outgoing ? "You: " : ""}${last.text}`
        : "No messages yet";
  return html`
    <li>
      <button
        class="conversation"
        aria-current=${peer === model.selected ? "true" : undefined}
        onClick=${() => model.select(peer)}
      >
        <span class="avatar" style=${{ "--hue": hue(peer) }} aria-hidden="true">${initials(name)}</span>
        <span class="conversation-name">${name}</span>
        ${last && html`<time class="conversation-time" datetime=${new Date(last.atMs).toISOString()}>${listTime(last.atMs, Date.now())}</time>`}
        <span class="conversation-preview">${preview}</span>
        ${unread > 0 && html`<span class="unread"><span aria-hidden="true">${unread > 99 ? "99+" : unread}</span><span class="visually-hidden">${unread} unread</span></span>`}
      </button>
    </li>
  `;
}

/** @param {KeyboardEvent & { currentTarget: HTMLElement }} event */
function moveByArrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const rows = [...event.currentTarget.querySelectorAll("button")];
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
}
