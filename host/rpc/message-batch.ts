// Messages as they travel between hosts, many in one frame, and what is said of them
// (docs/formats/peer-protocol.md, "Messages"). Both come from another host: they may be anything.

import { type ErrorWire, errorFromWire, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Delivery, OutboxPage, Settlement } from "../engine/engine.ts";
import type { BatchAnswer } from "./api.ts";
import { checkBytes, checkInteger, checkRecord, checkText, checkTrace, invalid } from "./arguments.ts";

/** One message of a batch, checked. */
export interface BatchedMessage {
  readonly sequence: number;
  readonly capability: string;
  readonly method: string;
  /** Bytes of its own. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly trace: string | undefined;
}

const NAME_LENGTH_MAX = 64;
const REFUSAL_MESSAGE_LENGTH = 500;

/** The messages of a batch as it came. Throws `TWIN_INPUT_INVALID`. */
export function unpackBatch(batch: unknown): BatchedMessage[] {
  const { firstSequence, heads, payloads } = checkRecord(batch, "batch");
  const first = checkInteger(firstSequence, "batch.firstSequence", { min: 1, max: Number.MAX_SAFE_INTEGER });
  const rows = parseHeads(checkText(heads, "batch.heads", { max: LIMITS.peers.batchHeadsLength }));
  const bytes = checkBytes(payloads, "batch.payloads", LIMITS.peers.frameSizeBytes);
  let offset = 0;
  const messages = rows.map((row, index) => {
    const { capability, method, sizeBytes, trace } = checkRecord(row, "batch.heads[]");
    const size = checkInteger(sizeBytes, "batch.heads[].sizeBytes", { min: 0, max: LIMITS.engine.payloadSizeBytes });
    return {
      sequence: first + index,
      capability: checkText(capability, "batch.heads[].capability", { max: NAME_LENGTH_MAX }),
      method: checkText(method, "batch.heads[].method", { max: NAME_LENGTH_MAX }),
      // A copy: what capnweb gives may be a piece of a shared pool.
      payload: new Uint8Array(bytes.subarray(offset, (offset += size))),
      trace: checkTrace(trace, "batch.heads[].trace"),
    };
  });
  if (offset !== bytes.length) throw invalid("batch.payloads", `${offset} bytes, as the heads say`, bytes);
  return messages;
}

function parseHeads(text: string): readonly unknown[] {
  let heads: unknown;
  try {
    heads = JSON.parse(text);
  } catch {
    heads = undefined;
  }
  const { batchMessageCount } = LIMITS.peers;
  if (Array.isArray(heads) && heads.length > 0 && heads.length <= batchMessageCount) return heads;
  throw invalid("batch.heads", `a JSON list of 1 to ${batchMessageCount} messages`, text);
}

/** What to answer, from the outcomes of the messages in their order. */
export function answerBatch(outcomes: readonly (Delivery | TwinError)[]): BatchAnswer {
  const refused: { index: number; error: ErrorWire }[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome instanceof TwinError) return { settledCount: index, refused, stopped: { error: outcome.toWire() } };
    if (outcome.status === "gap") return { settledCount: index, refused, stopped: { expected: outcome.expected } };
    if (outcome.status === "refused") refused.push({ index, error: outcome.error });
  }
  return { settledCount: outcomes.length, refused };
}

/** What a checked answer means for the sender. */
export interface CheckedAnswer {
  /** Absent when no message is settled. */
  readonly settlement: Settlement | undefined;
  /** Absent when all are. */
  readonly stopped: { readonly expected: number } | { readonly error: TwinError } | undefined;
}

/** Checks the answer to `sent`. Throws `TWIN_PEER_PROTOCOL` for what is none. */
export function checkAnswer(value: unknown, sent: Pick<OutboxPage, "firstSequence" | "count">): CheckedAnswer {
  try {
    const { settledCount, refused, stopped } = checkRecord(value, "answer");
    const count = checkInteger(settledCount, "settledCount", { min: 0, max: sent.count });
    if (!Array.isArray(refused) || refused.length > count)
      throw invalid("refused", `at most ${count} entries`, refused);
    const settlement = {
      throughSequence: sent.firstSequence + count - 1,
      refused: refused.map((entry) => {
        const { index, error } = checkRecord(entry, "refused[]");
        const position = checkInteger(index, "refused[].index", { min: 0, max: count - 1 });
        const wire = errorFromWire(error).toWire();
        const message = wire.message.slice(0, REFUSAL_MESSAGE_LENGTH);
        return { sequence: sent.firstSequence + position, error: { ...wire, message } };
      }),
    };
    const whole = count === sent.count;
    return { settlement: count === 0 ? undefined : settlement, stopped: whole ? undefined : checkStop(stopped) };
  } catch (cause) {
    const message = "The other host answered messages with something that is no answer.";
    throw new TwinError("TWIN_PEER_PROTOCOL", message, {}, cause);
  }
}

function checkStop(value: unknown): { readonly expected: number } | { readonly error: TwinError } {
  const { expected, error } = checkRecord(value, "stopped");
  if (error !== undefined) return { error: errorFromWire(error) };
  return { expected: checkInteger(expected, "stopped.expected", { min: 1, max: Number.MAX_SAFE_INTEGER }) };
}
