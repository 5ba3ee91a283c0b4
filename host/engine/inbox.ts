// Which messages of which twin have been handled: the memory that makes their effect happen once.

import { jsonDecode, utf8Encode } from "../base/bytes.ts";
import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateKey, StateStore, StateWrite } from "../state/state-store.ts";
import type { Delivery } from "./engine.ts";
import { FIRST_KEY, rowValue } from "./row-key.ts";

const NAMESPACE = "$inbox";

interface SenderRow {
  readonly lastSequence: number;
  /** Of the last `LIMITS.engine.inboxOutcomesKept` messages; the others took effect. */
  readonly refused: readonly { readonly sequence: number; readonly error: ErrorWire }[];
}

/** Where a message stands among those of its sender. */
interface InboxPlace {
  /** What to answer at once: to a repeated message its recorded delivery, to one too early the gap; undefined to the next one. */
  readonly known: Delivery | undefined;
  /** The write that marks the next message as handled; with `error` as refused. No other message may have been marked meanwhile. */
  readonly mark: (error?: ErrorWire) => StateWrite;
}

/** The inbox of one twin. */
export interface Inbox {
  look(from: string, sequence: number): InboxPlace;
  /** Whether one more sender can be remembered; those that are remembered always can. */
  hasRoomFor(from: string): boolean;
  /** Forgets what was not committed. */
  reload(): void;
}

/** The inbox over the tables of `store`. */
export function createInbox(store: Pick<StateStore, "get" | "scan">): Inbox {
  /** Remembered senders; counted when somebody asks. */
  let count: number | undefined;
  const isKnown = (from: string): boolean => store.get(rowKey(from)) !== undefined;
  const read = (from: string): SenderRow => {
    const row = store.get(rowKey(from));
    return row === undefined ? { lastSequence: 0, refused: [] } : (jsonDecode(row) as SenderRow);
  };
  return {
    look: (from, sequence) => {
      const row = read(from);
      const mark = (error?: ErrorWire): StateWrite => {
        if (count !== undefined && row.lastSequence === 0) count += 1;
        const recent = row.refused.filter((outcome) => outcome.sequence > sequence - LIMITS.engine.inboxOutcomesKept);
        const refused = error === undefined ? recent : [...recent, { sequence, error }];
        const next: SenderRow = { lastSequence: sequence, refused };
        return { ...rowKey(from), value: rowValue(next) };
      };
      return { known: knownDelivery(row, sequence), mark };
    },
    hasRoomFor: (from) => {
      const limit = LIMITS.engine.inboxSenderCount;
      count ??= store.scan({ namespace: NAMESPACE, start: FIRST_KEY, limit }).length;
      return count < limit || isKnown(from);
    },
    reload: () => {
      count = undefined;
    },
  };
}

function knownDelivery({ lastSequence, refused }: SenderRow, sequence: number): Delivery | undefined {
  if (sequence === lastSequence + 1) return undefined;
  if (sequence > lastSequence) return { status: "gap", expected: lastSequence + 1 };
  const error = refused.find((outcome) => outcome.sequence === sequence)?.error;
  return error === undefined ? { status: "done" } : { status: "refused", error };
}

function rowKey(from: string): StateKey {
  return { namespace: NAMESPACE, key: utf8Encode(from) };
}
