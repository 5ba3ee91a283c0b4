// Calls and their answers as they cross between threads: many in one run of bytes. An object and a
// buffer per call would cost several times the call itself.

import { jsonDecode, jsonEncode } from "../base/bytes.ts";
import type { CallAnswer, CallRequest, Receipt } from "./engine.ts";
import { packReceipts, type ReceiptPage, unpackReceipts } from "./receipt-page.ts";
import { laneOf, type WorkerRequest } from "./worker-messages.ts";

/**
 * Many calls, or many answers: `u32` size of a JSON text, the text in UTF-8, then their payloads, one
 * behind the other. All of its buffer, which moves with the message.
 */
export type Packed = Uint8Array<ArrayBuffer>;

const SIZE_SIZE = 4;

type CallMessage = WorkerRequest<"call">;

/** A call without its payload's bytes. */
interface CallHead extends Pick<CallMessage, "id" | "slot" | "sentAtMs"> {
  readonly args: Omit<CallRequest, "payload">;
  readonly sizeBytes: number;
}

/** Packs requests of calls; their payloads stay the caller's. */
export function packCalls(calls: readonly CallMessage[]): Packed {
  const heads = calls.map(({ id, slot, sentAtMs, args: { payload, ...args } }): CallHead => {
    return { id, slot, sentAtMs, args, sizeBytes: payload.length };
  });
  return pack(
    heads,
    calls.map(({ args }) => args.payload),
  );
}

/** The requests; each payload is a part of the bytes that came. */
export function unpackCalls(packed: Packed): CallMessage[] {
  const { head, payloads } = unpack(packed);
  let offset = 0;
  return (head as CallHead[]).map(({ id, slot, sentAtMs, sizeBytes, args: rest }) => {
    const args = { ...rest, payload: payloads.subarray(offset, (offset += sizeBytes)) };
    return { id, slot, ...laneOf({ slot, name: "call", args }), name: "call", args, sentAtMs };
  });
}

/** The answer to the call of that id. */
export interface IdentifiedAnswer {
  readonly id: number;
  readonly answer: CallAnswer;
}

/** A receipt of a twin. */
export interface PlacedReceipt {
  readonly slot: number;
  readonly receipt: Receipt;
}

/** Answers, and receipts that are news: mostly the same ones. */
export interface AnswersAndReceipts {
  readonly answers: readonly IdentifiedAnswer[];
  readonly receipts: readonly PlacedReceipt[];
}

interface AnswersHead {
  readonly page: ReceiptPage;
  /** Id, payload size, position of the receipt in the page. */
  readonly answers: readonly (readonly [number, number, number])[];
  /** Slot of the twin, position of the receipt that is news. */
  readonly news: readonly (readonly [number, number])[];
}

/** Packs answers and news. */
export function packAnswers({ answers, receipts }: AnswersAndReceipts): Packed {
  const positions = new Map<Receipt, number>();
  const positionOf = (receipt: Receipt): number => positions.getOrInsertComputed(receipt, () => positions.size);
  const rows = answers.map(({ id, answer }): [number, number, number] => {
    return [id, answer.payload.length, positionOf(answer.receipt)];
  });
  const news = receipts.map(({ slot, receipt }): [number, number] => [slot, positionOf(receipt)]);
  const head: AnswersHead = { page: packReceipts([...positions.keys()]), answers: rows, news };
  return pack(
    head,
    answers.map(({ answer }) => answer.payload),
  );
}

/** The answers and news; each payload is a part of the bytes that came. */
export function unpackAnswers(packed: Packed): AnswersAndReceipts {
  const { head: unknownHead, payloads } = unpack(packed);
  const head = unknownHead as AnswersHead;
  const receipts = unpackReceipts(head.page);
  let offset = 0;
  const answers = head.answers.map(([id, sizeBytes, position]) => {
    const payload = payloads.subarray(offset, (offset += sizeBytes));
    return { id, answer: { payload, receipt: receipts[position]! } };
  });
  return { answers, receipts: head.news.map(([slot, position]) => ({ slot, receipt: receipts[position]! })) };
}

function pack(head: unknown, payloads: readonly Uint8Array[]): Packed {
  const text = jsonEncode(head);
  const packed = new Uint8Array(payloads.reduce((size, { length }) => size + length, SIZE_SIZE + text.length));
  new DataView(packed.buffer).setUint32(0, text.length);
  packed.set(text, SIZE_SIZE);
  let offset = SIZE_SIZE + text.length;
  for (const payload of payloads) {
    packed.set(payload, offset);
    offset += payload.length;
  }
  return packed;
}

function unpack(packed: Packed): { readonly head: unknown; readonly payloads: Packed } {
  const end = SIZE_SIZE + new DataView(packed.buffer, packed.byteOffset).getUint32(0);
  return { head: jsonDecode(packed.subarray(SIZE_SIZE, end)), payloads: packed.subarray(end) };
}
