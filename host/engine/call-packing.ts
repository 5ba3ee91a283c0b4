// Calls and their answers as they cross between threads: many in one run of bytes. An object and a
// buffer per call would cost several times the call itself, and numbers as text a good part of it.

import { pack, type Packed, unpack } from "./byte-packing.ts";
import type { CallAnswer, CallRequest, Receipt } from "./engine.ts";
import { packReceipts, type ReceiptPage, unpackReceipts } from "./receipt-page.ts";
import { laneOf, type WorkerRequest } from "./worker-messages.ts";

type CallMessage = WorkerRequest<"call">;
/** What is asked again and again is the same but for its payload, which no JSON has. */
type CallForm = Omit<CallRequest, "payload"> & { readonly payload?: undefined };

/** Id, slot, time of sending, position of its form, size of its payload. */
const CALL_LENGTH = 5;

/** Packs requests of calls; their payloads stay the caller's. */
export function packCalls(calls: readonly CallMessage[]): Packed {
  const forms: CallForm[] = [];
  const numbers: number[] = [];
  let before: CallMessage | undefined;
  for (const call of calls) {
    if (before === undefined || !haveSameForm(before, call)) forms.push({ ...call.args, payload: undefined });
    numbers.push(call.id, call.slot, call.sentAtMs, forms.length - 1, call.args.payload.length);
    before = call;
  }
  return pack(
    numbers,
    forms,
    calls.map(({ args }) => args.payload),
  );
}

/** The requests; each payload is a part of the bytes that came. */
export function unpackCalls(packed: Packed): CallMessage[] {
  const { numbers, text, payloads } = unpack(packed);
  const forms = text as CallForm[];
  const calls: CallMessage[] = [];
  let before: CallMessage | undefined;
  let offset = 0;
  for (let at = 0; at < numbers.length; at += CALL_LENGTH) {
    const [id, slot, sentAtMs] = [numbers[at]!, numbers[at + 1]!, numbers[at + 2]!];
    const payload = payloads.subarray(offset, (offset += numbers[at + 4]!));
    const isFormOfBefore = at > 0 && numbers[at + 3] === numbers[at + 3 - CALL_LENGTH];
    const args = { ...forms[numbers[at + 3]!]!, payload };
    const { caller, lane } = isFormOfBefore && before?.slot === slot ? before : laneOf({ slot, name: "call", args });
    before = { id, slot, caller, lane, name: "call", args, sentAtMs };
    calls.push(before);
  }
  return calls;
}

/** Of a peer each call says for itself in which circles it is. */
function haveSameForm({ caller, args: left }: CallMessage, { caller: other, args: right }: CallMessage): boolean {
  return (
    caller === other &&
    left.capability === right.capability &&
    left.method === right.method &&
    left.holder.kind !== "peer" &&
    isBare(left) &&
    isBare(right)
  );
}

function isBare({ callId, trace, budget }: CallRequest): boolean {
  return callId === undefined && trace === undefined && budget === undefined;
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

/** Id, position of its receipt, size of its payload. */
const ANSWER_LENGTH = 3;
/** Slot of the twin, position of the receipt. */
const NEWS_LENGTH = 2;

/** Packs answers and news: the count of answers, these, the count of news, these, then the rows of the receipts, each behind its length. */
export function packAnswers({ answers, receipts }: AnswersAndReceipts): Packed {
  const positions = new Map<Receipt, number>();
  const positionOf = (receipt: Receipt): number => positions.getOrInsertComputed(receipt, () => positions.size);
  const numbers: number[] = [answers.length];
  for (const { id, answer } of answers) numbers.push(id, positionOf(answer.receipt), answer.payload.length);
  numbers.push(receipts.length);
  for (const { slot, receipt } of receipts) numbers.push(slot, positionOf(receipt));
  const { rows, ...text } = packReceipts([...positions.keys()]);
  for (const row of rows) {
    numbers.push(row.length);
    for (const number of row) numbers.push(number);
  }
  return pack(
    numbers,
    text,
    answers.map(({ answer }) => answer.payload),
  );
}

/** The answers and news; each payload is a part of the bytes that came. */
export function unpackAnswers(packed: Packed): AnswersAndReceipts {
  const { numbers, text, payloads } = unpack(packed);
  const newsAt = 1 + numbers[0]! * ANSWER_LENGTH;
  const rowsAt = newsAt + 1 + numbers[newsAt]! * NEWS_LENGTH;
  const rows: Float64Array[] = [];
  for (let at = rowsAt; at < numbers.length; at += 1 + numbers[at]!)
    rows.push(numbers.subarray(at + 1, at + 1 + numbers[at]!));
  const found = unpackReceipts({ ...(text as Omit<ReceiptPage, "rows">), rows });
  const answers: IdentifiedAnswer[] = [];
  let offset = 0;
  for (let at = 1; at < newsAt; at += ANSWER_LENGTH) {
    const payload = payloads.subarray(offset, (offset += numbers[at + 2]!));
    answers.push({ id: numbers[at]!, answer: { payload, receipt: found[numbers[at + 1]!]! } });
  }
  const receipts: PlacedReceipt[] = [];
  for (let at = newsAt + 1; at < rowsAt; at += NEWS_LENGTH)
    receipts.push({ slot: numbers[at]!, receipt: found[numbers[at + 1]!]! });
  return { answers, receipts };
}
