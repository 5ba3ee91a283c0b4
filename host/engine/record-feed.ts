// From the engine's worker to who copies the twin: durable records of its state, many in one message.

import type { FromWorker, StateRecord } from "./worker-messages.ts";

/** Takes records in order. */
export type RecordFeed = (sequence: number, writes: Uint8Array) => void;

/** The feed of the twin in that slot; it posts what came in one turn of the event loop together. */
export function createRecordFeed(slot: number, post: (message: FromWorker) => void): RecordFeed {
  let records: StateRecord[] = [];
  return (sequence, writes) => {
    records.push({ sequence, writes });
    if (records.length > 1) return;
    setImmediate(() => {
      const message: FromWorker = { kind: "records", slot, records };
      records = [];
      post(message);
    });
  };
}
