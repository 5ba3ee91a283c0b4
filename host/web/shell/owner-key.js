// This browser's key: made here, kept in IndexedDB, never exportable. It replaces cookies: each socket's
// challenge is signed with it (docs/formats/web.md, sections 3 and 4).

/**
 * @typedef {object} OwnerKey
 * @property {"Ed25519" | "ES256"} algorithm
 * @property {CryptoKeyPair} pair
 * @property {string} [id] set once the host has registered the key
 */

const DATABASE = "twin";
const STORE = "keys";
const RECORD = "owner";

/** The key of this browser, if it has been registered. @returns {Promise<OwnerKey & { id: string } | undefined>} */
export async function loadOwnerKey() {
  const record = await inStore("readonly", (store) => store.get(RECORD));
  return record?.id ? record : undefined;
}

/** Keeps a registered key. @param {OwnerKey & { id: string }} key */
export const saveOwnerKey = (key) => inStore("readwrite", (store) => store.put(key, RECORD));

/** Forgets the key, when the host no longer knows it. */
export const forgetOwnerKey = () => inStore("readwrite", (store) => store.delete(RECORD));

/** A fresh key, Ed25519 where the browser has it. @returns {Promise<OwnerKey>} */
export async function makeOwnerKey() {
  try {
    const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    return { algorithm: "Ed25519", pair };
  } catch {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    return { algorithm: "ES256", pair };
  }
}

/** The public half, URL-safe base64. @param {OwnerKey} key */
export async function publicKeyText(key) {
  return toBase64Url(await crypto.subtle.exportKey("raw", key.pair.publicKey));
}

/**
 * The answer to a socket's challenge; it is bound to this origin and to the socket's path.
 * @param {OwnerKey & { id: string }} key @param {string} path @param {string} nonce
 */
export async function signChallenge(key, path, nonce) {
  const text = ["twin-web/1", location.origin, path, key.id, nonce].join("\n");
  const how = key.algorithm === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", hash: "SHA-256" };
  return toBase64Url(await crypto.subtle.sign(how, key.pair.privateKey, new TextEncoder().encode(text)));
}

/** @param {ArrayBuffer} buffer */
function toBase64Url(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function inStore(mode, act) {
  const database = await openDatabase();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
