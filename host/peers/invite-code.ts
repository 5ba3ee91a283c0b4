// The code of an invite: a one-time secret and where to bring it (docs/formats/invite.md).

import { createHash, createHmac } from "node:crypto";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { decodeTypedCode, encodeTypedCode } from "../identity/typed-code.ts";

const PREFIX = "twin";
const VERSION = 1;
/** Bytes of the one-time secret: nobody guesses 128 bits, so an invite needs no bound on attempts. */
export const INVITE_SECRET_SIZE = 16;
/** Size of a {@link twinHash}. */
export const TWIN_HASH_SIZE = 8;
const ID_SIZE = 8;
/** Every address makes the code longer, and people type codes. */
const ADDRESS_COUNT_MAX = 3;

/** What a code says. */
export interface InviteContent {
  /** 16 bytes. */
  readonly secret: Uint8Array;
  /** First 8 bytes of a hash of the inviting twin's id: tells whom to expect, without the length of an id. */
  readonly twinHash: Uint8Array;
  readonly addresses: readonly Multiaddr[];
}

/** The code for `secret` of `twin`, which listens on `addresses`; the ones most likely to be reachable from elsewhere go in. */
export function encodeInvite(secret: Uint8Array, twin: TwinId, addresses: readonly Multiaddr[]): string {
  const chosen = addresses.toSorted((left, right) => Number(isLoopback(left)) - Number(isLoopback(right)));
  const parts = chosen.slice(0, ADDRESS_COUNT_MAX).map(({ bytes }) => concatBytes(Uint8Array.of(bytes.length), bytes));
  return encodeTypedCode(PREFIX, concatBytes(Uint8Array.of(VERSION), secret, twinHash(twin), ...parts));
}

/** The content of a code as typed. Throws `TWIN_INVITE_INVALID` when a slip of typing or a part that is missing is found. */
export function decodeInvite(code: string): InviteContent {
  const payload = decodeTypedCode(PREFIX, code);
  if (payload === undefined)
    throw new TwinError(
      "TWIN_INVITE_INVALID",
      "This is not a whole invite; check it for missing or mistyped characters.",
    );
  if (payload[0] !== VERSION)
    throw new TwinError("TWIN_INVITE_INVALID", "This invite is of a newer kind; update this host to accept it.");
  const addressesAt = 1 + INVITE_SECRET_SIZE + TWIN_HASH_SIZE;
  return {
    secret: payload.slice(1, 1 + INVITE_SECRET_SIZE),
    twinHash: payload.slice(1 + INVITE_SECRET_SIZE, addressesAt),
    addresses: decodeAddresses(payload.subarray(addressesAt)),
  };
}

/** First 8 bytes of SHA-256 over a label and the twin's id. */
export function twinHash(twin: TwinId): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    createHash("sha256").update("twin-invite-twin/1\0").update(twin).digest().subarray(0, TWIN_HASH_SIZE),
  );
}

/** Names an invite without telling its secret: 8 bytes. */
export function inviteId(secret: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", secret).update("twin-invite-id/1").digest().subarray(0, ID_SIZE));
}

/** Proof of knowing `secret`, by the side of that name, over what binds it to one connection: 32 bytes. */
export function inviteProof(
  secret: Uint8Array,
  side: "acceptor" | "inviter",
  binding: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    createHmac("sha256", secret)
      .update(concatBytes(utf8Encode(`twin-invite-${side}/1\0`), binding))
      .digest(),
  );
}

function decodeAddresses(bytes: Uint8Array): Multiaddr[] {
  const addresses: Multiaddr[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = offset + 1 + bytes[offset]!;
    try {
      if (end > bytes.length || addresses.length === ADDRESS_COUNT_MAX)
        throw new RangeError("Addresses overrun the code.");
      addresses.push(multiaddr(bytes.slice(offset + 1, end)));
    } catch (cause) {
      throw new TwinError("TWIN_INVITE_INVALID", "This invite holds an address that cannot be read.", {}, cause);
    }
    offset = end;
  }
  if (addresses.length === 0)
    throw new TwinError(
      "TWIN_INVITE_INVALID",
      "This invite names no address: its twin was not reachable when it was made.",
    );
  return addresses;
}

function isLoopback(address: Multiaddr): boolean {
  return /^\/(?:ip4\/127\.|ip6\/::1\/)/u.test(address.toString());
}
