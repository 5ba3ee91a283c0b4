// Stores: where the data lies, what it would survive, and a check that counts instead of assuming.

import { count, formatBytes, formatMoment, formatNumber, formatRelative } from "/-/wording.js";
import { html } from "/-/html.js";
import { Icon } from "../icons.js";
import { useModel, useNow } from "../model.js";
import { runScrub } from "../owner-actions.js";
import { domainSentence, durabilitySentence, shortId } from "../sentences.js";

/** @typedef {import("../../../vault/object.ts").VaultStatus} VaultStatus */

export function StoresPage() {
  const status = useModel((state) => state.status);
  const scrub = useModel((state) => state.scrub);
  const now = useNow();
  if (!status) return undefined;
  const { vault } = status;
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>${durabilitySentence(vault)}.</h1>
          <p>
            Each piece of your data is sealed, then split into ${count(vault.dataShards + vault.parityShards, "shard")},
            one per store. Any ${formatNumber(vault.dataShards)} of them rebuild it. ${domainSentence(vault)}
          </p>
        </div>
        <div class="page-actions">
          <button class="button" onClick=${runScrub} disabled=${scrub !== undefined}>
            <${Icon} name="check" />${scrub ? "Checking…" : "Check everything now"}
          </button>
        </div>
      </header>
      ${scrub ? html`<${ScrubProgress} scrub=${scrub} />` : html`<${Work} vault=${vault} />`}
      <${Warnings} vault=${vault} />
      <dl class="figures">
        <${Figure} label="Objects" value=${formatNumber(vault.objectCount)} />
        <${Figure} label="Your data" value=${formatBytes(vault.sizeBytes)} />
        <${Figure}
          label="On disk, with parity"
          value=${formatBytes(vault.stores.reduce((sum, store) => sum + store.usedBytes, 0))}
        />
        <${Figure} label="Segments" value=${formatNumber(vault.segmentCount)} />
      </dl>
      <${LayoutPicture} vault=${vault} />
      <section class="section">
        <h2>Stores</h2>
        <ul class="rows">
          ${vault.stores.map((store) => html`<${StoreRow} key=${store.name} store=${store} />`)}
        </ul>
      </section>
      <${Care} status=${status} now=${now} />
      <${LastScrub} vault=${vault} now=${now} />
    </div>
  `;
}

/** @param {{ label: string, value: string }} props */
function Figure({ label, value }) {
  return html`<div class="figure">
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** @param {{ scrub: { done: number, total: number | undefined } }} props */
function ScrubProgress({ scrub }) {
  const words =
    scrub.total === undefined
      ? `${formatNumber(scrub.done)} read`
      : `${formatNumber(scrub.done)} of ${formatNumber(scrub.total)}`;
  return html`
    <div class="working" role="status">
      <progress
        max=${scrub.total ?? 1}
        value=${scrub.total === undefined ? undefined : scrub.done}
        aria-label="Check of all stores"
      ></progress>
      <span class="soft number"
        >Reading every shard and repairing what is broken: ${words}. You can go on working.</span
      >
    </div>
  `;
}

/** What the host does about the stores by itself. @param {{ vault: VaultStatus }} props */
function Work({ vault }) {
  const { work } = vault;
  if (!work) return undefined;
  return html`
    <div class="working" role="status">
      <progress
        max=${work.total ?? 1}
        value=${work.total === undefined ? undefined : work.done}
        aria-label=${workName(work)}
      ></progress>
      <span class="soft number">
        ${workName(work)}:
        ${formatNumber(work.done)}${work.total === undefined ? "" : ` of ${formatNumber(work.total)}`}${work.etaMs === undefined ? "" : `, done in about ${durationWords(work.etaMs)}`}.
      </span>
    </div>
  `;
}

/** What is looked after without being asked, and when that was done last. @param {{ status: import("../../../rpc/api.ts").HostStatus, now: number }} props */
function Care({ status, now }) {
  const { vault, replica } = status;
  const { lastSample, weakest } = vault;
  return html`
    <section class="section">
      <h2>Care</h2>
      <dl class="facts number">
        <dt>Being stored</dt>
        <dd>${vault.putsAtWork === 0 ? "nothing waits" : count(vault.putsAtWork, "object")}</dd>
        <dt>Weakest object</dt>
        <dd>${weakest === undefined ? "all are as safe as they should be" : weakestWords(weakest)}</dd>
        <dt>Last sample</dt>
        <dd>${lastSample === undefined ? "not since the start" : sampleWords(lastSample, now)}</dd>
        <dt>Copy of this twin</dt>
        <dd>${replica === undefined ? "not kept by this host" : copyWords(replica)}</dd>
        <dt>Last restore drill</dt>
        <dd>${replica?.lastDrillAtMs === undefined ? "not yet" : formatRelative(replica.lastDrillAtMs, now)}</dd>
      </dl>
    </section>
  `;
}

/** @param {NonNullable<VaultStatus["work"]>} work */
function workName({ kind }) {
  return {
    scrub: "Reading every shard",
    repair: "Making missing shards again",
    drain: "Emptying a store",
    compaction: "Freeing unused room",
  }[kind];
}

/** @param {number} ms */
function durationWords(ms) {
  const minutes = Math.ceil(ms / 60_000);
  return ms < 90_000 ? count(Math.ceil(ms / 1_000), "second") : count(minutes, "minute");
}

/** @param {NonNullable<VaultStatus["weakest"]>} weakest */
function weakestWords({ object, name, margin }) {
  const many = margin === 0 ? "survives no further loss" : `survives the loss of any ${formatNumber(margin)}`;
  const safety = margin < 0 ? "cannot be read now" : many;
  return `${name === "" ? shortId(object) : name}: ${safety}`;
}

/** @param {NonNullable<VaultStatus["lastSample"]>} sample @param {number} now */
function sampleWords({ finishedAtMs, segments, shardsMissing, shardsCorrupt }, now) {
  const bad = shardsMissing + shardsCorrupt;
  const found = bad === 0 ? "all as they were written" : `${count(bad, "shard")} missing or damaged`;
  return `${formatRelative(finishedAtMs, now)}: ${count(segments, "segment")}, ${found}`;
}

/** @param {NonNullable<import("../../../rpc/api.ts").HostStatus["replica"]>} replica */
function copyWords({ problem, rootSequence, lagMs }) {
  if (problem !== undefined) return problem;
  return rootSequence === 0 ? "is being made" : `${(lagMs / 1_000).toFixed(1)} s behind`;
}

/** @param {{ vault: VaultStatus }} props */
function Warnings({ vault }) {
  if (vault.margin < 0) {
    return html`<p class="notice bad" role="alert">
      <${Icon} name="warning" />Too many stores are gone to read everything. Nothing was deleted: bring a missing store
      back, then check everything again.
    </p>`;
  }
  if (vault.degradedSegments > 0) {
    return html`<p class="notice">
      <${Icon}
        name="warning"
      />${`${count(vault.degradedSegments, "segment")} ${vault.degradedSegments === 1 ? "has" : "have"}`} fewer shards
      than intended. Your data is readable; a check rebuilds the missing shards.
    </p>`;
  }
  return undefined;
}

/** One column per store, one tile per shard of a typical segment: what "any 2 of 6" looks like. @param {{ vault: VaultStatus }} props */
function LayoutPicture({ vault }) {
  const total = vault.dataShards + vault.parityShards;
  const rows = Math.min(Math.max(vault.segmentCount, 1), 5);
  const description = `Every segment has one shard in each store: ${vault.dataShards} of data and ${vault.parityShards} of parity, in turn.`;
  return html`
    <figure class="layout-picture">
      <div class="layout-stores" role="img" aria-label=${description}>
        ${vault.stores.map(
          (store, column) => html`
            <div class="layout-store" key=${store.name}>
              <div class="layout-column">
                ${Array.from({ length: rows }, (_, row) => {
                  const parity = (column + row) % total >= vault.dataShards;
                  return html`<span
                    key=${row}
                    class=${`shard ${store.healthy ? (parity ? "parity" : "") : "missing"}`}
                  ></span>`;
                })}
              </div>
              <span>${store.name}</span>
            </div>
          `,
        )}
      </div>
      <figcaption class="layout-legend">
        <span><i class="shard"></i>${count(vault.dataShards, "data shard")} per segment</span>
        <span><i class="shard parity"></i>${formatNumber(vault.parityShards)} parity</span>
        ${vault.stores.some((store) => !store.healthy) && html`<span><i class="shard missing"></i>in a store that does not answer</span>`}
      </figcaption>
    </figure>
  `;
}

/** @param {{ store: import("../../../vault/object.ts").StoreStatus }} props */
function StoreRow({ store }) {
  return html`
    <li class="row">
      <div class="row-main">
        <span class="row-title"><i class=${`dot ${store.healthy ? "good" : "bad"}`}></i>${store.name}</span>
        <span class="row-note"
          >${store.healthy ? `Fails together with: ${store.domain}` : (store.problem ?? "Does not answer.")}</span
        >
      </div>
      <div class="row-end number">
        <span>${count(store.shardCount, "shard")} · ${formatBytes(store.usedBytes)}</span>
        <span class=${`tag ${store.healthy ? "good" : "bad"}`}>${store.healthy ? "Healthy" : "Missing"}</span>
      </div>
    </li>
  `;
}

/** @param {{ vault: VaultStatus, now: number }} props */
function LastScrub({ vault, now }) {
  const report = vault.lastScrub;
  if (!report) {
    return html`
      <section class="section">
        <h2>Last check</h2>
        <p class="soft">Not checked yet. A check reads every shard, repairs what is broken, and counts again.</p>
      </section>
    `;
  }
  const found = report.shardsMissing + report.shardsCorrupt;
  return html`
    <section class="section">
      <h2>Last check, ${formatRelative(report.finishedAtMs, now)}</h2>
      <p class="soft">
        ${found === 0 ? "Every shard was read and is as it was written." : `${count(found, "shard")} missing or damaged, ${formatNumber(report.shardsRepaired)} rebuilt.`}
      </p>
      <dl class="facts number">
        <dt>When</dt>
        <dd>${formatMoment(report.finishedAtMs)}</dd>
        <dt>Segments</dt>
        <dd>${formatNumber(report.segments)}</dd>
        <dt>Shards read</dt>
        <dd>${formatNumber(report.shardsChecked)}</dd>
        <dt>Missing</dt>
        <dd>${formatNumber(report.shardsMissing)}</dd>
        <dt>Damaged</dt>
        <dd>${formatNumber(report.shardsCorrupt)}</dd>
        <dt>Rebuilt</dt>
        <dd>${formatNumber(report.shardsRepaired)}</dd>
        <dt>Lost segments</dt>
        <dd>${formatNumber(report.segmentsLost)}</dd>
        <dt>Survives now</dt>
        <dd>${report.margin < 0 ? "not all data is readable" : `the loss of any ${formatNumber(report.margin)}`}</dd>
      </dl>
    </section>
  `;
}
