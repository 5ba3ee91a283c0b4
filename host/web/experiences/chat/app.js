// Chat's layout: the list beside the thread; on a phone one after the other.

import { useEffect, useLayoutEffect, useReducer } from "preact/hooks";
import { ConversationList } from "./conversation-list.js";
import { html } from "/-/html.js";
import { Thread } from "./thread.js";

/** Below this width the list and the thread take turns. */
const WIDE = matchMedia("(min-width: 641px)");

/** @param {{ model: import("./chat-model.js").ChatModel }} props */
export function App({ model }) {
  const [, redraw] = useReducer((times) => times + 1, 0);
  useLayoutEffect(() => {
    // What changed before the first drawing is drawn now: a frame that is not seen yet runs effects late.
    redraw(undefined);
    return model.watch(() => redraw(undefined));
  }, [model]);
  const list = model.list();
  useEffect(() => {
    if (model.selected === undefined && WIDE.matches && list[0]) model.select(list[0].peer);
  }, [model.loaded, list.length === 0]);
  if (!model.loaded)
    return html`<p class="opening soft" role="status">${model.problem || "Reading your conversations…"}</p>`;
  if (list.length === 0) return html`<${NobodyYet} />`;
  return html`
    <div class=${`chat ${model.selected === undefined ? "at-list" : "at-thread"}`}>
      <${ConversationList} model=${model} list=${list} />
      ${model.selected === undefined ? html`<div class="empty"><p>Choose a conversation.</p></div>` : html`<${Thread} key=${model.selected} model=${model} peer=${model.selected} />`}
    </div>
    ${
      model.problem &&
      html`<div class="toasts">
        <div class="toast" role="alert">
          <span>${model.problem}</span><button onClick=${() => model.dismissProblem()}>OK</button>
        </div>
      </div>`
    }
  `;
}

function NobodyYet() {
  return html`
    <main class="empty full">
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path
          d="M12 4c-5 0-9 3.2-9 7.3 0 2.4 1.3 4.5 3.5 5.900L5.5 21l4-2.300c.8.2 1.6.3 2.5.3 5 0 9-3.2 9-7.300S17 4 12 4Z"
        />
      </svg>
      <h2>Nobody to write to yet</h2>
      <p>
        Invite someone under <b>Your twin, Peers</b>. When they have accepted your code, they stand here and you can
        write.
      </p>
    </main>
  `;
}
