// The asking end of /twin/shards/1: requests go out as they come, answers come back in their order.

import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { FrameLink } from "../rpc/frame-transport.ts";
import { decodeAnswer, encodeRequest, type ShardAnswer, type ShardRequest } from "./shard-wire.ts";

/** A link to a holder of shards. */
export interface ShardLink {
  readonly isOpen: boolean;
  /** Throws `TWIN_STORE_FAILED` when the link ends before the answer, or too many requests wait. */
  ask(request: ShardRequest): Promise<ShardAnswer>;
  close(): void;
}

/** Asks over `frames`. A holder that does not answer within a write's time ends the link. */
export function openShardLink(frames: FrameLink, clock: Clock): ShardLink {
  const waiting: PromiseWithResolvers<ShardAnswer>[] = [];
  let over: TwinError | undefined;

  function end(reason: unknown): void {
    if (over !== undefined) return;
    over = new TwinError("TWIN_STORE_FAILED", "The twin that holds these shards is away.", {}, toTwinError(reason));
    for (const answer of waiting.splice(0)) answer.reject(over);
    frames.close(over);
  }

  async function receiveAll(): Promise<never> {
    for (;;) {
      const frame = await frames.receive();
      // One that cannot be read ends the link with its asker still in the row.
      const answer = decodeAnswer(frame);
      const next = waiting.shift();
      if (next === undefined) throw new TwinError("TWIN_PEER_PROTOCOL", "An answer came that nobody asked for.");
      next.resolve(answer);
    }
  }
  receiveAll().catch(end);

  return {
    get isOpen() {
      return over === undefined;
    },
    async ask(request) {
      const frame = encodeRequest(request);
      if (over !== undefined) throw over;
      if (waiting.length >= LIMITS.peers.shardRequestsInFlight) {
        throw new TwinError("TWIN_STORE_FAILED", "Too many requests wait for the twin that holds these shards.");
      }
      const answer = Promise.withResolvers<ShardAnswer>();
      waiting.push(answer);
      const answered = new AbortController();
      clock
        .sleep(LIMITS.vault.storeWriteTimeoutMs, { signal: answered.signal })
        .then(() => end(new TwinError("TWIN_TIMEOUT", "The holder of shards did not answer in time.")))
        .catch(() => {});
      try {
        // Not waited for: the answer comes when it was sent, and `end` tells when it was not.
        Promise.resolve(frames.send(frame)).catch(end);
        return await answer.promise;
      } finally {
        answered.abort();
      }
    },
    close: () => end(new TwinError("TWIN_ABORTED", "This host ended the link.")),
  };
}
