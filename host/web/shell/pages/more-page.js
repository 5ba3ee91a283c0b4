// On a phone: the way to the truth pages.

import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { setState, useModel } from "../model.js";
import { pageLink, PAGES } from "../navigation.js";

const openPalette = () => setState({ paletteOpen: true });

export function MorePage() {
  const name = useModel((state) => state.status?.name ?? "Your twin");
  return html`
    <div class="page">
      <header class="page-head">
        <div><h1>${name}</h1></div>
        <button class="button" onClick=${openPalette}><${Icon} name="search" />Find</button>
      </header>
      <nav class="rows" aria-label="Your twin">
        ${PAGES.map(
          (page) => html`
            <a key=${page.name} class="row plain" href=${pageLink(page.name)}>
              <span class="glyph"><${Icon} name=${page.name} /></span>
              <span class="row-main"
                ><span class="row-title">${page.title}</span><span class="row-note">${page.hint}</span></span
              >
            </a>
          `,
        )}
      </nav>
    </div>
  `;
}
