// The wrapper page between the shell and an experience's frame (docs/formats/web.md, section 5): it
// frames exactly one origin and hands one port through. Same origin as the shell, no authority.

import { scriptHash } from "./import-maps.ts";
import { wrapperPolicy } from "./site-headers.ts";

const STYLE = "html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block}html{color-scheme:light dark}";

/** Reads what to frame from the page's own markup, so that its text, and with it its hash, is the same for all. */
const SCRIPT = `"use strict";
addEventListener("message", function take({ source, origin, data, ports }) {
  if (source !== parent || origin !== location.origin || data?.type !== "twin-port" || ports.length !== 2) return;
  removeEventListener("message", take);
  const [pipe, control] = ports;
  const frame = document.querySelector("template").content.firstElementChild;
  let loads = 0;
  frame.addEventListener("load", () => {
    loads += 1;
    if (loads === 1) frame.contentWindow.postMessage({ type: "twin-port" }, "*", [pipe]);
    control.postMessage({ event: loads === 1 ? "loaded" : "reloaded" });
  });
  addEventListener("focus", () => frame.focus());
  addEventListener("securitypolicyviolation", () => control.postMessage({ event: "violation" }));
  document.body.append(frame);
});`;

const HASHES = { script: scriptHash(SCRIPT), style: scriptHash(STYLE) };

/** The wrapper's page and its policy. `start` is a path of the experience's own origin. */
export function wrapperPage(
  experienceOrigin: string,
  start: string,
): { readonly html: string; readonly policy: string } {
  // Each part is encoded: no start can name another origin.
  const source = `${experienceOrigin}/${start.split("/").map(encodeURIComponent).join("/")}`;
  const frame = `<iframe sandbox="allow-scripts" allow="" referrerpolicy="no-referrer" src="${source}"></iframe>`;
  const html = `<!doctype html><meta charset="utf-8"><title>Experience</title><style>${STYLE}</style><body><template>${frame}</template><script>${SCRIPT}</script></body>`;
  return { html, policy: wrapperPolicy(experienceOrigin, HASHES) };
}
