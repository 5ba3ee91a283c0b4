// The start of Chat.

import { connect } from "/-/twin.js";
import { render } from "preact";
import { App } from "./app.js";
import { ChatModel } from "./chat-model.js";
import { html } from "/-/html.js";

const model = new ChatModel(await connect());
render(html`<${App} model=${model} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
await model.start();
