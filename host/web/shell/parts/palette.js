// The command palette: everything by a few letters. Its commands only lead somewhere; none destroys.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { closeExperience } from "../frames.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { getState, setState } from "../model.js";
import { experienceLink, goToPage, pageLink, PAGES } from "../navigation.js";
import { runScrub } from "../owner-actions.js";
import { matchScore } from "./match-score.js";

/** @typedef {{ id: string, label: string, hint: string, icon: string, image?: string, run: () => void }} Command */

const go = (/** @type {string} */ hash) => () => {
  location.hash = hash;
};

/** @returns {Command[]} */
function commands() {
  const { experiences, open, status } = getState();
  return [
    ...experiences.map((item) => ({
      id: `open:${item.name}`,
      label: item.title,
      hint: "Experience",
      icon: "window",
      image: `/icons/${item.name}`,
      run: go(experienceLink(item.name)),
    })),
    ...PAGES.map((page) => ({
      id: `page:${page.name}`,
      label: page.title,
      hint: page.hint,
      icon: page.name,
      run: go(pageLink(page.name)),
    })),
    { id: "invite", label: "Invite someone", hint: "Peers", icon: "plus", run: () => setState({ dialog: "invite" }) },
    { id: "accept", label: "Accept a code", hint: "Peers", icon: "link", run: () => setState({ dialog: "accept" }) },
    { id: "scrub", label: "Check all stores now", hint: "Stores", icon: "check", run: () => void runScrub() },
    ...(status?.peers ?? []).map((peer) => ({
      id: `peer:${peer.twin}`,
      label: peer.name,
      hint: peer.online ? "Contact, online" : "Contact, offline",
      icon: "peers",
      run: go(pageLink("peers")),
    })),
    ...experiences
      .filter((item) => open.includes(item.name))
      .map((item) => ({
        id: `close:${item.name}`,
        label: `Close ${item.title}`,
        hint: "Experience",
        icon: "close",
        run: () => leaveAndClose(item.name),
      })),
  ];
}

/** The commands that fit, the best first. @param {string} text */
function matching(text) {
  return commands()
    .map((command) => ({ command, score: matchScore(command.label, text) }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .map(({ command }) => command);
}

/** @param {string} name */
function leaveAndClose(name) {
  const { view } = getState();
  if (view.kind === "experience" && view.name === name) goToPage("stores");
  closeExperience(name);
}

const close = () => setState({ paletteOpen: false });

/** @param {Command | undefined} command */
function run(command) {
  close();
  command?.run();
}

export function Palette() {
  const [text, setText] = useState("");
  const [index, setIndex] = useState(0);
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const matches = matching(text);
  const chosen = Math.min(index, matches.length - 1);

  // At once, so that no key pressed meanwhile goes astray.
  useLayoutEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [chosen]);

  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && matches.length > 0) {
      event.preventDefault();
      setIndex((chosen + step + matches.length) % matches.length);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      run(matches[chosen]);
    }
  };
  const onInput = (/** @type {{ currentTarget: HTMLInputElement }} */ { currentTarget }) => {
    setText(currentTarget.value);
    setIndex(0);
  };
  const closeOnBackdrop = (/** @type {MouseEvent} */ event) => event.target === dialog.current && close();
  const active = matches[chosen];
  return html`
    <dialog ref=${dialog} class="palette" aria-label="Find anything" onCancel=${close} onClick=${closeOnBackdrop}>
      <input
        type="text"
        role="combobox"
        placeholder="Where to?"
        aria-label="Find anything"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant=${active ? `command-${active.id}` : undefined}
        autocomplete="off"
        spellcheck="false"
        data-focus
        value=${text}
        onInput=${onInput}
        onKeyDown=${onKeyDown}
      />
      <ul id="palette-list" role="listbox" ref=${list} aria-label="Matches">
        ${matches.map(
          (command, position) => html`
            <li
              key=${command.id}
              id=${`command-${command.id}`}
              role="option"
              aria-selected=${position === chosen}
              onMouseMove=${() => position !== chosen && setIndex(position)}
              onClick=${() => run(command)}
            >
              ${command.image ? html`<img src=${command.image} alt="" />` : html`<${Icon} name=${command.icon} />`}
              <span>${command.label}</span><span class="hint">${command.hint}</span>
            </li>
          `,
        )}
        ${matches.length === 0 && html`<li class="soft">Nothing is called that.</li>`}
      </ul>
    </dialog>
  `;
}
