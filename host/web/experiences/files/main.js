// The start of Files.

import { connect } from "/-/twin.js";
import { html } from "/-/html.js";
import { render } from "preact";
import { App } from "./app.js";
import { FilesModel } from "./files-model.js";

const model = new FilesModel(await connect());
render(html`<${App} model=${model} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
await model.start();
