// Messages as they leave the worker: packed for the wire there, as an object and a buffer for each would
// cost both threads more than the message.

import { concatBytes } from "../base/bytes.ts";
import type { OutboxPage, OutgoingMessage } from "./engine.ts";

/** The page of messages, at least one, whose sequences follow each other. */
export function packPage(messages: readonly OutgoingMessage[]): OutboxPage {
  const heads = messages.map(({ capability, method, payload, trace }) => {
    return { capability, method, sizeBytes: payload.length, trace };
  });
  return {
    firstSequence: messages[0]!.sequence,
    count: messages.length,
    heads: JSON.stringify(heads),
    payloads: concatBytes(...messages.map(({ payload }) => payload)),
  };
}
