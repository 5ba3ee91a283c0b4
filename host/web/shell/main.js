// The start of the shell: log in by the link or with this browser's key, then show the desktop.

import { render } from "preact";
import { App } from "./app.js";
import { html } from "/-/html.js";
import { loginToken, logIn } from "./login.js";
import { errorText, setState } from "./model.js";
import { loadOwnerKey } from "./owner-key.js";
import { startSession } from "./session.js";

async function start() {
  const token = loginToken();
  try {
    const key = token === undefined ? await loadOwnerKey() : await logIn(token);
    if (key) await startSession(key);
    else setState({ phase: "signed-out" });
  } catch (error) {
    // A spent link in a browser that is registered already is no reason to lock the owner out.
    const key = await loadOwnerKey().catch(() => undefined);
    if (key) await startSession(key);
    else setState({ phase: "signed-out", refusal: errorText(error) });
  }
}

// A link that is pasted into the address bar of this very page changes the fragment alone.
addEventListener("hashchange", () => loginToken() !== undefined && location.reload());
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
void start();
