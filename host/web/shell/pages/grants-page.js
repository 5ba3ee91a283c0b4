// Grants: who may call what, since when, last used when; revocable at once. And the browsers that are the owner.

import { useEffect, useState } from "preact/hooks";
import { count, formatMoment, formatRelative } from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { useModel, useNow } from "../model.js";
import { forgetBrowser, loadBrowsers, revokeGrant } from "../owner-actions.js";
import { ConfirmDialog } from "/-/dialog.js";
import { getKey } from "../session.js";
import { shortId } from "../sentences.js";

/**
 * @typedef {import("../../../grants/grant.ts").Grant} Grant
 * @typedef {import("../../../rpc/api.ts").Browser} Browser
 */

export function GrantsPage() {
  const grants = useModel((state) => state.grants);
  const holders = Map.groupBy(grants, (grant) => grant.holder);
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>${count(grants.length, "grant")} in force.</h1>
          <p>
            Nobody but you can do anything that is not listed here. What you revoke ends at once, also for windows that
            are open.
          </p>
        </div>
      </header>
      ${
        grants.length === 0 &&
        html`<div class="empty">
          <${Icon} name="grants" />
          <h2>Nothing is granted</h2>
          <p>When an experience asks for access and you allow it, it stands here, to be taken back at any time.</p>
        </div>`
      }
      ${[...holders].map(([holder, list]) => html`<${HolderSection} key=${holder} holder=${holder} grants=${list} />`)}
      <${Browsers} />
    </div>
  `;
}

/** @param {{ holder: string, grants: Grant[] }} props */
function HolderSection({ holder, grants }) {
  const experiences = useModel((state) => state.experiences);
  const peers = useModel((state) => state.status?.peers ?? NO_PEERS);
  const [revoking, setRevoking] = useState(/** @type {Grant | undefined} */ (undefined));
  const name = holderName(holder, experiences, peers);
  return html`
    <section class="section">
      <h2>${name}</h2>
      <ul class="rows">
        ${grants.map((grant) => html`<${GrantRow} key=${grant.id} grant=${grant} onRevoke=${setRevoking} />`)}
      </ul>
      ${
        revoking &&
        html`<${ConfirmDialog}
          title=${`Take ${revoking.capability} away from ${name}?`}
          text="What uses it stops working at once. Your data is not touched, and you can grant it again."
          confirm="Revoke"
          onConfirm=${() => void revokeGrant(revoking)}
          onClose=${() => setRevoking(undefined)}
        />`
      }
    </section>
  `;
}

/** One value, so that the watcher does not see a new list each time. @type {readonly import("../../../rpc/api.ts").PeerStatus[]} */
const NO_PEERS = [];

/** @param {{ grant: Grant, onRevoke: (grant: Grant) => void }} props */
function GrantRow({ grant, onRevoke }) {
  const lastUsedAtMs = useModel((state) => state.receipts.find((receipt) => receipt.grantId === grant.id)?.atMs);
  const now = useNow();
  const used = lastUsedAtMs === undefined ? "not used recently" : `last used ${formatRelative(lastUsedAtMs, now)}`;
  const until = grant.expiresAtMs === undefined ? "" : `, until ${formatMoment(grant.expiresAtMs)}`;
  return html`
    <li class="row stack">
      <div class="row-main">
        <span class="row-title">${grant.capability}: <span class="mono small">${grant.methods.join(", ")}</span></span>
        <span class="row-note">${grant.reason}</span>
        <span class="row-note">Since ${formatMoment(grant.grantedAtMs)}${until}, ${used}</span>
      </div>
      <button class="button" onClick=${() => onRevoke(grant)}>Revoke</button>
    </li>
  `;
}

/**
 * @param {string} holder
 * @param {readonly import("../model.js").ExperienceInfo[]} experiences
 * @param {readonly import("../../../rpc/api.ts").PeerStatus[]} peers
 */
function holderName(holder, experiences, peers) {
  const colon = holder.indexOf(":");
  const kind = holder.slice(0, colon);
  const name = holder.slice(colon + 1);
  if (kind === "experience") return `${experiences.find((item) => item.name === name)?.title ?? name} (experience)`;
  if (kind === "peer") return peers.find((peer) => peer.twin === name)?.name ?? `Twin ${shortId(name)}`;
  if (kind === "circle") return `Everyone in “${name}”`;
  return `${name} (${kind})`;
}

/** Browsers that hold a key of the owner. */
function Browsers() {
  const [browsers, setBrowsers] = useState(/** @type {Browser[]} */ ([]));
  const [forgetting, setForgetting] = useState(/** @type {Browser | undefined} */ (undefined));
  const connection = useModel((state) => state.connection);
  const load = () => void loadBrowsers().then((list) => list && setBrowsers(list));
  useEffect(load, [connection]);
  if (browsers.length === 0) return undefined;
  return html`
    <section class="section">
      <h2>Browsers that are you</h2>
      <p class="soft small">Each holds a key of its own that cannot leave it, and has your full authority.</p>
      <ul class="rows">
        ${browsers.map((browser) => html`<${BrowserRow} key=${browser.id} browser=${browser} onForget=${setForgetting} />`)}
      </ul>
      ${
        forgetting &&
        html`<${ConfirmDialog}
          title=${`Log out ${forgetting.label || "this browser"}?`}
          text="Its key becomes worthless and its connection ends. To use it again, open a fresh link in it."
          confirm="Log out"
          onConfirm=${() => void forgetBrowser(forgetting.id).then(load)}
          onClose=${() => setForgetting(undefined)}
        />`
      }
    </section>
  `;
}

/** @param {{ browser: Browser, onForget: (browser: Browser) => void }} props */
function BrowserRow({ browser, onForget }) {
  const now = useNow();
  const use = `Since ${formatMoment(browser.registeredAtMs)}, last used ${formatRelative(browser.lastUsedAtMs, now)}`;
  const thisOne = browser.id === getKey().id;
  return html`
    <li class="row">
      <div class="row-main">
        <span class="row-title"
          >${browser.label || "Browser"} ${thisOne && html`<span class="tag good">this one</span>`}</span
        >
        <span class="row-note">${use}</span>
      </div>
      <button class="button" onClick=${() => onForget(browser)}>Log out</button>
    </li>
  `;
}
