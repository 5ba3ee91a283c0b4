// The account of every call. Receipts of commands commit with them; those of queries wait for the
// next commit or a short time, so that reading never costs a sync. One that was not written when
// the process died counts as never issued: totals are always the sum of what was recorded.

import { jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { Receipt } from "./engine.ts";
import { FIRST_KEY, numberKey } from "./row-key.ts";

const NAMESPACE = "$receipts";
const TOTALS = { namespace: "$totals", key: utf8Encode("totals") } as const;

/** Sums over all receipts ever recorded. */
interface Totals {
  readonly calls: number;
  readonly errors: number;
  readonly fuel: number;
  readonly lastSequence: number;
}

/** Which receipts to show. */
export interface ReceiptQuery {
  readonly beforeSequence?: number | undefined;
  readonly limit?: number | undefined;
  readonly capability?: string | undefined;
  readonly caller?: string | undefined;
}

const NONE: Totals = { calls: 0, errors: 0, fuel: 0, lastSequence: 0 };

/** Issues, keeps and sums receipts. */
export interface ReceiptBook {
  /** Numbers a receipt. It waits in memory until {@link ReceiptBook.drain}. */
  issue(draft: Omit<Receipt, "sequence">): Receipt;
  /** The writes that record all waiting receipts; none when nothing waits. */
  drain(): StateWrite[];
  /** Including waiting ones. */
  totals(): Totals;
  /** Recorded ones, newest first. */
  list(query: ReceiptQuery): Receipt[];
  /** Forgets what was not committed. */
  reload(): void;
}

/** The book over the tables of `store`. */
export function createReceiptBook(store: Pick<StateStore, "get" | "scan">): ReceiptBook {
  let totals = readTotals(store);
  let waiting: Receipt[] = [];
  return {
    issue: (draft) => {
      const receipt: Receipt = { sequence: totals.lastSequence + 1, ...draft };
      totals = {
        calls: totals.calls + 1,
        errors: totals.errors + (receipt.outcome === "error" ? 1 : 0),
        fuel: totals.fuel + receipt.fuel,
        lastSequence: receipt.sequence,
      };
      waiting.push(receipt);
      return receipt;
    },
    drain: () => {
      if (waiting.length === 0) return [];
      const writes = waiting.flatMap(rowsOf);
      waiting = [];
      return [...writes, { ...TOTALS, value: jsonEncode(totals) }];
    },
    totals: () => totals,
    list: (query) => listReceipts(store, query),
    reload: () => {
      totals = readTotals(store);
      waiting = [];
    },
  };
}

function readTotals(store: Pick<StateStore, "get">): Totals {
  const row = store.get(TOTALS);
  return row === undefined ? NONE : (jsonDecode(row) as Totals);
}

function rowsOf(receipt: Receipt): StateWrite[] {
  const { sequence } = receipt;
  const row = { namespace: NAMESPACE, key: numberKey(sequence), value: jsonEncode(receipt) };
  if (sequence <= LIMITS.engine.receiptsKept) return [row];
  return [row, { namespace: NAMESPACE, key: numberKey(sequence - LIMITS.engine.receiptsKept), value: undefined }];
}

function listReceipts(store: Pick<StateStore, "scan">, query: ReceiptQuery): Receipt[] {
  const limit = Math.min(query.limit ?? 100, LIMITS.engine.pageLength);
  const found: Receipt[] = [];
  let end = query.beforeSequence === undefined ? undefined : numberKey(query.beforeSequence);
  while (found.length < limit) {
    const page = store.scan({ namespace: NAMESPACE, start: FIRST_KEY, end, limit: 256, reverse: true });
    const receipts = page.map((entry) => jsonDecode(entry.value) as Receipt);
    found.push(
      ...receipts.filter(
        (receipt) =>
          (query.capability === undefined || receipt.capability === query.capability) &&
          (query.caller === undefined || receipt.caller === query.caller),
      ),
    );
    end = page.at(-1)?.key;
    if (end === undefined) break;
  }
  return found.slice(0, limit);
}
