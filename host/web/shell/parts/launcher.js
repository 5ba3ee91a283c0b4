// The launcher: experiences, then the truth pages. On a phone it is the bar at the bottom.

import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { setState, useModel } from "../model.js";
import { experienceLink, pageLink, PAGES } from "../navigation.js";

const PALETTE_KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl K";
const openPalette = () => setState({ paletteOpen: true });

export function Launcher() {
  const experiences = useModel((state) => state.experiences);
  const open = useModel((state) => state.open);
  const view = useModel((state) => state.view);
  const name = useModel((state) => state.status?.name ?? "");
  const current = (/** @type {string} */ kind, /** @type {string} */ item) =>
    view.kind === kind && view.name === item ? "page" : undefined;
  return html`
    <nav class="launcher" aria-label="Launcher">
      <div class="launcher-owner"><img src="/icon.svg" alt="" /><span>${name}</span></div>
      <button class="launcher-item find" onClick=${openPalette} title="Find anything">
        <${Icon} name="search" /><span class="label">Find</span><kbd>${PALETTE_KEYS}</kbd>
      </button>
      <div class="launcher-heading" aria-hidden="true">Experiences</div>
      ${experiences.map(
        (item) => html`
          <a
            key=${item.name}
            class="launcher-item"
            href=${experienceLink(item.name)}
            title=${item.description}
            aria-current=${current("experience", item.name)}
          >
            <img src=${`/icons/${item.name}`} alt="" /><span class="label">${item.title}</span>
            ${open.includes(item.name) && html`<span class="running" title="Open"></span>`}
          </a>
        `,
      )}
      <div class="launcher-heading" aria-hidden="true">Your twin</div>
      ${PAGES.map(
        (page) => html`
          <a
            key=${page.name}
            class="launcher-item launcher-pages"
            href=${pageLink(page.name)}
            title=${page.hint}
            aria-current=${current("page", page.name)}
          >
            <${Icon} name=${page.name} /><span class="label">${page.title}</span>
          </a>
        `,
      )}
      <a class="launcher-item more" href=${pageLink("more")} aria-current=${view.kind === "page" ? "page" : undefined}>
        <${Icon} name="more" /><span class="label">Your twin</span>
      </a>
    </nav>
  `;
}
