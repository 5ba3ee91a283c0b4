// What calls have cost, summed per day, capability and caller. Together the sums are the totals.

import { jsonDecode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { Receipt, ReceiptSum } from "./engine.ts";
import { rowValue } from "./row-key.ts";

const NAMESPACE = "$receipt-sums";
const DAY_LENGTH = "2026-01-01".length;

/** The sums of one twin. */
export interface ReceiptSums {
  add(receipt: Receipt): void;
  /** The writes of the sums that have changed since the last call. */
  drain(): StateWrite[];
  /** Recorded ones, newest day first. */
  list(query: { readonly sinceDay?: string | undefined }): ReceiptSum[];
  /** Forgets what was not committed. */
  reload(): void;
}

/** The sums over the tables of `store`. */
export function createReceiptSums(store: Pick<StateStore, "get" | "scan">): ReceiptSums {
  /** Of the day that is being written; at most as many as were asked for in it. */
  let open = new Map<string, ReceiptSum>();
  const changed = new Set<string>();
  let day = { startMs: NaN, name: "" };
  const dayOf = (atMs: number): string => {
    if (!(atMs >= day.startMs && atMs < day.startMs + DAY_MS)) {
      const startMs = Math.floor(atMs / DAY_MS) * DAY_MS;
      day = { startMs, name: new Date(startMs).toISOString().slice(0, DAY_LENGTH) };
    }
    return day.name;
  };
  const read = (key: string): ReceiptSum | undefined => {
    const row = store.get({ namespace: NAMESPACE, key: utf8Encode(key) });
    return row === undefined ? undefined : (jsonDecode(row) as ReceiptSum);
  };
  return {
    add: (receipt) => {
      const { capability, caller } = receipt;
      const name = dayOf(receipt.atMs);
      const key = keyOf(name, capability, caller);
      const sum = open.get(key) ?? read(key) ?? { day: name, capability, caller, ...NOTHING };
      open.set(key, addTo(sum, receipt));
      changed.add(key);
    },
    drain: () => {
      const writes = [...changed].map((key) => {
        return { namespace: NAMESPACE, key: utf8Encode(key), value: rowValue(open.get(key)) };
      });
      changed.clear();
      // What is written can be read again: only a flood of callers makes the map large.
      if (open.size > LIMITS.engine.openSumCount) open = new Map();
      return writes;
    },
    list: ({ sinceDay = "" }) =>
      store
        .scan({ namespace: NAMESPACE, start: utf8Encode(sinceDay), limit: LIMITS.engine.sumsShown, reverse: true })
        .map(({ value }) => jsonDecode(value) as ReceiptSum),
    reload: () => {
      open = new Map();
      changed.clear();
    },
  };
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOTHING = { calls: 0, errors: 0, fuel: 0, bytesIn: 0, bytesOut: 0, bytesWritten: 0, runMs: 0 } as const;

function keyOf(day: string, capability: string, caller: string): string {
  return `${day}\0${capability}\0${caller}`;
}

function addTo(sum: ReceiptSum, { outcome, fuel, bytes, runMs }: Receipt): ReceiptSum {
  return {
    ...sum,
    calls: sum.calls + 1,
    errors: sum.errors + (outcome === "error" ? 1 : 0),
    fuel: sum.fuel + fuel,
    bytesIn: sum.bytesIn + bytes.in,
    bytesOut: sum.bytesOut + bytes.out,
    bytesWritten: sum.bytesWritten + bytes.written,
    runMs: sum.runMs + runMs,
  };
}
