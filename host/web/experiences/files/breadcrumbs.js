// Where one is, and the way up. A row can be dropped on any step.

import { html } from "/-/html.js";
import { ROOT } from "./files-model.js";
import { useRowTarget } from "./row-target.js";

/** @param {{ model: import("./files-model.js").FilesModel }} props */
export function Breadcrumbs({ model }) {
  const steps = [{ id: ROOT, name: "Files" }, ...model.path];
  return html`
    <nav class="crumbs" aria-label="Folder">
      <ol>
        ${steps.map((step, index) => html`<${Crumb} key=${step.id} model=${model} step=${step} last=${index === steps.length - 1} />`)}
      </ol>
    </nav>
  `;
}

/** @param {{ model: import("./files-model.js").FilesModel, step: import("./files-model.js").Step, last: boolean }} props */
function Crumb({ model, step, last }) {
  const { over, ...target } = useRowTarget(model, step, !last);
  if (last) return html`<li><h1 aria-current="page">${step.name}</h1></li>`;
  return html`<li>
    <button class=${over ? "over" : ""} ...${target} onClick=${() => model.openFolder(step.id)}>${step.name}</button>
  </li>`;
}
