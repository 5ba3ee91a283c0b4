// Answers of commands that were called with a call id, so that a caller who lost the answer can ask
// again without a second effect. The newest ones are kept.

import { concatBytes, hexEncode, jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { callerName } from "../grants/decide.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { CallAnswer, CallRequest, Receipt } from "./engine.ts";
import { FIRST_KEY, numberKey, numberOf } from "./row-key.ts";

const ANSWERS = "$answers";
const ORDER = "$answers-order";

interface AnswerRow {
  /** Hex hash of what was asked. */
  readonly request: string;
  /** JSON text. */
  readonly payload: string;
  readonly receipt: Receipt;
}

/** A call that has an id. */
export type IdentifiedCall = CallRequest & { readonly callId: string };

/** The call with its id; undefined when it has none. Throws `TWIN_INPUT_INVALID` for an id that is none. */
export function identify(request: CallRequest): IdentifiedCall | undefined {
  const { callId } = request;
  if (callId === undefined) return undefined;
  if (callId === "" || callId.length > LIMITS.engine.callIdLength) {
    throw new TwinError("TWIN_INPUT_INVALID", `A call id has 1 to ${LIMITS.engine.callIdLength} characters.`);
  }
  return { ...request, callId };
}

/** Recorded answers of one twin. */
export interface AnswerBook {
  /** The recorded answer to the call's id. Throws `TWIN_INPUT_INVALID` when the same holder used it for another call. */
  find(call: IdentifiedCall): CallAnswer | undefined;
  /** The writes that record an answer, and forget the oldest ones beyond the limits. */
  record(call: IdentifiedCall, answer: CallAnswer): StateWrite[];
  /** Forgets what was not committed. */
  reload(): void;
}

/** The book over the tables of `store`. */
export function createAnswerBook(
  store: Pick<StateStore, "get" | "scan" | "sizeBytes">,
  kernels: Pick<Kernels, "hash">,
): AnswerBook {
  /** Of the order; read when it is first needed: most calls have no id. */
  let last: number | undefined;
  const lastNumber = (): number => (last ??= readLast(store));
  /** Of the oldest, likewise: to look for it is to look at all that went before it lately. */
  let first: number | undefined;
  const keyOf = ({ holder, callId }: IdentifiedCall): Uint8Array =>
    kernels.hash(jsonEncode([callerName(holder), callId]));
  const requestOf = ({ capability, method, payload }: IdentifiedCall): string =>
    hexEncode(kernels.hash(concatBytes(jsonEncode([capability, method]), payload)));
  const forget = (): StateWrite[] => {
    const full = store.sizeBytes(ANSWERS) > LIMITS.engine.answersSizeBytes;
    // A few at a time: each record brings one, so the book shrinks while it is used.
    first ??= readFirst(store);
    if (first === undefined) return [];
    const tooMany = lastNumber() - first + 1 >= LIMITS.engine.callIdsKept;
    const writes: StateWrite[] = [];
    for (let count = full ? 2 : tooMany ? 1 : 0; count > 0 && first !== undefined; count--) {
      const key = numberKey(first);
      const answer = store.get({ namespace: ORDER, key });
      if (answer === undefined) first = undefined;
      else {
        writes.push({ namespace: ORDER, key, value: undefined }, { namespace: ANSWERS, key: answer, value: undefined });
        first += 1;
      }
    }
    return writes;
  };
  return {
    find: (call) => {
      const value = store.get({ namespace: ANSWERS, key: keyOf(call) });
      if (value === undefined) return undefined;
      const row = jsonDecode(value) as AnswerRow;
      if (row.request !== requestOf(call)) {
        throw new TwinError("TWIN_INPUT_INVALID", "This call id was used for another call. Use a fresh one per call.");
      }
      return { payload: utf8Encode(row.payload), receipt: row.receipt };
    },
    record: (call, { payload, receipt }) => {
      const key = keyOf(call);
      const row: AnswerRow = { request: requestOf(call), payload: utf8Decode(payload), receipt };
      const number = lastNumber() + 1;
      last = number;
      return [
        ...forget(),
        { namespace: ANSWERS, key, value: jsonEncode(row) },
        { namespace: ORDER, key: numberKey(number), value: key },
      ];
    },
    reload: () => {
      [first, last] = [undefined, undefined];
    },
  };
}

function readFirst(store: Pick<StateStore, "scan">): number | undefined {
  const [entry] = store.scan({ namespace: ORDER, start: FIRST_KEY, limit: 1 });
  return entry === undefined ? undefined : numberOf(entry.key);
}

function readLast(store: Pick<StateStore, "scan">): number {
  const [entry] = store.scan({ namespace: ORDER, start: FIRST_KEY, limit: 1, reverse: true });
  return entry === undefined ? 0 : numberOf(entry.key);
}
