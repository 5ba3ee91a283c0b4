// Bytes between the browser and the vault, streamed by the browser itself, never through this page's memory
// (docs/formats/web.md, section 8).

import { uploadInPieces } from "./resumable-upload.js";
import { getOwner } from "./session.js";
import { parseJson, refusalOf, TransferError } from "./transfer-error.js";

/** Largest object that is handed to a frame as a Blob; larger ones are downloaded. */
const BLOB_SIZE_BYTES_MAX = 64 * 1024 * 1024;
/** From here on an upload that breaks is worth going on with. */
const PIECES_SIZE_BYTES_MIN = 8 * 1024 * 1024;

/**
 * Stores a file in the vault. Resolves when the host says that it is durable.
 * @param {Blob} file
 * @param {import("./resumable-upload.js").UploadHow} how
 * @returns {Promise<import("../../vault/object.ts").ObjectInfo>}
 */
export async function uploadObject(file, how) {
  if (file.size >= PIECES_SIZE_BYTES_MIN) return await uploadInPieces(file, how);
  const { name, type, signal, onProgress } = how;
  const ticket = await getOwner().uploadTicket();
  signal.throwIfAborted();
  // XMLHttpRequest, because fetch tells nothing of an upload's progress.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.upload.onprogress = (event) => onProgress(event.loaded, event.lengthComputable ? event.total : file.size);
    request.onload = () => {
      if (request.status === 201) resolve(parseJson(request.responseText));
      else reject(refusalOf(request.status, request.responseText));
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
  if (!response.ok) throw refusalOf(response.status, await response.text());
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
