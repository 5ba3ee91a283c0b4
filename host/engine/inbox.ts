// Which messages of which twin have been handled: the memory that makes their effect happen once.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateKey, StateStore, StateWrite } from "../state/state-store.ts";
import type { Delivery } from "./engine.ts";

interface SenderRow {
  readonly lastSequence: number;
  /** Of the last `LIMITS.engine.inboxOutcomesKept` messages; the others took effect. */
  readonly refused: readonly { readonly sequence: number; readonly error: ErrorWire }[];
}

/** The inbox of one twin. */
export interface Inbox {
  /** What to answer at once: a repeated message its recorded delivery, one too early the gap; undefined for the next one. */
  look(from: string, sequence: number): Delivery | undefined;
  /** The write that marks the next message as handled; with `error` as refused. */
  mark(from: string, sequence: number, error?: ErrorWire): StateWrite;
}

/** The inbox over the tables of `store`. */
export function createInbox(store: Pick<StateStore, "get">): Inbox {
  const read = (from: string): SenderRow => {
    const row = store.get(rowKey(from));
    return row === undefined ? { lastSequence: 0, refused: [] } : (jsonDecode(row) as SenderRow);
  };
  return {
    look: (from, sequence) => {
      const { lastSequence, refused } = read(from);
      if (sequence === lastSequence + 1) return undefined;
      if (sequence > lastSequence) return { status: "gap", expected: lastSequence + 1 };
      const error = refused.find((outcome) => outcome.sequence === sequence)?.error;
      return error === undefined ? { status: "done" } : { status: "refused", error };
    },
    mark: (from, sequence, error) => {
      const recent = read(from).refused.filter(
        (outcome) => outcome.sequence > sequence - LIMITS.engine.inboxOutcomesKept,
      );
      const refused = error === undefined ? recent : [...recent, { sequence, error }];
      const row: SenderRow = { lastSequence: sequence, refused };
      return { ...rowKey(from), value: jsonEncode(row) };
    },
  };
}

function rowKey(from: string): StateKey {
  return { namespace: "$inbox", key: utf8Encode(from) };
}
