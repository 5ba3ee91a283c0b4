// The account of every call. Receipts ride in the record of the commit that comes next, all of them
// as one page, which the next few commits write once more and longer; those of queries alone wait a short time, so that reading never costs a sync. What was
// not written when the process died counts as never issued: totals are the sum of what was recorded.

import { jsonDecode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateEntry, StateStore, StateWrite } from "../state/state-store.ts";
import type { Receipt, ReceiptSum } from "./engine.ts";
import { type ReceiptPage, ReceiptPageWriter, unpackReceipts } from "./receipt-page.ts";
import { createReceiptSums } from "./receipt-sums.ts";
import { lonelySpan, type TraceSpan } from "./trace.ts";
import { FIRST_KEY, numberKey, numberOf, rowValue } from "./row-key.ts";

const PAGES = "$receipt-pages";
const TOTALS = { namespace: "$totals", key: utf8Encode("totals") } as const;
/** A page with fewer receipts takes those of the next commit too: of calls that come one by one not each is a row. */
const PAGE_LENGTH = 8;
/** Pages between two looks for old ones, and pages removed at most by one. */
const TRIM_INTERVAL = 16;
const TRIM_COUNT = 64;

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
  /** Id of a trace. */
  readonly trace?: string | undefined;
}

/** A receipt before it has a number; without a trace it begins one alone. */
export type ReceiptDraft = Omit<Receipt, "sequence" | "trace"> & { readonly trace?: TraceSpan | undefined };

const NONE: Totals = { calls: 0, errors: 0, fuel: 0, lastSequence: 0 };

/** Issues, keeps and sums receipts. */
export interface ReceiptBook {
  /** Numbers a receipt. It waits in memory until {@link ReceiptBook.drain}; of very many queries only the newest do, and their sums. */
  issue(draft: ReceiptDraft, kind: "query" | "command"): Receipt;
  /** The writes that record all waiting receipts; none when nothing waits. */
  drain(): StateWrite[];
  /** Including waiting ones. */
  totals(): Totals;
  /** Recorded ones, newest first. */
  list(query: ReceiptQuery): Receipt[];
  /** Recorded sums, newest day first. */
  sums(query: { readonly sinceDay?: string | undefined }): ReceiptSum[];
  /** Forgets what was not committed. */
  reload(): void;
}

/** The book over the tables of `store`. `tracePrefix`: 16 hex digits of the twin's own, for traces of calls that stand alone. */
export function createReceiptBook(store: Pick<StateStore, "get" | "scan">, tracePrefix: string): ReceiptBook {
  const sums = createReceiptSums(store);
  let totals = readTotals(store);
  let commands: Receipt[] = [];
  let queries: Receipt[] = [];
  let page: ReceiptPageWriter | undefined;
  let pages = 0;
  /** What comes before is gone: rows that were removed lately cost a look each. */
  let trimmedTo: Uint8Array = FIRST_KEY;
  /** Deletions of pages whose receipts are all older than those that are kept. */
  const oldPages = (): StateWrite[] => {
    const oldest = totals.lastSequence - LIMITS.engine.receiptsKept + 1;
    if (oldest <= 1) return [];
    const found = store.scan({ namespace: PAGES, start: trimmedTo, end: numberKey(oldest), limit: TRIM_COUNT });
    // The last one found may reach into what is kept: a page ends where the next one begins.
    trimmedTo = found.at(-1)?.key ?? trimmedTo;
    return found.slice(0, -1).map(({ key }) => ({ namespace: PAGES, key, value: undefined }));
  };
  return {
    issue: (draft, kind) => {
      const sequence = totals.lastSequence + 1;
      const receipt: Receipt = { sequence, ...draft, trace: draft.trace ?? lonelySpan(tracePrefix, sequence) };
      totals = {
        calls: totals.calls + 1,
        errors: totals.errors + (receipt.outcome === "error" ? 1 : 0),
        fuel: totals.fuel + receipt.fuel,
        lastSequence: receipt.sequence,
      };
      sums.add(receipt);
      if (kind === "command") commands.push(receipt);
      else if (queries.push(receipt) >= 2 * LIMITS.engine.queryReceiptsPerPage) {
        queries = queries.slice(-LIMITS.engine.queryReceiptsPerPage);
      }
      return receipt;
    },
    drain: () => {
      const waiting = [...commands, ...queries.slice(-LIMITS.engine.queryReceiptsPerPage)];
      if (waiting.length === 0) return [];
      [commands, queries] = [[], []];
      waiting.sort((left, right) => left.sequence - right.sequence);
      let old: StateWrite[] = [];
      if (page === undefined || page.count + waiting.length > PAGE_LENGTH) {
        page = new ReceiptPageWriter(waiting[0]!.sequence);
        if (pages++ % TRIM_INTERVAL === 0) old = oldPages();
      }
      for (const receipt of waiting) page.add(receipt);
      const row = { namespace: PAGES, key: numberKey(page.firstSequence), value: page.encode() };
      return [row, ...old, ...sums.drain(), { ...TOTALS, value: rowValue(totals) }];
    },
    totals: () => totals,
    list: (query) => listReceipts(store, query),
    sums: (query) => sums.list(query),
    reload: () => {
      totals = readTotals(store);
      sums.reload();
      [commands, queries] = [[], []];
      page = undefined;
      trimmedTo = FIRST_KEY;
    },
  };
}

function readTotals(store: Pick<StateStore, "get">): Totals {
  const row = store.get(TOTALS);
  return row === undefined ? NONE : (jsonDecode(row) as Totals);
}

function listReceipts(store: Pick<StateStore, "scan">, query: ReceiptQuery): Receipt[] {
  const limit = Math.min(query.limit ?? 100, LIMITS.engine.pageLength);
  const before = query.beforeSequence ?? Infinity;
  const found: Receipt[] = [];
  let end = query.beforeSequence === undefined ? undefined : numberKey(query.beforeSequence);
  while (found.length < limit) {
    const pages = store.scan({ namespace: PAGES, start: FIRST_KEY, end, limit: 8, reverse: true });
    for (const page of pages) found.push(...receiptsOf(page).filter((receipt) => fits(receipt, query, before)));
    end = pages.at(-1)?.key;
    if (end === undefined || numberOf(end) <= 1) break;
  }
  return found.slice(0, limit);
}

/** Newest first. */
function receiptsOf({ value }: StateEntry): Receipt[] {
  return unpackReceipts(jsonDecode(value) as ReceiptPage).toReversed();
}

function fits(receipt: Receipt, { capability, caller, trace }: ReceiptQuery, before: number): boolean {
  return (
    receipt.sequence < before &&
    (capability === undefined || receipt.capability === capability) &&
    (caller === undefined || receipt.caller === caller) &&
    (trace === undefined || receipt.trace.id === trace)
  );
}
