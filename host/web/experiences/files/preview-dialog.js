// A look into a file: small pictures, sounds, films and texts are shown, all others described.

import { useEffect, useState } from "preact/hooks";
import { Dialog } from "/-/dialog.js";
import { html } from "/-/html.js";
import { formatBytes, formatMoment } from "/-/wording.js";
import { Glyph, glyphOf, kindWords } from "./glyph.js";

const TEXT_SIZE_BYTES_MAX = 512 * 1024;
const MEDIA_SIZE_BYTES_MAX = 48 * 1024 * 1024;
const TEXT_TYPES = /^(text\/|application\/(json|javascript|xml|x-sh|yaml|toml)$)/;

/** @param {import("./files-model.js").Entry} entry */
function previewKind({ type, sizeBytes }) {
  if (TEXT_TYPES.test(type) && sizeBytes <= TEXT_SIZE_BYTES_MAX) return "text";
  if (sizeBytes > MEDIA_SIZE_BYTES_MAX) return "none";
  const [group] = type.split("/", 1);
  return group === "image" || group === "video" || group === "audio" ? group : "none";
}

/** @param {{ model: import("./files-model.js").FilesModel, entry: import("./files-model.js").Entry, onClose: () => void }} props */
export function PreviewDialog({ model, entry, onClose }) {
  const act = (/** @type {"move" | "remove"} */ kind) => () => model.set({ dialog: { kind, entry } });
  const rename = () => {
    onClose();
    model.set({ renaming: entry.id });
  };
  return html`
    <${Dialog} title=${entry.name} className="preview" onClose=${onClose}>
      <${Preview} model=${model} entry=${entry} />
      <p class="soft small">
        ${kindWords(entry)}, ${formatBytes(entry.sizeBytes)}, changed ${formatMoment(entry.modifiedAtMs)}
      </p>
      <div class="dialog-actions">
        <button class="button quiet danger start" onClick=${act("remove")}>Delete</button>
        <button class="button" onClick=${rename}>Rename</button>
        <button class="button" onClick=${act("move")}>Move…</button>
        <button class="button primary" data-focus onClick=${() => model.download(entry)}>
          <${Glyph} name="download" />Download
        </button>
      </div>
    <//>
  `;
}

/** @param {{ model: import("./files-model.js").FilesModel, entry: import("./files-model.js").Entry }} props */
function Preview({ model, entry }) {
  const kind = previewKind(entry);
  const [content, setContent] = useState(/** @type {{ url?: string, text?: string, problem?: string }} */ ({}));
  useEffect(() => {
    if (kind === "none") return undefined;
    const controller = new AbortController();
    let url = "";
    const show = async () => {
      const blob = await model.content(entry, controller.signal);
      if (kind === "text") return setContent({ text: await blob.text() });
      url = URL.createObjectURL(blob);
      setContent({ url });
    };
    show().catch((error) => controller.signal.aborted || setContent({ problem: error.message }));
    return () => {
      controller.abort();
      URL.revokeObjectURL(url);
    };
  }, [entry.object]);
  const failed = (/** @type {string} */ what) => () =>
    setContent({ problem: `This browser cannot show this ${what}.` });
  if (kind === "none") return html`<div class="preview-box"><${Glyph} name=${glyphOf(entry)} /></div>`;
  if (content.problem) return html`<div class="preview-box soft small" role="alert">${content.problem}</div>`;
  if (content.text !== undefined) return html`<pre class="preview-text" tabindex="0">${content.text}</pre>`;
  if (!content.url) return html`<div class="preview-box soft small" role="status">Reading it from your stores…</div>`;
  if (kind === "image")
    return html`<img class="preview-image" src=${content.url} alt=${entry.name} onError=${failed("picture")} />`;
  if (kind === "video")
    return html`<video class="preview-image" src=${content.url} controls onError=${failed("film")}></video>`;
  return html`<audio src=${content.url} controls onError=${failed("sound")}></audio>`;
}
