// The few drawings of Files, on a 24 by 24 grid.

import { html } from "/-/html.js";

/** @type {Readonly<Record<string, string>>} name -> SVG path data */
const PATHS = {
  folder: "M3 7a2 2 0 0 1 2-2h4.2a2 2 0 0 1 1.4.6L12 7h7a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2Z",
  file: "M6 3h8l4 4v14H6ZM14 3v4h4",
  image: "M4 5h16v14H4ZM4 16l4.5-4.5 4 4L15 13l5 5M15.5 9.5h.01",
  media: "M4 5h16v14H4ZM10 9l5 3-5 3Z",
  text: "M6 3h8l4 4v14H6ZM14 3v4h4M9 12h6M9 16h6",
  add: "M3 7a2 2 0 0 1 2-2h4.2a2 2 0 0 1 1.4.6L12 7h7a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2ZM12 10.500v5M9.5 13h5",
  upload: "M12 16V5M7 9.5 12 4.500l5 5M5 19.500h14",
  download: "M12 5v11M7 11.500l5 5 5-5M5 19.500h14",
  more: "M5 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2ZM12 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2ZM19 10.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2Z",
  close: "M6 6l12 12M18 6 6 18",
  check: "m5 12.5 4.5 4.500L19 7.5",
  up: "M12 19V6M6 11.5 12 5.500l6 6",
};

/** @param {{ name: string }} props */
export function Glyph({ name }) {
  return html`<svg class=${`icon glyph-${name}`} viewBox="0 0 24 24" aria-hidden="true">
    <path d=${PATHS[name] ?? PATHS.file} />
  </svg>`;
}

/** The drawing that fits an entry. @param {import("./files-model.js").Entry} entry */
export function glyphOf({ kind, type }) {
  if (kind === "folder") return "folder";
  const [group] = type.split("/", 1);
  if (group === "image") return "image";
  if (group === "video" || group === "audio") return "media";
  return group === "text" || type === "application/json" ? "text" : "file";
}

/** "Folder", "PNG image": for people, not for machines. @param {import("./files-model.js").Entry} entry */
export function kindWords({ kind, type }) {
  if (kind === "folder") return "Folder";
  const [group = "", detail = ""] = type.split("/");
  if (type === "application/octet-stream") return "File";
  if (type === "text/plain") return "Text";
  const name =
    detail
      .replace(/^(x-|vnd\.)/, "")
      .replace(/\+.*$/, "")
      .split(".")
      .at(-1) ?? "";
  const short = name.length <= 5 ? name.toUpperCase() : name.charAt(0).toUpperCase() + name.slice(1);
  return ["image", "video", "audio"].includes(group) ? `${short} ${group}` : short;
}
