// Large files on their way into the vault by tus 1.0 (docs/formats/web.md, section 8): what has come stays, over
// broken connections and restarted hosts; a page that was loaded anew goes on when it gets the same file again.

import { getOwner } from "./session.js";
import { parseJson, refusalOf, TransferError } from "./transfer-error.js";

const TUS = { "tus-resumable": "1.0.0" };
/** The host gives up one that nothing comes for as late. */
const KEPT_MS = 24 * 60 * 60_000;
const KEPT_PREFIX = "upload ";
const PAUSES_MS = [500, 1_000, 2_000, 5_000, 10_000];
/** So long without an answer, then the person is told. */
const PATIENCE_MS = 5 * 60_000;
const BROKEN = "The connection broke during the upload. Try again within a day: it goes on where it was.";

/** What is being sent now: the same file once more becomes an upload of its own. @type {Set<string>} */
const atWork = new Set();

/**
 * @typedef {object} UploadHow
 * @property {string} experience whose upload it is: only it may go on with it
 * @property {string} name
 * @property {string} type
 * @property {AbortSignal} signal aborted with the reason "cancelled", what has come is forgotten; otherwise it stays for a day
 * @property {(done: number, total: number) => void} onProgress
 */

/**
 * Stores a file, going on where an earlier try of the same experience with the same file ended. Resolves when the
 * host says that it is durable.
 * @param {Blob} file
 * @param {UploadHow} how
 * @returns {Promise<import("../../vault/object.ts").ObjectInfo>}
 */
export async function uploadInPieces(file, how) {
  const memory = memoryOf(file, how);
  try {
    const stored = await sendAll(file, how, memory);
    memory.forget();
    return stored;
  } catch (error) {
    if (how.signal.aborted && how.signal.reason === "cancelled") {
      const path = memory.path();
      memory.forget();
      if (path) void fetch(path, { method: "DELETE", headers: TUS }).catch(() => undefined);
    }
    throw error instanceof TypeError ? new TransferError("TWIN_ABORTED", BROKEN) : error;
  } finally {
    memory.release();
  }
}

/** @param {Blob} file @param {UploadHow} how @param {ReturnType<typeof memoryOf>} memory */
async function sendAll(file, how, memory) {
  let path = memory.path();
  let offset = path === undefined ? undefined : await takenOf(path, how.signal);
  if (path === undefined || offset === undefined) {
    path = await begin(file, how);
    memory.keep(path);
    offset = 0;
  }
  for (;;) {
    const stored = await send(file, { path, offset, how });
    if (stored) return stored;
    const taken = await askUntilHeard(path, how.signal);
    if (taken === undefined) {
      memory.forget();
      throw new TransferError("TWIN_ABORTED", "Your twin no longer knows this upload. Nothing was stored; try again.");
    }
    offset = taken;
  }
}

/** How much has come, as soon as the host answers; undefined when it does not know the upload. @param {string} path @param {AbortSignal} signal */
async function askUntilHeard(path, signal) {
  const sinceMs = Date.now();
  for (let tries = 0; ; tries += 1) {
    await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 0, signal);
    try {
      return await takenOf(path, signal);
    } catch (error) {
      if (!(error instanceof TypeError) || Date.now() - sinceMs > PATIENCE_MS) throw error;
    }
  }
}

/** Begins an upload; answers its path. @param {Blob} file @param {UploadHow} how */
async function begin(file, { name, type, signal }) {
  const metadata = [`filetype ${base64(type)}`, ...(name === "" ? [] : [`filename ${base64(name)}`])].join(",");
  const response = await fetch("/uploads", {
    method: "POST",
    headers: {
      ...TUS,
      authorization: `Bearer ${await getOwner().uploadTicket()}`,
      "upload-length": String(file.size),
      "upload-metadata": metadata,
    },
    signal,
  });
  const path = response.headers.get("location");
  if (response.status !== 201 || path === null) throw refusalOf(response.status, await response.text());
  return path;
}

/** How much has come; undefined when the host does not know the upload. @param {string} path @param {AbortSignal} signal */
async function takenOf(path, signal) {
  const response = await fetch(path, { method: "HEAD", headers: TUS, signal });
  if (response.status === 404 || response.status === 410) return undefined;
  if (!response.ok) throw new TransferError("TWIN_ABORTED", `The host answered ${response.status}.`);
  return Number(response.headers.get("upload-offset"));
}

/**
 * Sends what is missing. Resolves with what was stored, or with null when the connection broke before. Rejects with a
 * `TransferError` for what another try does not help.
 * @param {Blob} file
 * @param {{ path: string, offset: number, how: UploadHow }} what
 * @returns {Promise<import("../../vault/object.ts").ObjectInfo | null>}
 */
function send(file, { path, offset, how: { signal, onProgress } }) {
  // XMLHttpRequest, because fetch tells nothing of an upload's progress.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.onprogress = (event) => onProgress(offset + event.loaded, file.size);
    request.onload = () => {
      const stored = request.status === 200 ? parseJson(request.responseText) : undefined;
      if (stored?.id !== undefined) return resolve(stored);
      const error = refusalOf(request.status, request.responseText);
      // Not whole, another piece is still being taken, or the host is in trouble for a moment.
      if ([204, 409, 423, 500, 502, 503, 504].includes(request.status)) return resolve(null);
      reject(error);
    };
    request.onerror = () => resolve(null);
    request.onabort = () => reject(new TransferError("TWIN_ABORTED", "The upload was cancelled. Nothing was stored."));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.open("PATCH", path);
    for (const [name, value] of Object.entries(TUS)) request.setRequestHeader(name, value);
    request.setRequestHeader("upload-offset", String(offset));
    request.setRequestHeader("content-type", "application/offset+octet-stream");
    request.send(file.slice(offset));
  });
}

/**
 * Where the path of an upload is remembered: by all that can be known of a file without reading it.
 * @param {Blob} file @param {UploadHow} how
 */
function memoryOf(file, { experience, name, type }) {
  const changedAtMs = file instanceof File ? file.lastModified : undefined;
  const key = KEPT_PREFIX + JSON.stringify([experience, name, type, file.size, changedAtMs]);
  // Bytes without a date could be any others of that size.
  const isOurs = changedAtMs !== undefined && !atWork.has(key);
  if (isOurs) atWork.add(key);
  forgetOld();
  /** @type {string | undefined} */
  let current = isOurs ? parseJson(localStorage.getItem(key) ?? "")?.path : undefined;
  return {
    path: () => current,
    /** @param {string} path */
    keep: (path) => {
      current = path;
      if (isOurs) localStorage.setItem(key, JSON.stringify({ path, atMs: Date.now() }));
    },
    forget: () => {
      current = undefined;
      if (isOurs) localStorage.removeItem(key);
    },
    release: () => isOurs && atWork.delete(key),
  };
}

function forgetOld() {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(KEPT_PREFIX)) continue;
    const atMs = parseJson(localStorage.getItem(key) ?? "")?.atMs ?? 0;
    if (Date.now() - atMs > KEPT_MS) localStorage.removeItem(key);
  }
}

/** @param {number} ms @param {AbortSignal} signal */
async function pause(ms, signal) {
  const { promise, resolve } = Promise.withResolvers();
  const end = () => resolve(undefined);
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
}

/** Of its UTF-8. @param {string} text */
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
