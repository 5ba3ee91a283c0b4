// Copies a text and says so.

import { useState } from "preact/hooks";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { toast } from "../model.js";

/** @param {{ text: string, label: string, className?: string }} props */
export function CopyButton({ text, label, className = "button" }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      toast("The browser did not allow copying. Select the text and copy it by hand.");
    }
  };
  return html`
    <button class=${className} onClick=${copy} aria-label=${`Copy ${label}`}>
      <${Icon} name=${copied ? "check" : "copy"} /><span aria-live="polite">${copied ? "Copied" : "Copy"}</span>
    </button>
  `;
}
