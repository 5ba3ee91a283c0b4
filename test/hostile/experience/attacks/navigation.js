// Ways of the frame to navigate itself: the classic hole of a sandboxed frame with a policy. One per opening.

import { leakUrl, plant } from "../leak.js";

/** @type {Record<string, () => unknown>} */
export const navigationAttacks = {
  "location-assign": () => location.assign(leakUrl("location-assign")),
  "location-replace": () => location.replace(leakUrl("location-replace")),
  "anchor-self": () => plant("a", { href: leakUrl("anchor-self") }).click(),
  "anchor-download": () => plant("a", { href: leakUrl("anchor-download"), download: "x" }).click(),
  "form-self": () => plant("form", { action: leakUrl("form-self") }).submit(),
  "meta-refresh": () =>
    document.head.insertAdjacentHTML(
      "beforeend",
      `<meta http-equiv="refresh" content="0; url=${leakUrl("meta-refresh")}">`,
    ),
  "open-self": () => window.open(leakUrl("open-self"), "_self"),
  "navigation-api": () => globalThis.navigation.navigate(leakUrl("navigation-api")),
  "document-open": () => {
    document.open();
    document.write(
      `<meta http-equiv="refresh" content="0; url=${leakUrl("document-open")}"><img src="${leakUrl("document-open")}">`,
    );
    document.close();
  },
};
