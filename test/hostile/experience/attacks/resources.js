// Whatever an element or a style loads.

import { leakTls, leakUrl, plant, plantHtml, plantStyle } from "../leak.js";

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} inner */
const plantSvg = (inner) => plantHtml(`<svg xmlns="${SVG}" width="9" height="9">${inner}</svg>`);
/** @param {string} name @param {Record<string, string>} attributes */
const link = (name, attributes) => plant("link", { href: leakUrl(name), ...attributes });

/** @type {Record<string, () => unknown>} */
export const resourceAttacks = {
  img: () => (new Image().src = leakUrl("img")),
  "img-element": () => plant("img", { src: leakUrl("img-element") }),
  "img-srcset": () => plant("img", { srcset: `${leakUrl("img-srcset")} 1x` }),
  "img-attribution": () => plant("img", { src: "data:,", attributionsrc: leakTls("img-attribution") }),
  picture: () => plantHtml(`<picture><source srcset="${leakUrl("picture")}"><img alt=""></picture>`),
  "input-image": () => plant("input", { type: "image", src: leakUrl("input-image") }),
  "body-background": () => document.body.setAttribute("background", leakUrl("body-background")),
  script: () => plant("script", { src: leakUrl("script") }),
  "script-module": () => plant("script", { type: "module", src: leakUrl("script-module") }),
  "dynamic-import": () => import(leakUrl("dynamic-import")),
  "inline-script": () => {
    const script = document.createElement("script");
    script.textContent = `fetch(${JSON.stringify(leakUrl("inline-script"))})`;
    document.body.append(script);
  },
  "inline-handler": () => plantHtml(`<img src="data:," onerror="fetch('${leakUrl("inline-handler")}')">`),
  // oxlint-disable-next-line typescript/no-implied-eval -- to make code of a string is the attack
  "string-to-code": () => new Function(`fetch(${JSON.stringify(leakUrl("string-to-code"))})`)(),
  stylesheet: () => link("stylesheet", { rel: "stylesheet" }),
  "css-import": () => plantStyle(`@import url("${leakUrl("css-import")}");`),
  "css-background": () => plant("div", { style: `width:9px;height:9px;background:url(${leakUrl("css-background")})` }),
  "css-image-set": () =>
    plant("div", { style: `width:9px;height:9px;background:image-set(url(${leakUrl("css-image-set")}) 1x)` }),
  "css-cursor": () => plant("div", { style: `cursor:url(${leakUrl("css-cursor")}),auto` }),
  "css-content": () => plantStyle(`h1::before{content:url(${leakUrl("css-content")})}`),
  "css-mask": () => plant("div", { style: `width:9px;height:9px;background:red;mask:url(${leakUrl("css-mask")})` }),
  "css-list-style": () => plantHtml(`<ul style="list-style-image:url(${leakUrl("css-list-style")})"><li>x</li></ul>`),
  "css-border-image": () =>
    plant("div", { style: `border:3px solid;border-image:url(${leakUrl("css-border-image")}) 1` }),
  "css-shape": () =>
    plant("div", { style: `float:left;width:9px;height:9px;shape-outside:url(${leakUrl("css-shape")})` }),
  "css-filter": () => plant("div", { style: `width:9px;height:9px;filter:url(${leakUrl("css-filter")}#x)` }),
  "css-font": () => {
    plantStyle(`@font-face{font-family:leak;src:url(${leakUrl("css-font")})}`);
    plantHtml('<p style="font-family:leak">leak</p>');
  },
  "font-face": () => new FontFace("other", `url(${leakUrl("font-face")})`).load(),
  "constructed-sheet": () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`body{--x:1;background-image:url(${leakUrl("constructed-sheet")})}`);
    document.adoptedStyleSheets = [sheet];
  },
  preload: () => link("preload", { rel: "preload", as: "image" }),
  "preload-fetch": () => link("preload-fetch", { rel: "preload", as: "fetch", crossorigin: "" }),
  modulepreload: () => link("modulepreload", { rel: "modulepreload" }),
  prefetch: () => link("prefetch", { rel: "prefetch" }),
  prerender: () => link("prerender", { rel: "prerender" }),
  preconnect: () => link("preconnect", { rel: "preconnect" }),
  "dns-prefetch": () => link("dns-prefetch", { rel: "dns-prefetch" }),
  icon: () => link("icon", { rel: "icon" }),
  manifest: () => link("manifest", { rel: "manifest" }),
  "speculation-prefetch": () => {
    const script = document.createElement("script");
    script.type = "speculationrules";
    script.textContent = JSON.stringify({
      prefetch: [{ source: "list", urls: [leakUrl("speculation-prefetch")], eagerness: "immediate" }],
    });
    document.head.append(script);
  },
  audio: () => plant("audio", { src: leakUrl("audio"), preload: "auto" }),
  video: () => plant("video", { src: leakUrl("video"), preload: "auto" }),
  "video-poster": () => plant("video", { poster: leakUrl("video-poster") }),
  "video-source": () =>
    plantHtml(`<video preload="auto"><source src="${leakUrl("video-source")}" type="video/mp4"></video>`),
  track: () => {
    plantHtml(`<video crossorigin><track default kind="captions" src="${leakUrl("track")}"></video>`);
    for (const video of document.querySelectorAll("video"))
      for (const track of video.textTracks) track.mode = "showing";
  },
  object: () => plant("object", { data: leakUrl("object"), type: "text/html" }),
  embed: () => plant("embed", { src: leakUrl("embed"), type: "text/html" }),
  "svg-image": () => plantSvg(`<image href="${leakUrl("svg-image")}" width="9" height="9"/>`),
  "svg-use": () => plantSvg(`<use href="${leakUrl("svg-use")}#x"/>`),
  "svg-fe-image": () =>
    plantSvg(
      `<filter id="leak"><feImage href="${leakUrl("svg-fe-image")}"/></filter><rect width="9" height="9" filter="url(#leak)"/>`,
    ),
  "svg-foreign-object": () =>
    plantSvg(
      `<foreignObject width="9" height="9"><img xmlns="http://www.w3.org/1999/xhtml" src="${leakUrl("svg-foreign-object")}"/></foreignObject>`,
    ),
  "svg-document-image": () => {
    const svg = `<svg xmlns="${SVG}"><image href="${leakUrl("svg-document-image")}" width="9" height="9"/></svg>`;
    plant("img", { src: URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" })) });
  },
  "meta-csp-report": () =>
    plant("meta", {
      "http-equiv": "Content-Security-Policy",
      content: `img-src 'none'; report-uri ${leakUrl("meta-csp-report")}`,
    }),
};
