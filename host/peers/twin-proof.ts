// Who is on the other end: each side signs, as its twin, a statement over this very connection.
// Nobody can speak for a twin without its key, nor carry a proof to another connection
// (docs/formats/peer-protocol.md, "Proof").

import { concatBytes, equalBytes, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE, verifySignature } from "../identity/signature.ts";
import { publicKeyOf, type TwinId, twinIdOf } from "../identity/twin-id.ts";
import type { Frames } from "./frame-stream.ts";
import { isAbsent } from "./peer-stream.ts";

const VERSION = 1;
const DOMAIN = "peer-proof/1";
const KEY_SIZE = 32;
const NONCE_SIZE = 32;
const HELLO_SIZE = 1 + KEY_SIZE + NONCE_SIZE;

/** Largest frame of the proof exchange. */
export const PROOF_FRAME_SIZE_BYTES = HELLO_SIZE;

/** The two ends of a connection: PeerIds as text, which Noise has proven. */
export interface Ends {
  readonly protocol: string;
  readonly localPeer: string;
  readonly remotePeer: string;
}

/** One end's public contribution to a proof. */
export interface Party {
  readonly peerId: string;
  readonly twin: TwinId;
  /** 32 bytes, fresh for every connection. */
  readonly nonce: Uint8Array;
}

/** What both sides agree on when the proof stands. */
export interface ProvenEnds {
  readonly local: Party;
  readonly remote: Party;
}

/**
 * Proves this twin to the other end and learns which twin that is. Throws `TWIN_PEER_IMPOSTOR` when
 * its signature does not hold for this connection or it claims to be this twin, `TWIN_PEER_UNKNOWN`
 * when it does not have the twin that the stream is for, and `TWIN_PEER_PROTOCOL` when it speaks
 * something else; the caller then closes the stream.
 */
export async function proveTwins(
  frames: Pick<Frames, "send" | "receive">,
  ends: Ends,
  identity: Identity,
  random: Random,
): Promise<ProvenEnds> {
  const local: Party = { peerId: ends.localPeer, twin: identity.id, nonce: random.bytes(NONCE_SIZE) };
  await frames.send(concatBytes(Uint8Array.of(VERSION), publicKeyOf(identity.id), local.nonce));
  const hello = await frames.receive();
  if (isAbsent(hello))
    throw new TwinError("TWIN_PEER_UNKNOWN", "The host at the address of this contact does not have its twin.");
  if (hello.length !== HELLO_SIZE || hello[0] !== VERSION)
    throw new TwinError("TWIN_PEER_PROTOCOL", `The other host does not speak version ${VERSION} of the proof.`);
  const remote: Party = {
    peerId: ends.remotePeer,
    twin: twinIdOf(hello.subarray(1, 1 + KEY_SIZE)),
    nonce: hello.slice(1 + KEY_SIZE),
  };
  if (remote.twin === local.twin || equalBytes(remote.nonce, local.nonce))
    throw new TwinError("TWIN_PEER_IMPOSTOR", "The other host claims to be this very twin.");
  await frames.send(identity.sign(DOMAIN, statement(ends.protocol, local, remote)));
  const signature = await frames.receive();
  if (
    signature.length !== SIGNATURE_SIZE ||
    !verifySignature(remote.twin, DOMAIN, statement(ends.protocol, remote, local), signature)
  )
    throw new TwinError("TWIN_PEER_IMPOSTOR", "The other host cannot prove to be the twin that it claims to be.", {
      twin: remote.twin,
    });
  return { local, remote };
}

/** The bytes that bind two parties to each other, the signer first; each part behind its length (u16 big-endian). */
export function statement(protocol: string, signer: Party, other: Party): Uint8Array<ArrayBuffer> {
  return concatBytes(
    ...[
      utf8Encode(protocol),
      utf8Encode(signer.peerId),
      utf8Encode(other.peerId),
      publicKeyOf(signer.twin),
      publicKeyOf(other.twin),
      signer.nonce,
      other.nonce,
    ].flatMap((part) => [Uint8Array.of(part.length >> 8, part.length & 0xff), part]),
  );
}
