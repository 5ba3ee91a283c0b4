// Streams of /twin/shards/1: both twins are proven first, then one asks and the other answers.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { Frames } from "./frame-stream.ts";
import { withinDeadline } from "./peer-session.ts";
import type { PeerStream } from "./peer-stream.ts";
import type { ShardHolder } from "./shard-holder.ts";
import { openShardLink, type ShardLink } from "./shard-link.ts";
import { SHARDS_PROTOCOL } from "./shard-wire.ts";
import { proveTwins } from "./twin-proof.ts";

/** What both ends need. */
export interface ShardStreamParts {
  readonly identity: Identity;
  readonly random: Random;
  readonly clock: Clock;
  /** This host's PeerId. */
  readonly localPeer: string;
}

/** A link to the holder `twin` over a stream for it. Throws `TWIN_PEER_*` or `TWIN_TIMEOUT`. */
export async function askForShards(stream: PeerStream, twin: TwinId, parts: ShardStreamParts): Promise<ShardLink> {
  const { frames, other } = await prove(stream, parts);
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
  stream: PeerStream,
  { holder, ...parts }: ShardStreamParts & { readonly holder: ShardHolder },
): Promise<void> {
  const { frames, other } = await prove(stream, parts);
  // Whoever has no room here has nothing long to say.
  if (await holder.knows(other)) {
    frames.limitFrames(LIMITS.vault.storeAnswerSizeBytes);
    stream.vouch();
  }
  await holder.serve(frames, other);
}

async function prove(
  { frames, peerId }: PeerStream,
  { identity, random, localPeer }: ShardStreamParts,
): Promise<{ readonly frames: Frames; readonly other: TwinId }> {
  const ends = { protocol: SHARDS_PROTOCOL, localPeer, remotePeer: peerId };
  const proven = await withinDeadline(frames, () => proveTwins(frames, ends, identity, random));
  return { frames, other: proven.remote.twin };
}
