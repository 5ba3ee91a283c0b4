// Port: who is who. A twin record is self-certifying, so it may come from anywhere.

import type { TwinId } from "../identity/twin-id.ts";

/** Where one of a twin's hosts can be reached. */
export interface HostAddress {
  /** libp2p PeerId as text. */
  readonly peerId: string;
  /** libp2p multiaddrs as text, without the `/p2p/` part. */
  readonly multiaddrs: readonly string[];
}

/** The signed content of the phonebook (network page, "Twin record"). */
export interface TwinRecord {
  readonly twin: TwinId;
  /** Grows by at least one with every new record; the highest valid one wins. */
  readonly sequence: number;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** X25519 public key, 32 bytes. */
  readonly agreementKey: Uint8Array;
  readonly hosts: readonly HostAddress[];
  readonly name?: string | undefined;
}

/** A record's exact signed bytes, as they travel and are kept. */
export type SignedTwinRecord = Uint8Array;

/** Finds twins. */
export interface Phonebook {
  /** The newest valid record known here, or undefined. An expired record is still a hint and is returned. */
  resolve(twin: TwinId, options?: { readonly signal?: AbortSignal | undefined }): Promise<TwinRecord | undefined>;
  /** Makes a record known. Throws `TWIN_RECORD_INVALID` when its signature or shape does not hold; an older one than known is ignored. */
  publish(record: SignedTwinRecord): Promise<void>;
}
