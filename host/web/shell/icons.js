// The icons of the shell, drawn on a 24 by 24 grid in one stroke weight. They are decoration: names stand beside them.

import { html } from "/-/html.js";

/** @type {Readonly<Record<string, string>>} name -> SVG path data */
const PATHS = {
  stores:
    "M4 6.5C4 5 7.6 4 12 4s8 1 8 2.5S16.4 9 12 9 4 8 4 6.500ZM4 6.500v5.500c0 1.5 3.6 2.5 8 2.500s8-1 8-2.500V6.500M4 12v5.500C4 19 7.6 20 12 20s8-1 8-2.500V12",
  peers:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.500c2.1.9 3.5 2.9 3.5 5.5",
  capabilities: "M12 3 4 7.500v9L12 21l8-4.500v-9L12 3ZM4 7.5 12 12l8-4.500M12 12v9",
  receipts: "M6 3h12v18l-3-2-3 2-3-2-3 2V3ZM9.5 8h5M9.5 12h5",
  grants: "M15.5 11.500a4 4 0 1 0-4-4M14 7.5 4 17.500V20h2.500l1-1v-2h2v-2h2l1.5-1.500M16 8h.01",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM20 20l-4.8-4.8",
  check: "m5 12.5 4.5 4.500L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  plus: "M12 5v14M5 12h14",
  more: "M5 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2ZM12 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2ZM19 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2Z",
  warning: "M12 4 2.5 20h19L12 4ZM12 10v4.500M12 17.500h.01",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.700l1-1",
  window: "M4 5h16v14H4zM4 9h16",
  key: "M8 15a4 4 0 1 1 3.5-6H21v3h-2v3h-4v-3h-3.500A4 4 0 0 1 8 15Z",
};

/** @param {{ name: string }} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name] ?? PATHS.window} /></svg>`;
}
