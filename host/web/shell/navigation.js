// Where the owner is: the fragment of the address, so that back, forward and reload work.

import { getState, setState } from "./model.js";

/** The truth pages, in the order of the launcher. */
export const PAGES = /** @type {const} */ ([
  { name: "stores", title: "Stores", hint: "Where your data lies and what it survives" },
  { name: "peers", title: "Peers", hint: "Your contacts and how to reach them" },
  { name: "capabilities", title: "Capabilities", hint: "What your twin can do" },
  { name: "receipts", title: "Receipts", hint: "What was called, and what it cost" },
  { name: "grants", title: "Grants", hint: "Who may call what" },
]);

/** @param {string} name */
export const pageLink = (name) => `#/${name}`;
/** @param {string} name */
export const experienceLink = (name) => `#/open/${name}`;

/** Shows a page at once; the address follows. @param {string} name */
export function goToPage(name) {
  setState({ view: { kind: "page", name } });
  location.hash = pageLink(name);
}

/** Reads the fragment into the model; without one, the first experience opens. */
export function readView() {
  const [, first = "", second = ""] = location.hash.split("/");
  const { experiences } = getState();
  if (first === "open" && experiences.some((item) => item.name === second)) {
    setState({ view: { kind: "experience", name: second } });
  } else if (PAGES.some((page) => page.name === first) || first === "more") {
    setState({ view: { kind: "page", name: first } });
  } else {
    const home = experiences[0];
    setState({ view: home ? { kind: "experience", name: home.name } : { kind: "page", name: "stores" } });
  }
}
