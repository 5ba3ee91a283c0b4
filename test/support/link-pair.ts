// Two ends of an in-memory link of frames, as a socket has them, with hands on both.

import { TwinError } from "../../host/base/errors.ts";
import type { FrameLink } from "../../host/rpc/frame-transport.ts";

/** One end that a test can also drive by hand. */
export interface TestLink extends FrameLink {
  /** Resolves with why this end, or the other one, closed the link. */
  readonly closed: Promise<TwinError>;
}

/** What one end sends the other receives, in order; closing either ends both. */
export function createLinkPair(): [TestLink, TestLink] {
  const closed = Promise.withResolvers<TwinError>();
  const queues = [createQueue(closed.promise), createQueue(closed.promise)] as const;
  const end = (mine: (typeof queues)[number], theirs: (typeof queues)[number]): TestLink => ({
    send: (frame) => theirs.put(frame),
    receive: () => mine.take(),
    close: (reason) => closed.resolve(reason),
    closed: closed.promise,
  });
  return [end(queues[0], queues[1]), end(queues[1], queues[0])];
}

function createQueue(closed: Promise<TwinError>): { put(frame: Uint8Array): void; take(): Promise<Uint8Array> } {
  const frames: Uint8Array[] = [];
  let waiting: PromiseWithResolvers<Uint8Array> | undefined;
  let over: TwinError | undefined;
  const end = (reason: TwinError): void => {
    over = new TwinError("TWIN_PEER_OFFLINE", "The link is closed.", {}, reason);
    waiting?.reject(over);
  };
  void closed.then(end);
  return {
    put: (frame) => {
      if (waiting === undefined) frames.push(frame);
      else waiting.resolve(frame);
      waiting = undefined;
    },
    take: () => {
      const frame = frames.shift();
      if (frame !== undefined) return Promise.resolve(frame);
      if (over !== undefined) return Promise.reject(over);
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
  };
}
