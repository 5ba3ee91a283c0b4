// Streams of /twin/shards/1: both twins are proven first, then one asks and the other answers.

import type { Connection, Stream } from "@libp2p/interface";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { openStream } from "./dialer.ts";
import { FrameStream } from "./frame-stream.ts";
import { withinDeadline } from "./peer-session.ts";
import type { ShardHolder } from "./shard-holder.ts";
import { openShardLink, type ShardLink } from "./shard-link.ts";
import { SHARDS_PROTOCOL } from "./shard-wire.ts";
import { PROOF_FRAME_SIZE_BYTES, proveTwins } from "./twin-proof.ts";

/** What both ends need. */
export interface ShardStreamParts {
  readonly identity: Identity;
  readonly random: Random;
  readonly clock: Clock;
  /** This host's PeerId. */
  readonly localPeer: string;
}

/** A link to the holder `twin` over a connection to its host. Throws `TWIN_PEER_*` or `TWIN_TIMEOUT`. */
export async function askForShards(connection: Connection, twin: TwinId, parts: ShardStreamParts): Promise<ShardLink> {
  const stream = await openStream(connection, SHARDS_PROTOCOL);
  const { frames, other } = await prove(stream, connection, parts);
  if (other !== twin) {
    const error = new TwinError("TWIN_PEER_IMPOSTOR", "Another twin answers at the address of this contact.");
    frames.abort(error);
    throw error;
  }
  frames.limitFrames(LIMITS.vault.storeAnswerSizeBytes);
  return openShardLink(frames, parts.clock);
}

/** Answers a stream that the other host has opened, until it ends. Throws when the proof fails. */
export async function answerForShards(
  stream: Stream,
  connection: Connection,
  { holder, ...parts }: ShardStreamParts & { readonly holder: ShardHolder },
): Promise<void> {
  const { frames, other } = await prove(stream, connection, parts);
  // Whoever has no room here has nothing long to say.
  if (await holder.knows(other)) frames.limitFrames(LIMITS.vault.storeAnswerSizeBytes);
  await holder.serve(frames, other);
}

async function prove(
  stream: Stream,
  connection: Connection,
  { identity, random, localPeer }: ShardStreamParts,
): Promise<{ readonly frames: FrameStream; readonly other: TwinId }> {
  const frames = new FrameStream(stream, PROOF_FRAME_SIZE_BYTES);
  const ends = { protocol: SHARDS_PROTOCOL, localPeer, remotePeer: connection.remotePeer.toString() };
  const proven = await withinDeadline(frames, () => proveTwins(frames, ends, identity, random));
  return { frames, other: proven.remote.twin };
}
