// Addresses of the listener; the name of the attack travels in each, so that a hit tells who made it.

import { TARGET } from "./target.js";

/** @param {string} name */
export const leakUrl = (name) => `http://${name}.evil.test:${TARGET.tcpPort}/${name}`;

/** By number, for what treats names differently. @param {string} name */
export const leakAddress = (name) => `http://127.0.0.1:${TARGET.tcpPort}/${name}`;

/** @param {string} name */
export const leakSocket = (name) => `ws://${name}.evil.test:${TARGET.tcpPort}/${name}`;

/** @param {string} name */
export const leakTls = (name) => `https://${name}.evil.test:${TARGET.tcpPort}/${name}`;

export const leakStun = `stun:127.0.0.1:${TARGET.udpPort}`;

/** Puts an element into the page. @param {string} tag @param {Record<string, string>} attributes @param {string} [content] */
export function plant(tag, attributes, content = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (content !== "") element.innerHTML = content;
  document.body.append(element);
  return element;
}

/** @param {string} html */
export function plantHtml(html) {
  const box = document.createElement("div");
  box.innerHTML = html;
  document.body.append(box);
}

/** @param {string} css */
export function plantStyle(css) {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
}

/** @param {string} code */
export const scriptBlob = (code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
