// Durable events of the twin, numbered without gaps from 1; the newest ones are kept.

import { jsonDecode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { TwinEvent } from "./engine.ts";
import { FIRST_KEY, numberKey, numberOf, rowValue } from "./row-key.ts";

const NAMESPACE = "$events";

/** An event before it has a number. */
export type EventDraft = Omit<TwinEvent, "sequence">;

/** The log of one twin. */
export interface EventLog {
  /** Numbers the events, in order, and gives the writes that record them. */
  append(drafts: readonly EventDraft[]): { readonly events: readonly TwinEvent[]; readonly writes: StateWrite[] };
  /** Oldest first. Throws `TWIN_LIMIT_EXCEEDED` with `details.oldest` when some of them are no longer kept. */
  list(query: { readonly afterSequence: number; readonly limit?: number | undefined }): TwinEvent[];
  /** 0 before the first event. */
  lastSequence(): number;
  /** Forgets what was not committed. */
  reload(): void;
}

/** The log over the tables of `store`. */
export function createEventLog(store: Pick<StateStore, "scan">): EventLog {
  /** Read when it is first needed: many twins wake for a query. */
  let last: number | undefined;
  const lastSequence = (): number => (last ??= readLast(store));
  return {
    append: (drafts) => {
      if (drafts.length === 0) return { events: [], writes: [] };
      const before = lastSequence();
      const events = drafts.map((draft, index) => ({ sequence: before + index + 1, ...draft }));
      last = before + drafts.length;
      return { events, writes: events.flatMap(rowsOf) };
    },
    list: ({ afterSequence, limit = LIMITS.engine.pageLength }) => {
      const oldest = Math.max(1, lastSequence() - LIMITS.engine.eventsKept + 1);
      const from = Math.max(0, afterSequence) + 1;
      if (from < oldest) {
        throw new TwinError(
          "TWIN_LIMIT_EXCEEDED",
          `The events ${from} to ${oldest - 1} are no longer kept. Read the capability's state, then go on from there.`,
          { oldest },
        );
      }
      const count = Math.min(limit, LIMITS.engine.pageLength);
      const page = store.scan({ namespace: NAMESPACE, start: numberKey(from), limit: count });
      return page.map((entry) => jsonDecode(entry.value) as TwinEvent);
    },
    lastSequence,
    reload: () => {
      last = undefined;
    },
  };
}

function readLast(store: Pick<StateStore, "scan">): number {
  const [entry] = store.scan({ namespace: NAMESPACE, start: FIRST_KEY, limit: 1, reverse: true });
  return entry === undefined ? 0 : numberOf(entry.key);
}

function rowsOf(event: TwinEvent): StateWrite[] {
  const row = { namespace: NAMESPACE, key: numberKey(event.sequence), value: rowValue(event) };
  const forgotten = event.sequence - LIMITS.engine.eventsKept;
  return forgotten < 1 ? [row] : [row, { namespace: NAMESPACE, key: numberKey(forgotten), value: undefined }];
}
