// One conversation: its messages by day, what is on its way, and the composer. Keeps the place where one reads.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { hue, initials } from "/-/wording.js";
import { Composer } from "./composer.js";
import { html } from "/-/html.js";
import { Messages } from "./messages.js";

/** This close to the end counts as reading the newest. */
const END_PX = 48;
/** This close to the beginning fetches older messages. */
const START_PX = 200;

/** Where one had read to in each conversation, while Chat is open; absent: at the end. @type {Map<string, number>} */
const places = new Map();

/** @param {{ model: import("./chat-model.js").ChatModel, peer: string }} props */
export function Thread({ model, peer }) {
  const thread = model.thread(peer);
  const name = model.nameOf(peer);
  const { scroller, atEnd, onScroll, toEnd } = usePlace(model, peer);
  const unread = model.conversations.get(peer)?.unread ?? 0;
  useEffect(() => {
    if (atEnd && model.shown && thread.loaded) model.markRead(peer);
  });
  const send = (/** @type {string} */ text) => {
    model.send(peer, text);
    toEnd();
  };
  return html`
    <main class="thread">
      <header class="thread-head">
        <button
          class="icon-button back"
          aria-label="Back to all conversations"
          onClick=${() => model.select(undefined)}
        >
          <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="m14.5 6-6 6 6 6" /></svg>
        </button>
        <span class="avatar small-avatar" style=${{ "--hue": hue(peer) }} aria-hidden="true">${initials(name)}</span>
        <h2>${name}</h2>
      </header>
      <div
        class="scroller"
        ref=${scroller}
        onScroll=${onScroll}
        tabindex="0"
        role="region"
        aria-label=${`Conversation with ${name}`}
      >
        ${thread.loaded && thread.messages.length + thread.pending.length === 0 && html`<div class="empty"><p>This is the beginning of your conversation with ${name}. Say hello.</p></div>`}
        ${thread.more && html`<p class="older soft small" role="status">${thread.loading ? "Reading older messages…" : ""}</p>`}
        <${Messages} model=${model} peer=${peer} name=${name} thread=${thread} />
      </div>
      ${!atEnd && html`<button class="button to-end" onClick=${toEnd}>${unread > 0 ? `${unread} new` : "To the newest"} ↓</button>`}
      <${Composer} model=${model} peer=${peer} name=${name} onSend=${send} />
    </main>
  `;
}

/** Stays at the end while there, keeps the place elsewhere, also when older messages come in above. @param {import("./chat-model.js").ChatModel} model @param {string} peer */
function usePlace(model, peer) {
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const [atEnd, setAtEnd] = useState(!places.has(peer));
  const before = useRef({ first: /** @type {number | undefined} */ (undefined), height: 0 });
  const thread = model.thread(peer);
  const first = thread.messages[0]?.sequence;

  useLayoutEffect(() => {
    const element = scroller.current;
    // Out of view nothing has a size.
    if (!element || !model.shown) return;
    const place = places.get(peer);
    if (place === undefined) element.scrollTop = element.scrollHeight;
    else if (before.current.first !== undefined && first !== before.current.first)
      element.scrollTop += element.scrollHeight - before.current.height;
    else if (before.current.height === 0) element.scrollTop = place;
    before.current = { first, height: element.scrollHeight };
  });
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    // A keyboard that opens on a phone, or a composer that grows, must not hide the end.
    const observer = new ResizeObserver(() => {
      if (!places.has(peer)) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [peer]);

  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const end = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX;
    if (end) places.delete(peer);
    else places.set(peer, element.scrollTop);
    setAtEnd(end);
    if (element.scrollTop < START_PX) void model.loadOlder(peer);
  };
  const toEnd = () => {
    places.delete(peer);
    setAtEnd(true);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  return { scroller, atEnd, onScroll, toEnd };
}
