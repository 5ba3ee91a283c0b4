// The desktop's layout: launcher, stage, status line, and what lies above them.

import { useEffect, useRef } from "preact/hooks";
import { Banner } from "./parts/banner.js";
import { Consent } from "./parts/consent.js";
import { Launcher } from "./parts/launcher.js";
import { LinkDialog } from "./parts/link-dialog.js";
import { PackageDialog } from "./parts/package-dialog.js";
import { Palette } from "./parts/palette.js";
import { PeerDialogs } from "./parts/peer-dialogs.js";
import { StatusLine } from "./parts/status-line.js";
import { Toasts } from "./parts/toasts.js";
import { openTelling, setStage, showCurrent } from "./frames.js";
import { html } from "/-/html.js";
import { getState, setState, useModel } from "./model.js";
import { PAGES, readView } from "./navigation.js";
import { missingNeeds } from "./owner-actions.js";
import { CapabilitiesPage } from "./pages/capabilities-page.js";
import { GrantsPage } from "./pages/grants-page.js";
import { MorePage } from "./pages/more-page.js";
import { PeersPage } from "./pages/peers-page.js";
import { ReceiptsPage } from "./pages/receipts-page.js";
import { SignedOutPage } from "./pages/signed-out-page.js";
import { StoresPage } from "./pages/stores-page.js";

/** @type {Record<string, () => unknown>} */
const PAGE_PARTS = {
  stores: StoresPage,
  peers: PeersPage,
  capabilities: CapabilitiesPage,
  receipts: ReceiptsPage,
  grants: GrantsPage,
  more: MorePage,
};

/** The whole page. */
export function App() {
  const phase = useModel((state) => state.phase);
  const connection = useModel((state) => state.connection);
  if (phase === "signed-out") return html`<${SignedOutPage} />`;
  if (phase === "starting") {
    return html`<div class="door-page">
      <p class="soft" role="status">
        ${connection === "online" ? "Reaching your twin…" : "Your twin does not answer. Trying again…"}
      </p>
    </div>`;
  }
  return html`<${Desktop} />`;
}

function Desktop() {
  const paletteOpen = useModel((state) => state.paletteOpen);
  useEffect(() => {
    readView();
    addEventListener("hashchange", readView);
    addEventListener("keydown", openPaletteByKey);
    return () => {
      removeEventListener("hashchange", readView);
      removeEventListener("keydown", openPaletteByKey);
    };
  }, []);
  return html`
    <div class="shell">
      <${Launcher} />
      <${Stage} />
      <${StatusLine} />
    </div>
    ${paletteOpen && html`<${Palette} />`}
    <${PeerDialogs} />
    <${LinkDialog} />
    <${PackageDialog} />
    <${Toasts} />
  `;
}

function Stage() {
  const view = useModel((state) => state.view);
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const page = PAGES.find((item) => view.kind === "page" && item.name === view.name);
    const experience = getState().experiences.find((item) => view.kind === "experience" && item.name === view.name);
    const { status } = getState();
    document.title = [experience?.title ?? page?.title, status?.name ?? "Twin"].filter(Boolean).join(" · ");
    scroller.current?.scrollTo(0, 0);
    showCurrent();
  }, [view]);
  const Page = view.kind === "page" ? PAGE_PARTS[view.name] : undefined;
  return html`
    <main class="stage" id="stage">
      <div class="frames" ref=${setStage}></div>
      ${view.kind === "experience" && html`<${Opening} key=${view.name} name=${view.name} />`}
      ${Page && html`<div class="page-scroll" ref=${scroller}><${Page} /></div>`}
      <${Banner} />
    </main>
  `;
}

/** Covers the stage until the experience has loaded, or asks first for what it lacks. @param {{ name: string }} props */
function Opening({ name }) {
  const experience = useModel((state) => state.experiences.find((item) => item.name === name));
  const grants = useModel((state) => state.grants);
  const capabilities = useModel((state) => state.capabilities);
  const loaded = useModel((state) => state.loaded.includes(name));
  const needs = experience ? missingNeeds(experience, { grants, capabilities }) : [];
  // A revoked grant does not throw the owner out of what is open: the calls fail, and say so.
  const open = useModel((state) => state.open.includes(name));
  const asks = needs.length > 0 && !open;
  useEffect(() => {
    if (experience && !asks && !open) void openTelling(name);
  }, [name, asks, open, experience === undefined]);
  if (!experience || loaded) return undefined;
  if (asks) return html`<div class="page-scroll"><${Consent} experience=${experience} needs=${needs} /></div>`;
  return html`<div class="opening" role="status">Opening ${experience.title}…</div>`;
}

/** @param {KeyboardEvent} event */
function openPaletteByKey(event) {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  setState({ paletteOpen: !getState().paletteOpen });
}
