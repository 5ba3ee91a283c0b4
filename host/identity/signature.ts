// Signatures of twins: Ed25519 (RFC 8032) over a domain and a message, so that what is signed for
// one purpose is never valid for another (docs/formats/keys.md, "Signatures").

import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { isTwinId, publicKeyOf } from "./twin-id.ts";

/** Bytes of a signature. */
export const SIGNATURE_SIZE = 64;

const PREFIX = utf8Encode("twin-signature-v1\0");
const DOMAIN = /^[a-z0-9][a-z0-9./-]{0,62}$/u;

/** What is really signed: prefix, domain, NUL, message. A domain has no NUL, so no two pairs yield the same bytes. */
export function signedBytes(domain: string, message: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!DOMAIN.test(domain)) throw new RangeError(`"${domain}" is not a signature domain: expected ${DOMAIN.source}.`);
  return concatBytes(PREFIX, utf8Encode(`${domain}\0`), message);
}

/** Substrate signs the hash of a longer payload (sp_runtime, `SignedPayload::using_encoded`). */
const TRANSACTION_SIZE = 256;

/** What is really signed of a Substrate chain's transaction payload. Throws `RangeError` for what {@link signedBytes} could have made. */
export function transactionBytes(payload: Uint8Array): Uint8Array {
  const bytes = payload.length > TRANSACTION_SIZE ? blake2b(payload, { dkLen: 32 }) : payload;
  if (PREFIX.every((byte, index) => bytes[index] === byte))
    throw new RangeError("This is no transaction: its signature would be one of another purpose.");
  return bytes;
}

/**
 * Whether `signature` is `twin`'s over `domain` and `message`. Strict (RFC 8032 without the ZIP-215
 * leniencies): non-canonical encodings and keys of small order never verify. False, not an error,
 * for a twin id or signature that is malformed.
 */
export function verifySignature(twin: string, domain: string, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_SIZE || !isTwinId(twin)) return false;
  return ed25519.verify(signature, signedBytes(domain, message), publicKeyOf(twin), { zip215: false });
}
