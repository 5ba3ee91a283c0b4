// An experience asks to open a link in a new tab: the person sees where it leads, and decides.

import { html } from "/-/html.js";
import { getState, setState, useModel } from "../model.js";
import { Dialog } from "/-/dialog.js";

/** @param {boolean} agreed */
function answer(agreed) {
  const { link } = getState();
  if (!link) return;
  if (agreed) window.open(link.url, "_blank", "noopener,noreferrer");
  setState({ link: undefined });
  link.answer(agreed);
}

export function LinkDialog() {
  const link = useModel((state) => state.link);
  if (!link) return undefined;
  return html`
    <${Dialog} title=${`Open ${new URL(link.url).host}?`} onClose=${() => answer(false)}>
      <p class="soft">
        ${link.experience} wants to open this page in a new tab. The page will see that you came, and whatever the
        address contains.
      </p>
      <div class="code-box">${link.url}</div>
      <div class="dialog-actions">
        <button class="button" data-focus onClick=${() => answer(false)}>Stay here</button>
        <button class="button primary" onClick=${() => answer(true)}>Open</button>
      </div>
    <//>
  `;
}
