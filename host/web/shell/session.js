// The owner's connection: opened, watched, and opened again with back-off when it breaks. Keeps the model true.

import { newWebSocketRpcSession } from "capnweb";
import { getState, RECEIPTS_KEPT, setState } from "./model.js";
import { forgetOwnerKey } from "./owner-key.js";
import { CLOSE_KEY_UNKNOWN, openProvenSocket, SocketClosed } from "./socket.js";

/**
 * @typedef {import("./owner-key.js").OwnerKey & { id: string }} RegisteredKey
 * @typedef {import("../../engine/engine.ts").Receipt} Receipt
 */

const BACKOFF_MS = [250, 500, 1_000, 2_000, 5_000, 10_000];
/** Status is asked for when a hint says so, and at least this often. */
const STATUS_EVERY_MS = 15_000;
/** Hints come in bursts; one question answers them all. */
const HINT_PAUSE_MS = 400;

/** @type {any} */
let owner;
/** @type {RegisteredKey | undefined} */
let key;
let attempts = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retryTimer;
/** @type {Set<string>} */
const stale = new Set();
/** @type {Set<() => void>} */
const reconnectWatchers = new Set();
/** @type {Set<() => void>} */
const breakWatchers = new Set();

/** The owner's stub. Throws in words when there is no connection. @returns {any} a stub of `OwnerApi` */
export function getOwner() {
  if (!owner) throw new Error("The connection to your twin is broken. Nothing was changed; try again in a moment.");
  return owner;
}

/** The key that sockets of this page prove. */
export function getKey() {
  if (!key) throw new Error("This browser is not logged in.");
  return key;
}

/** @param {() => void} watcher called after each reconnect, when the model is fresh */
export const onReconnect = (watcher) => reconnectWatchers.add(watcher);
/** @param {() => void} watcher called when the connection breaks */
export const onBreak = (watcher) => breakWatchers.add(watcher);

/** Connects with `registered` and stays connected. Never rejects: the model tells. @param {RegisteredKey} registered */
export async function startSession(registered) {
  key = registered;
  setInterval(() => markStale("status"), STATUS_EVERY_MS);
  addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", () => document.hidden || retryNow());
  await connect();
}

/** Does not wait for the next attempt. */
export function retryNow() {
  if (retryTimer === undefined) return;
  clearTimeout(retryTimer);
  retryTimer = undefined;
  void connect();
}

async function connect() {
  try {
    const socket = await openProvenSocket(getKey(), "/rpc");
    const stub = /** @type {any} */ (newWebSocketRpcSession(socket));
    socket.addEventListener("close", (event) => owner === stub && broken(event.code));
    owner = stub;
    await follow(stub);
    await loadAll();
    attempts = 0;
    const again = getState().phase === "ready";
    setState({ phase: "ready", connection: "online", refusal: undefined });
    if (again) for (const watcher of reconnectWatchers) watcher();
  } catch (error) {
    broken(error instanceof SocketClosed ? error.closeCode : 1006);
  }
}

/** @param {number} closeCode */
function broken(closeCode) {
  owner?.[Symbol.dispose]();
  owner = undefined;
  if (closeCode === CLOSE_KEY_UNKNOWN) {
    void forgetOwnerKey();
    setState({ phase: "signed-out", refusal: "This browser is no longer registered with your twin." });
    return;
  }
  if (retryTimer !== undefined) return;
  if (getState().connection === "online") for (const watcher of breakWatchers) watcher();
  const delayMs = BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length - 1)] ?? 10_000;
  attempts += 1;
  retryTimer = setTimeout(retryNow, delayMs);
  setState({ connection: "reconnecting", retryAtMs: Date.now() + delayMs });
}

async function loadAll() {
  const [status, experiences, capabilities, grants, receipts] = await Promise.all([
    owner.status(),
    owner.experiences(),
    owner.capabilities(),
    owner.grants(),
    owner.receipts({ limit: 200 }),
  ]);
  setState({ status, experiences, capabilities, grants, receipts: mergeReceipts(getState().receipts, receipts) });
}

/** Live ones may have come in before the answer. @param {readonly Receipt[]} live @param {readonly Receipt[]} loaded */
function mergeReceipts(live, loaded) {
  const bySequence = new Map([...loaded, ...live].map((receipt) => [receipt.sequence, receipt]));
  return [...bySequence.values()].toSorted((a, b) => b.sequence - a.sequence).slice(0, RECEIPTS_KEPT);
}

/** Live receipts and hints; a subscription that fell behind is begun anew. @param {any} stub */
async function follow(stub) {
  await stub.subscribe(-1, {
    onReceipt: (/** @type {Receipt} */ receipt) => addReceipt(receipt),
    onChange: (/** @type {string} */ what) => markStale(what),
    onEnd: () => {
      if (owner === stub)
        void follow(stub)
          .then(loadAll)
          .catch(() => undefined);
    },
  });
}

/** @param {Receipt} receipt */
function addReceipt(receipt) {
  const { receipts } = getState();
  if (receipts[0] && receipts[0].sequence >= receipt.sequence) return;
  setState({ receipts: [receipt, ...receipts.slice(0, RECEIPTS_KEPT - 1)] });
  markStale("status");
}

/** Asks again, soon, for what `what` says has changed. @param {string} what */
export function markStale(what) {
  if (stale.size === 0) setTimeout(refreshStale, HINT_PAUSE_MS);
  stale.add(what);
}

async function refreshStale() {
  const hints = new Set(stale);
  stale.clear();
  if (!owner) return;
  try {
    if (hints.has("capabilities")) setState({ capabilities: await owner.capabilities() });
    if (hints.has("experiences")) setState({ experiences: await owner.experiences() });
    if (hints.has("grants")) setState({ grants: await owner.grants() });
    setState({ status: await owner.status() });
  } catch {
    // The socket's own close event tells of a broken connection; a refused refresh comes again with the next hint.
  }
}
