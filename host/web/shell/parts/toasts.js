// Short messages at the bottom; read out by screen readers.

import { html } from "/-/html.js";
import { dismissToast, useModel } from "../model.js";

export function Toasts() {
  const toasts = useModel((state) => state.toasts);
  return html`
    <div class="toasts" role="status">
      ${toasts.map(({ id, text, action }) => {
        const act = () => {
          dismissToast(id);
          action?.run();
        };
        return html`<div class="toast" key=${id}>
          <span>${text}</span>${action && html`<button onClick=${act}>${action.label}</button>`}
        </div>`;
      })}
    </div>
  `;
}
