// The one state of the shell: a value, replaced as a whole, and those who watch it.

import { useEffect, useState } from "preact/hooks";

/**
 * @typedef {import("../../rpc/api.ts").HostStatus} HostStatus
 * @typedef {import("../../engine/engine.ts").Receipt} Receipt
 * @typedef {import("../../packages/experience.ts").ExperienceInfo} ExperienceInfo
 * @typedef {import("../../packages/manifest.ts").InstalledCapability} InstalledCapability
 * @typedef {import("../../grants/grant.ts").Grant} Grant
 *
 * @typedef {{ kind: "experience", name: string } | { kind: "page", name: string }} View
 * @typedef {import("../../packages/upgrade-report.ts").UpgradeReport} UpgradeReport
 * @typedef {{ state: "tried", bytes: Uint8Array, report: UpgradeReport }} TriedPackage
 * @typedef {{ state: "trying", fileName: string } | { state: "refused", fileName: string, problem: string } | TriedPackage} Offer
 * @typedef {{ label: string, run: () => void }} ToastAction
 * @typedef {{ id: number, text: string, action?: ToastAction, about?: string }} Toast
 *
 * @typedef {object} State
 * @property {"starting" | "signed-out" | "ready"} phase
 * @property {string | undefined} refusal why the login did not work
 * @property {"online" | "reconnecting"} connection
 * @property {number} retryAtMs when the next attempt to reconnect begins
 * @property {HostStatus | undefined} status
 * @property {ExperienceInfo[]} experiences
 * @property {InstalledCapability[]} capabilities
 * @property {Offer | undefined} offer a package that the owner looks at before it is taken
 * @property {Grant[]} grants
 * @property {Receipt[]} receipts newest first
 * @property {View} view
 * @property {readonly string[]} open names of experiences whose frames are alive
 * @property {readonly string[]} loaded names of those whose page has loaded
 * @property {{ experience: string, url: string, answer: (agreed: boolean) => void } | undefined} link an experience asks to open it
 * @property {boolean} paletteOpen
 * @property {readonly Toast[]} toasts
 * @property {"invite" | "accept" | undefined} dialog
 * @property {{ done: number, total: number | undefined } | undefined} scrub progress of the running check
 */

/** Receipts kept in the page; older ones are fetched when asked for. */
export const RECEIPTS_KEPT = 1000;

/** @type {State} */
let state = {
  phase: "starting",
  refusal: undefined,
  connection: "online",
  retryAtMs: 0,
  status: undefined,
  experiences: [],
  capabilities: [],
  offer: undefined,
  grants: [],
  receipts: [],
  view: { kind: "page", name: "stores" },
  open: [],
  loaded: [],
  link: undefined,
  paletteOpen: false,
  toasts: [],
  dialog: undefined,
  scrub: undefined,
};

/** @type {Set<() => void>} */
const watchers = new Set();
let toastCount = 0;

/** The present state. Never changed in place. */
export const getState = () => state;

/** @param {Partial<State>} change */
export function setState(change) {
  state = { ...state, ...change };
  for (const watcher of watchers) watcher();
}

/**
 * A part of the state that re-renders its component when it changes.
 * @template T
 * @param {(state: State) => T} select
 * @returns {T}
 */
export function useModel(select) {
  const [, redraw] = useState(0);
  const selected = select(state);
  useEffect(() => {
    let last = selected;
    const watcher = () => {
      const next = select(state);
      if (Object.is(next, last)) return;
      last = next;
      redraw((times) => times + 1);
    };
    watchers.add(watcher);
    watcher();
    return () => watchers.delete(watcher);
  });
  return selected;
}

/** The present time, refreshed every `everyMs`, for relative times. @param {number} everyMs */
export function useNow(everyMs = 30_000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/**
 * Says something in passing. With an action (undo) it stays longer, until something newer is said about the same thing.
 * @param {string} text
 * @param {{ action?: ToastAction, about?: string }} [more]
 */
export function toast(text, more = {}) {
  toastCount += 1;
  const id = toastCount;
  const others = state.toasts.filter(({ about }) => about === undefined || about !== more.about);
  setState({ toasts: [...others, { id, text, ...more }] });
  setTimeout(() => dismissToast(id), more.action ? 10_000 : 5_000);
}

/** @param {number} id */
export function dismissToast(id) {
  setState({ toasts: state.toasts.filter((item) => item.id !== id) });
}

/** What an error tells the owner. @param {unknown} error */
export function errorText(error) {
  return error instanceof Error ? error.message : String(error);
}
