// Not logged in: how to get a link. Calm, since nothing is wrong.

import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { useModel } from "../model.js";
import { CopyButton } from "../parts/copy-button.js";
import { Toasts } from "../parts/toasts.js";

/** Another twin of the host has a host name of its own: a link of the first one would open the wrong twin. */
const OTHER = /^([a-z0-9-]+)\.localhost$/.exec(location.hostname)?.[1];
const COMMAND = `npm run -s twin -- ${OTHER === undefined ? "" : `--as ${OTHER} `}link`;

export function SignedOutPage() {
  const refusal = useModel((state) => state.refusal);
  return html`
    <main class="door-page">
      <div class="door-card">
        <img src="/icon.svg" alt="" />
        <h1>Open your twin with a link</h1>
        ${refusal && html`<p class="notice" role="alert"><${Icon} name="warning" /><span>${refusal}</span></p>`}
        <p class="soft">
          This browser does not hold a key of your twin yet. On the machine where the twin runs, make a link:
        </p>
        <div class="command"><code>${COMMAND}</code><${CopyButton} text=${COMMAND} label="the command" /></div>
        <p class="soft small">
          If the host was started with --data, say the same to the command. Open the link in this browser. It works
          once, within an hour. After that this browser knows your twin by a key that cannot leave it.
        </p>
      </div>
      <${Toasts} />
    </main>
  `;
}
