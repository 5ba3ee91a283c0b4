// Says quietly that the connection is broken, and what happens next.

import { html } from "/-/html.js";
import { useModel } from "../model.js";
import { retryNow } from "../session.js";

export function Banner() {
  const connection = useModel((state) => state.connection);
  if (connection === "online") return html`<div role="status"></div>`;
  return html`
    <div class="banner" role="status">
      <span>Your twin does not answer. Trying to reach it; nothing that was confirmed is lost.</span>
      <button onClick=${retryNow}>Try now</button>
    </div>
  `;
}
