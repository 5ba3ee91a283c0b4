// A proven session with another twin's host over one stream of /twin/rpc/1.

import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { PeerApi } from "../rpc/api.ts";
import { type FrameSession, openFrameSession } from "../rpc/frame-session.ts";
import type { PeerTarget } from "../rpc/peer-target.ts";
import type { Frames } from "./frame-stream.ts";
import type { PeerStream } from "./peer-stream.ts";
import { type ProvenEnds, proveTwins } from "./twin-proof.ts";

/** Name of the libp2p protocol. */
export const RPC_PROTOCOL = "/twin/rpc/1";

/** A live session. Disposing it ends it. */
export interface PeerSession extends Disposable {
  /** Proven. */
  readonly twin: TwinId;
  /** PeerId of its host, proven by Noise. */
  readonly peerId: string;
  /** Multiaddr of the other end; of an inbound connection it cannot be dialled. */
  readonly address: string;
  /** Whether this side opened the connection's session. */
  readonly outbound: boolean;
  readonly remote: FrameSession<PeerApi>["remote"];
  /** Resolves with the reason when it is over. Never rejects. */
  readonly ended: Promise<TwinError>;
}

/** What a session needs of its host. */
export interface SessionParts {
  readonly identity: Identity;
  readonly random: Random;
  readonly log: Log;
  /** This host's PeerId. */
  readonly localPeer: string;
  /** What `twin` may call here. */
  targetFor(twin: TwinId): PeerTarget;
}

/**
 * Proves both twins over a fresh stream and starts the session. On any failure the stream is ended
 * at once, so that an impostor learns nothing but that. Throws `TWIN_PEER_*` or `TWIN_TIMEOUT`.
 */
export async function openPeerSession(stream: PeerStream, parts: SessionParts): Promise<PeerSession> {
  const { frames, peerId } = stream;
  const ends = { protocol: RPC_PROTOCOL, localPeer: parts.localPeer, remotePeer: peerId };
  const proven = await withinDeadline(frames, () => proveTwins(frames, ends, parts.identity, parts.random));
  return startSession(stream, proven, parts);
}

/** Runs an exchange of a few frames; when it fails or lasts longer than a request may, the stream is ended at once. */
export async function withinDeadline<Result>(frames: Frames, exchange: () => Promise<Result>): Promise<Result> {
  const deadline = AbortSignal.timeout(LIMITS.peers.requestTimeoutMs);
  const stop = (): void => frames.abort(new TwinError("TWIN_TIMEOUT", "The other host did not answer in time."));
  deadline.addEventListener("abort", stop, { once: true });
  try {
    return await exchange();
  } catch (thrown) {
    const error = toTwinError(thrown);
    frames.abort(error);
    throw error;
  } finally {
    deadline.removeEventListener("abort", stop);
  }
}

function startSession(stream: PeerStream, proven: ProvenEnds, parts: SessionParts): PeerSession {
  const { frames, peerId, address, outbound } = stream;
  const { twin } = proven.remote;
  frames.limitFrames(LIMITS.peers.frameSizeBytes);
  const session = openFrameSession<PeerApi>({
    link: frames,
    target: parts.targetFor(twin),
    log: parts.log,
    frameSizeBytes: LIMITS.peers.frameSizeBytes,
    callsInFlight: LIMITS.peers.requestsInFlight,
  });
  return {
    twin,
    peerId,
    address,
    outbound,
    remote: session.remote,
    ended: session.ended,
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}
