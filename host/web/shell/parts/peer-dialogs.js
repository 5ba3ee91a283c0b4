// Pairing: a one-time code is shown, or one is accepted.

import { useEffect, useState } from "preact/hooks";
import { formatMoment, formatRelative } from "/-/wording.js";
import { html } from "/-/html.js";
import { errorText, setState, toast, useModel, useNow } from "../model.js";
import { acceptInvite, createInvite } from "../owner-actions.js";
import { reachSentence } from "../sentences.js";
import { CopyButton } from "./copy-button.js";
import { Dialog } from "/-/dialog.js";

const close = () => setState({ dialog: undefined });

/** Whichever pairing dialog is open. */
export function PeerDialogs() {
  const dialog = useModel((state) => state.dialog);
  if (dialog === "invite") return html`<${InviteDialog} />`;
  if (dialog === "accept") return html`<${AcceptDialog} />`;
  return undefined;
}

function InviteDialog() {
  const [invite, setInvite] = useState(/** @type {import("../../../rpc/api.ts").Invite | undefined} */ (undefined));
  const [problem, setProblem] = useState("");
  const now = useNow();
  const reach = useModel((state) => reachSentence(state.status?.peerAddresses ?? []));
  useEffect(() => {
    createInvite().then(setInvite, (error) => setProblem(errorText(error)));
  }, []);
  return html`
    <${Dialog} title="Invite someone" onClose=${close}>
      <p class="soft">
        Send this code to one person, by any way you trust. It works once; whoever uses it becomes your contact.
      </p>
      ${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
      ${
        invite
          ? html`
              <div class="code-box" tabindex="0" aria-label="Invite code">${invite.code}</div>
              ${reach && html`<p class="notice">${reach}</p>`}
              <p class="soft small">
                Valid until ${formatMoment(invite.expiresAtMs)} (${formatRelative(invite.expiresAtMs, now)}).
              </p>
            `
          : !problem && html`<p class="soft small" role="status">Making a code…</p>`
      }
      <div class="dialog-actions">
        <button class="button" onClick=${close}>Done</button>
        ${invite && html`<${CopyButton} text=${invite.code} label="the invite code" className="button primary" />`}
      </div>
    <//>
  `;
}

function AcceptDialog() {
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const accept = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      const paired = await acceptInvite(code.replaceAll(/\s/g, ""));
      close();
      toast(`You and ${paired.name} are contacts now.`);
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  return html`
    <${Dialog} title="Accept a code" onClose=${close}>
      <form class="dialog-body" onSubmit=${accept}>
        <label class="field">
          Code that you were sent
          <textarea
            class="input"
            data-focus
            required
            spellcheck="false"
            autocomplete="off"
            value=${code}
            onKeyDown=${submitOnEnter}
            onInput=${(/** @type {{ currentTarget: HTMLTextAreaElement }} */ event) => setCode(event.currentTarget.value)}
          ></textarea>
        </label>
        ${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
        ${busy && html`<p class="soft small" role="status">Reaching the other twin…</p>`}
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || code.trim() === ""}>Become contacts</button>
        </div>
      </form>
    <//>
  `;
}

/** A code has one line. @param {KeyboardEvent & { currentTarget: HTMLTextAreaElement }} event */
function submitOnEnter(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
}
