// Bytes between the browser and the vault, streamed by the browser itself, never through this page's memory
// (docs/formats/web.md, section 8).

import { getOwner } from "./session.js";

/** Largest object that is handed to a frame as a Blob; larger ones are downloaded. */
const BLOB_SIZE_BYTES_MAX = 64 * 1024 * 1024;

/** A refusal with a code, as the host words them. */
export class TransferError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "TransferError";
    this.code = code;
  }
}

/**
 * Stores a file in the vault. Resolves when the host says that it is durable.
 * @param {Blob} file
 * @param {{ name: string, type: string, signal: AbortSignal, onProgress: (done: number, total: number) => void }} how
 * @returns {Promise<import("../../vault/object.ts").ObjectInfo>}
 */
export async function uploadObject(file, { name, type, signal, onProgress }) {
  const ticket = await getOwner().uploadTicket();
  signal.throwIfAborted();
  // XMLHttpRequest, because fetch tells nothing of an upload's progress.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.onprogress = (event) => onProgress(event.loaded, event.lengthComputable ? event.total : file.size);
    request.onload = () => {
      const answer = parseJson(request.responseText);
      if (request.status === 201) resolve(answer);
      else
        reject(
          new TransferError(
            answer?.code ?? "TWIN_HOST_INTERNAL",
            answer?.message ?? `The host answered ${request.status}.`,
          ),
        );
    };
    request.onerror = () =>
      reject(
        new TransferError("TWIN_ABORTED", "The connection broke during the upload. Nothing was stored; try again."),
      );
    request.onabort = () => reject(new TransferError("TWIN_ABORTED", "The upload was cancelled. Nothing was stored."));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.open("PUT", `/objects?${new URLSearchParams({ name, type })}`);
    request.setRequestHeader("authorization", `Bearer ${ticket}`);
    request.send(file);
  });
}

/**
 * Fetches a small object as a Blob.
 * @param {string} object @param {string} type @param {AbortSignal} signal
 */
export async function fetchObject(object, type, signal) {
  const response = await fetch(await getOwner().downloadPath(object, "object", type), { signal });
  if (!response.ok) {
    const answer = parseJson(await response.text());
    throw new TransferError(
      answer?.code ?? "TWIN_HOST_INTERNAL",
      answer?.message ?? `The host answered ${response.status}.`,
    );
  }
  if (Number(response.headers.get("content-length")) > BLOB_SIZE_BYTES_MAX) {
    await response.body?.cancel();
    throw new TransferError("TWIN_LIMIT_EXCEEDED", "The object is larger than 64 MiB. Download it instead.");
  }
  const blob = await response.blob();
  return new Blob([blob], { type });
}

/** Offers an object to the person as a file. @param {string} object @param {string} name @param {string} type */
export async function downloadObject(object, name, type) {
  const anchor = document.createElement("a");
  anchor.href = await getOwner().downloadPath(object, name, type);
  anchor.download = name;
  anchor.click();
}

/** @param {string} text @returns {any} */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
