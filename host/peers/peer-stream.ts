// A stream to a certain twin: one connection carries all twins of two hosts, so the first frame of each
// stream says whom it is for (docs/formats/peer-protocol.md, "Frames").

import { equalBytes, hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Frames } from "./frame-stream.ts";
import { TWIN_HASH_SIZE } from "./invite-code.ts";

/** A stream of which both ends know for which twin it is. Nothing is proven yet. */
export interface PeerStream {
  readonly frames: Frames;
  /** PeerId of the other host, proven by Noise; our own for twins of one host. */
  readonly peerId: string;
  /** Multiaddr of the other end; of an inbound connection it cannot be dialled. */
  readonly address: string;
  /** Whether this side opened it. */
  readonly outbound: boolean;
  /** Says that its twin knows who is behind it: it is not one of the few that strangers get any more. */
  readonly vouch: () => void;
}

/** What a host answers in place of a proof when the twin does not live there. */
const ABSENT = Uint8Array.of(0);

/** Says whom the stream is for: the first frame of who opened it. */
export async function sendWanted(frames: Frames, twinHash: Uint8Array): Promise<void> {
  await frames.send(twinHash);
}

/** Whom the other side wants, in hex. Throws `TWIN_PEER_PROTOCOL`. */
export async function receiveWanted(frames: Frames): Promise<string> {
  const frame = await frames.receive();
  if (frame.length === TWIN_HASH_SIZE) return hexEncode(frame);
  throw new TwinError("TWIN_PEER_PROTOCOL", "The other host does not say which twin it wants.");
}

/** Tells the other side that the twin does not live here, and ends the stream. */
export async function sendAbsent(frames: Frames): Promise<void> {
  await frames.send(ABSENT);
  frames.close(new TwinError("TWIN_PEER_UNKNOWN", "The other host wants a twin that does not live here."));
}

/** Whether a frame that should be a greeting says that nobody is there. */
export function isAbsent(frame: Uint8Array): boolean {
  return equalBytes(frame, ABSENT);
}
