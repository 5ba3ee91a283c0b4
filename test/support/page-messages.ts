// The messages of an outbox page, one by one.

import type { OutboxPage } from "../../host/engine/engine.ts";
import { type BatchedMessage, unpackBatch } from "../../host/rpc/message-batch.ts";

/** As their receiver unpacks them; none of no page. */
export function messagesOf(page: OutboxPage | undefined): BatchedMessage[] {
  return page === undefined ? [] : unpackBatch(page);
}
