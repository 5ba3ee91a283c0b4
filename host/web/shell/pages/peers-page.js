// Peers: the people whose twins this twin talks to, how to add one, and what waits for whom.

import { useEffect, useState } from "preact/hooks";
import { count, formatMoment, formatRelative, hue, initials } from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { setState, useModel, useNow } from "../model.js";
import { loadParked } from "../owner-actions.js";
import { CopyButton } from "../parts/copy-button.js";
import { peersSentence, reachSentence, shortId } from "../sentences.js";

/**
 * @typedef {import("../../../rpc/api.ts").PeerStatus} PeerStatus
 * @typedef {import("../../../engine/engine.ts").ParkedMessage} ParkedMessage
 */

const openInvite = () => setState({ dialog: "invite" });
const openAccept = () => setState({ dialog: "accept" });

export function PeersPage() {
  const status = useModel((state) => state.status);
  const now = useNow();
  if (!status) return undefined;
  const { peers } = status;
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>${peersSentence(peers)}.</h1>
          <p>
            Twins talk to each other directly. A message for someone who is away waits here and leaves when their twin
            is back.
          </p>
        </div>
        <div class="page-actions">
          <button class="button" onClick=${openAccept}>Accept a code</button>
          <button class="button primary" onClick=${openInvite}><${Icon} name="plus" />Invite someone</button>
        </div>
      </header>
      ${
        peers.length === 0
          ? html`<${NoPeers} />`
          : html`<ul class="rows">
              ${peers.map((peer) => html`<${PeerRow} key=${peer.twin} peer=${peer} now=${now} />`)}
            </ul>`
      }
      <${Parked} />
      <section class="section">
        <h2>This twin</h2>
        <p class="soft small">Its id is its public key: for life, wherever it runs.</p>
        <div class="command">
          <code class="small">${status.twin}</code><${CopyButton} text=${status.twin} label="the id of this twin" />
        </div>
        <dl class="facts">
          <dt>Reached at</dt>
          <dd>
            ${status.peerAddresses.length === 0 ? "It does not listen for other twins." : status.peerAddresses.map((address) => html`<div class="mono">${address}</div>`)}
          </dd>
        </dl>
        <p class="soft small">${reachSentence(status.peerAddresses)}</p>
      </section>
    </div>
  `;
}

function NoPeers() {
  return html`
    <div class="empty">
      <${Icon} name="peers" />
      <h2>Nobody here yet</h2>
      <p>
        Invite someone: you get a code that works once. Send it to them any way you like; when they accept it, you are
        each other's contacts.
      </p>
    </div>
  `;
}

/** @param {{ peer: PeerStatus, now: number }} props */
function PeerRow({ peer, now }) {
  return html`
    <li class="row stack">
      <span class="avatar" style=${{ "--hue": hue(peer.twin) }} aria-hidden="true">${initials(peer.name)}</span>
      <div class="row-main">
        <span class="row-title">${peer.name}</span>
        <span class="row-note">${presence(peer, now)}</span>
        <span class="row-note mono" title=${peer.twin}
          >${shortId(peer.twin)}${peer.address ? ` · ${peer.address}` : ""}</span
        >
      </div>
      <div class="row-end">
        ${peer.waiting > 0 && html`<span class="tag warn">${count(peer.waiting, "message")} waiting</span>`}
        <span class=${`tag ${peer.online ? "good" : ""}`}>${peer.online ? "Online" : "Offline"}</span>
      </div>
    </li>
  `;
}

/** @param {PeerStatus} peer @param {number} now */
function presence(peer, now) {
  if (peer.online) return "Connected";
  const seen = peer.lastSeenAtMs === undefined ? "Not seen yet" : `Last seen ${formatRelative(peer.lastSeenAtMs, now)}`;
  return peer.problem ? `${seen}. ${peer.problem}` : seen;
}

/** Messages that the other side refused for good. */
function Parked() {
  const parkedCount = useModel((state) => state.status?.engine.parked ?? 0);
  const [parked, setParked] = useState(/** @type {ParkedMessage[]} */ ([]));
  useEffect(() => {
    if (parkedCount > 0) void loadParked().then((list) => list && setParked(list));
  }, [parkedCount]);
  if (parkedCount === 0 || parked.length === 0) return undefined;
  return html`
    <section class="section">
      <h2>Refused by the other side</h2>
      <p class="soft small">These messages were delivered, but the other twin did not take them. They are kept here.</p>
      <ul class="rows">
        ${parked.map(
          (message) => html`
            <li class="row" key=${`${message.peer}/${message.sequence}`}>
              <div class="row-main">
                <span class="row-title">${message.capability}.${message.method} to ${shortId(message.peer)}</span>
                <span class="row-note">${message.message}</span>
              </div>
              <span class="row-end">${formatMoment(message.parkedAtMs)}</span>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}
