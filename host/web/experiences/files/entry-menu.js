// What can be done to an entry, in a menu of the platform's popovers: Escape and a click outside close it.

import { useRef } from "preact/hooks";
import { html } from "/-/html.js";
import { Glyph } from "./glyph.js";

/** Room that the menu needs below its button; else it opens above. */
const MENU_HEIGHT_PX = 180;

/** @param {{ model: import("./files-model.js").FilesModel, entry: import("./files-model.js").Entry }} props */
export function EntryMenu({ model, entry }) {
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const menu = useRef(/** @type {HTMLElement | null} */ (null));
  const place = (/** @type {ToggleEvent} */ event) => {
    if (event.newState !== "open" || !button.current || !menu.current) return;
    const { right, top, bottom } = button.current.getBoundingClientRect();
    const below = bottom + MENU_HEIGHT_PX < innerHeight;
    Object.assign(menu.current.style, {
      right: `${innerWidth - right}px`,
      top: below ? `${bottom + 4}px` : "auto",
      bottom: below ? "auto" : `${innerHeight - top + 4}px`,
    });
  };
  const item = (/** @type {string} */ label, /** @type {() => void} */ act, className = "") => html`
    <button role="menuitem" class=${className} onClick=${() => (menu.current?.hidePopover(), act())}>${label}</button>
  `;
  return html`
    <button
      ref=${button}
      class="icon-button"
      popovertarget=${`menu-${entry.id}`}
      aria-label=${`Actions for ${entry.name}`}
      aria-haspopup="menu"
      tabindex="-1"
    >
      <${Glyph} name="more" />
    </button>
    <div
      ref=${menu}
      id=${`menu-${entry.id}`}
      popover
      class="menu"
      role="menu"
      onBeforeToggle=${place}
      onKeyDown=${moveByArrows}
    >
      ${item("Open", () => model.open(entry))}
      ${entry.kind === "file" && item("Download", () => void model.download(entry))}
      ${item("Rename", () => model.set({ renaming: entry.id }))}
      ${item("Move…", () => model.set({ dialog: { kind: "move", entry } }))}
      ${item("Delete", () => model.set({ dialog: { kind: "remove", entry } }), "danger")}
    </div>
  `;
}

/** @param {KeyboardEvent & { currentTarget: HTMLElement }} event */
function moveByArrows(event) {
  event.stopPropagation();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll("button")];
  const at = items.findIndex((item) => item === document.activeElement);
  items[(at + step + items.length) % items.length]?.focus();
}
