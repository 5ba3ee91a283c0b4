// A twin's id: did:key of its Ed25519 public key (W3C did:key, multicodec 0xed01, base58btc).

import { base58 } from "@scure/base";
import { TwinError } from "../base/errors.ts";

/** `did:key:z6Mk...`: for life, independent of the host. */
export type TwinId = `did:key:z6Mk${string}`;

const PREFIX = "did:key:z";
const MULTICODEC_ED25519 = [0xed, 0x01] as const;
const PUBLIC_KEY_SIZE = 32;

/** The id of a 32-byte Ed25519 public key. */
export function twinIdOf(publicKey: Uint8Array): TwinId {
  if (publicKey.length !== PUBLIC_KEY_SIZE)
    throw new RangeError(`An Ed25519 public key has 32 bytes, not ${publicKey.length}.`);
  return `${PREFIX}${base58.encode(Uint8Array.of(...MULTICODEC_ED25519, ...publicKey))}` as TwinId;
}

/** The 32-byte Ed25519 public key of an id. Throws `TWIN_ID_INVALID` for anything but the one canonical form. */
export function publicKeyOf(twin: string): Uint8Array {
  const bytes = twin.startsWith(PREFIX) && twin.length < 80 ? decodeBase58(twin.slice(PREFIX.length)) : undefined;
  if (
    bytes?.length !== PUBLIC_KEY_SIZE + 2 ||
    bytes[0] !== MULTICODEC_ED25519[0] ||
    bytes[1] !== MULTICODEC_ED25519[1]
  ) {
    throw new TwinError("TWIN_ID_INVALID", "This is not a twin id: expected did:key:z6Mk… of an Ed25519 key.");
  }
  return bytes.slice(2);
}

/** Whether `text` is a well-formed twin id. */
export function isTwinId(text: string): text is TwinId {
  try {
    publicKeyOf(text);
    return true;
  } catch {
    return false;
  }
}

function decodeBase58(text: string): Uint8Array | undefined {
  try {
    return base58.decode(text);
  } catch {
    return undefined;
  }
}
