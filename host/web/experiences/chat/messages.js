// The messages of a thread, grouped by day and by who wrote them in one go.

import { html } from "/-/html.js";
import { clockTime, dayName, daysApart } from "./times.js";

/**
 * @typedef {import("./chat-model.js").Message} Message
 * @typedef {import("./chat-model.js").Pending} Pending
 */

/** Messages of one person closer together than this stand as one group. */
const GROUP_MS = 5 * 60_000;

/** How far an outgoing message has come: for the eye, and in words. */
const MARKS = {
  sending: { path: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z", words: "Sending" },
  queued: { path: "m5 12.5 4.5 4.500L19 7.5", words: "Sent, waiting for their twin" },
  delivered: { path: "m2.5 12.5 4.5 4.500L16.5 7.500M11 15.500l1.5 1.500L22 7.5", words: "Delivered" },
  read: { path: "m2.5 12.5 4.5 4.500L16.5 7.500M11 15.500l1.5 1.500L22 7.5", words: "Read" },
};

/** @param {{ model: import("./chat-model.js").ChatModel, peer: string, name: string, thread: import("./chat-model.js").Thread }} props */
export function Messages({ model, peer, name, thread: { messages, pending } }) {
  const now = Date.now();
  return html`
    <ol class="messages" role="log" aria-live="polite" aria-label="Messages">
      ${messages.map((message, index) => {
        const previous = messages[index - 1];
        const next = messages[index + 1];
        const newDay = !previous || daysApart(previous.atMs, message.atMs) !== 0;
        return html`
          ${newDay && html`<li class="day" key=${`day-${message.sequence}`}><span>${dayName(message.atMs, now)}</span></li>`}
          <${Bubble}
            key=${message.sequence}
            message=${message}
            name=${name}
            first=${newDay || !together(previous, message)}
            last=${!together(message, next)}
          />
        `;
      })}
      ${pending.map((item) => html`<${PendingBubble} key=${item.id} model=${model} peer=${peer} item=${item} />`)}
    </ol>
  `;
}

/** @param {Message | undefined} a @param {Message | undefined} b */
const together = (a, b) =>
  a !== undefined &&
  b !== undefined &&
  a.outgoing === b.outgoing &&
  b.atMs - a.atMs < GROUP_MS &&
  daysApart(a.atMs, b.atMs) === 0;

/** @param {{ message: Message, name: string, first: boolean, last: boolean }} props */
function Bubble({ message, name, first, last }) {
  const { outgoing, text, atMs, state } = message;
  return html`
    <li
      class=${`message ${outgoing ? "mine" : "theirs"} ${first ? "first" : ""} ${last ? "last" : ""}`}
      data-state=${outgoing ? state : undefined}
    >
      <div class="bubble" dir="auto"><span class="visually-hidden">${outgoing ? "You" : name}: </span>${text}</div>
      ${
        last &&
        html`<div class="message-foot">
          <time datetime=${new Date(atMs).toISOString()}>${clockTime(atMs)}</time
          >${outgoing && html`<${Mark} state=${state} />`}
        </div>`
      }
    </li>
  `;
}

/** @param {{ state: keyof typeof MARKS }} props */
function Mark({ state }) {
  const { path, words } = MARKS[state];
  return html`<span class=${`mark ${state}`} title=${words}
    ><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg
    ><span class="visually-hidden">${words}</span></span
  >`;
}

/** @param {{ model: import("./chat-model.js").ChatModel, peer: string, item: Pending }} props */
function PendingBubble({ model, peer, item }) {
  return html`
    <li class="message mine first last pending" data-state=${item.problem ? "failed" : "sending"}>
      <div class="bubble" dir="auto">${item.text}</div>
      <div class="message-foot">
        ${
          item.problem
            ? html`
                <span class="failed" role="alert">Not sent: ${item.problem}</span>
                <button onClick=${() => model.retry(peer, item)}>Try again</button>
                <button onClick=${() => model.discard(peer, item)}>Discard</button>
              `
            : html`<time>${clockTime(item.atMs)}</time><${Mark} state="sending" />`
        }
      </div>
    </li>
  `;
}
