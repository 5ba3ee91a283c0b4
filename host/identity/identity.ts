// What a twin is to the rest of the host: an id, a signing hand, and the keys of its rooms.

import type { TwinId } from "./twin-id.ts";

/** The twin's keys, derived from its phrase by one table of BLAKE3 contexts (docs/formats/keys.md). */
export interface Identity {
  readonly id: TwinId;
  /** Ed25519 signature, 64 bytes, over `domain` (an ASCII label of ours that names what is signed) and `message`; one domain's signature is never valid in another. */
  sign(domain: string, message: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * Ed25519 signature, 64 bytes, over a transaction of a Substrate chain, as that fixes what is signed: `payload`
   * itself, or its BLAKE2b-256 when it has more than 256 bytes. Throws `RangeError` for what would be a signature
   * of one of our domains.
   */
  signTransaction(payload: Uint8Array): Uint8Array<ArrayBuffer>;
  /** X25519 public key, 32 bytes. */
  readonly agreementKey: Uint8Array;
  /** 32 bytes each. Secret: only the room of that name may hold them. */
  readonly keys: {
    readonly vault: Uint8Array;
    readonly vaultIndex: Uint8Array;
    readonly state: Uint8Array;
    readonly locator: Uint8Array;
  };
}
