// The browsers that may act as the owner: one public key each, registered through a one-time link.
// The table is the truth; nothing is kept in memory.

import { createHash } from "node:crypto";

import { base64UrlDecode, base64UrlEncode, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Engine } from "../engine/engine.ts";
import type { Browser } from "../rpc/api.ts";
import type { BrowsersPart } from "../rpc/owner-parts.ts";

const NAMESPACE = "$ownerkeys";
/** "Last used" is for people: one write an hour is enough. */
const USED_GRANULARITY_MS = 60 * 60 * 1_000;
const KEY_ID_SIZE_BYTES = 16;
const KEY_ID_LENGTH = 22;

/** Size of the raw public key by algorithm. */
const PUBLIC_KEY_SIZES = { Ed25519: 32, ES256: 65 } as const;

/** How a browser signs. */
export type KeyAlgorithm = keyof typeof PUBLIC_KEY_SIZES;

/** A key as a browser presents it. */
export interface PresentedKey {
  readonly algorithm: KeyAlgorithm;
  /** Raw: 32 bytes of Ed25519, or 65 of an uncompressed P-256 point. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** What the browser calls itself, shown to the owner. */
  readonly label: string;
}

/** One row of the table, as JSON. */
interface Row {
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: string;
  readonly label: string;
  readonly registeredAtMs: number;
  readonly lastUsedAtMs: number;
}

/** The registered keys. Durable when a promise resolves. */
export interface OwnerKeys extends BrowsersPart {
  /** Returns the key's id. Registering it again only renews its label. Throws `TWIN_LOGIN_REFUSED` for what is no key and `TWIN_LIMIT_EXCEEDED` when there are too many. */
  register(key: PresentedKey): Promise<string>;
  /** Whether `signature` over `message` is by the registered key `id`. */
  verify(id: string, signed: { readonly message: Uint8Array; readonly signature: Uint8Array }): Promise<boolean>;
  /** Tells of each key that was forgotten. Returns a function that ends the listening. */
  onForget(listener: (id: string) => void): () => void;
}

/** The keys in the twin's own table. */
export function createOwnerKeys(parts: {
  readonly engine: Pick<Engine, "readTable" | "writeTable">;
  readonly clock: Clock;
}): OwnerKeys {
  const { engine, clock } = parts;
  const listeners = new Set<(id: string) => void>();
  const read = async (id: string): Promise<Row | undefined> => {
    const start = utf8Encode(id);
    const [entry] = await engine.readTable({ namespace: NAMESPACE, start, end: Uint8Array.of(...start, 0), limit: 1 });
    return entry === undefined ? undefined : (jsonDecode(entry.value) as Row);
  };
  const write = (id: string, row: Row | undefined): Promise<void> =>
    engine.writeTable([
      { namespace: NAMESPACE, key: utf8Encode(id), value: row === undefined ? undefined : jsonEncode(row) },
    ]);
  const list = async (): Promise<Browser[]> => {
    const entries = await engine.readTable({
      namespace: NAMESPACE,
      start: Uint8Array.of(0),
      limit: LIMITS.web.ownerKeyCount,
    });
    return entries.map(({ key, value }) => browserOf(key, jsonDecode(value) as Row));
  };
  return {
    list,
    register: async (key) => {
      if ((await importKey(key.algorithm, key.publicKey)) === undefined) throw notAKey();
      const id = keyIdOf(key);
      const [known, browsers] = await Promise.all([read(id), list()]);
      if (known === undefined && browsers.length >= LIMITS.web.ownerKeyCount) throw tooManyKeys();
      const nowMs = clock.nowMs();
      const { algorithm, label } = key;
      const publicKey = base64UrlEncode(key.publicKey);
      const registeredAtMs = known?.registeredAtMs ?? nowMs;
      await write(id, { algorithm, publicKey, label, registeredAtMs, lastUsedAtMs: nowMs });
      return id;
    },
    verify: async (id, signed) => {
      const row = id.length === KEY_ID_LENGTH ? await read(id) : undefined;
      if (row === undefined || !(await holds(row, signed))) return false;
      const nowMs = clock.nowMs();
      if (nowMs - row.lastUsedAtMs > USED_GRANULARITY_MS) await write(id, { ...row, lastUsedAtMs: nowMs });
      return true;
    },
    forget: async (id) => {
      if ((await read(id)) === undefined)
        throw new TwinError("TWIN_INPUT_INVALID", "No browser of that id is registered; list them again.");
      await write(id, undefined);
      for (const listener of listeners) listener(id);
    },
    onForget: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Whether `value` names an algorithm that a browser may use. */
export function isKeyAlgorithm(value: unknown): value is KeyAlgorithm {
  return typeof value === "string" && Object.hasOwn(PUBLIC_KEY_SIZES, value);
}

function keyIdOf({ algorithm, publicKey }: PresentedKey): string {
  const hash = createHash("sha256").update(`${algorithm}:`).update(publicKey).digest();
  return base64UrlEncode(hash.subarray(0, KEY_ID_SIZE_BYTES));
}

function browserOf(key: Uint8Array, { label, registeredAtMs, lastUsedAtMs }: Row): Browser {
  return { id: new TextDecoder().decode(key), label, registeredAtMs, lastUsedAtMs };
}

async function holds(row: Row, signed: { message: Uint8Array; signature: Uint8Array }): Promise<boolean> {
  const key = await importKey(row.algorithm, base64UrlDecode(row.publicKey));
  if (key === undefined) return false;
  const algorithm = row.algorithm === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", hash: "SHA-256" };
  return await crypto.subtle.verify(algorithm, key, new Uint8Array(signed.signature), new Uint8Array(signed.message));
}

async function importKey(algorithm: KeyAlgorithm, publicKey: Uint8Array<ArrayBuffer>): Promise<CryptoKey | undefined> {
  if (publicKey.length !== PUBLIC_KEY_SIZES[algorithm]) return undefined;
  const parameters = algorithm === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  try {
    return await crypto.subtle.importKey("raw", publicKey, parameters, false, ["verify"]);
  } catch {
    return undefined;
  }
}

function notAKey(): TwinError {
  return new TwinError("TWIN_LOGIN_REFUSED", "The browser's public key is not a point of its curve.");
}

function tooManyKeys(): TwinError {
  return new TwinError(
    "TWIN_LIMIT_EXCEEDED",
    `This twin knows ${LIMITS.web.ownerKeyCount} browsers, which is the limit: forget one of them in a browser that is logged in, then ask for a fresh link.`,
    { countMax: LIMITS.web.ownerKeyCount },
  );
}
