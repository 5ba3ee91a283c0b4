// Many receipts as one text: the names that they share are written once. So they stand in the
// tables, a page per commit, and so they cross between threads.

import type { TwinErrorCode } from "../base/errors.ts";
import type { NestedCallReceipt, Receipt } from "./engine.ts";
import { lonelyPrefix, lonelySpan, type TraceSpan } from "./trace.ts";

/** Receipts in order. Plain JSON. */
export interface ReceiptPage {
  readonly names: readonly string[];
  /** One per receipt: numbers, and positions in `names` (-1: absent), in the order of {@link packReceipts}. */
  readonly rows: readonly (readonly number[])[];
  /** Calls within calls, by the number of the receipt; absent when there are none. */
  readonly nested?: readonly (readonly [sequence: number, calls: readonly NestedCallReceipt[]])[];
}

/** Numbers in a row before its host calls, which are pairs of a name and a count. */
const HEAD_LENGTH = 23;

/** The receipts as a page. */
export function packReceipts(receipts: readonly Receipt[]): ReceiptPage {
  const names: string[] = [];
  const known = new Map<string, number>();
  const nameOf = (text: string | undefined): number => {
    if (text === undefined) return -1;
    const position = known.get(text);
    if (position !== undefined) return position;
    known.set(text, names.length);
    return names.push(text) - 1;
  };
  const rows = receipts.map((receipt) => {
    const { bytes, trace } = receipt;
    const lonely = lonelyPrefix(trace);
    const row = [
      receipt.sequence,
      receipt.atMs,
      nameOf(receipt.caller),
      nameOf(receipt.grantId),
      nameOf(receipt.capability),
      nameOf(receipt.version),
      nameOf(receipt.moduleHash),
      nameOf(receipt.method),
      receipt.outcome === "ok" ? 1 : 0,
      nameOf(receipt.code),
      receipt.fuel,
      receipt.memorySizeBytes,
      bytes.in,
      bytes.out,
      bytes.read,
      bytes.written,
      bytes.received,
      bytes.sent,
      receipt.queueMs,
      receipt.runMs,
      nameOf(lonely ?? trace.id),
      lonely === undefined ? nameOf(trace.span) : -1,
      nameOf(trace.parent),
    ];
    for (const name in receipt.hostCalls) row.push(nameOf(name), receipt.hostCalls[name]!);
    return row;
  });
  const nested = receipts.flatMap(({ sequence, nested: calls }) =>
    calls === undefined ? [] : [[sequence, calls] as const],
  );
  return nested.length === 0 ? { names, rows } : { names, rows, nested };
}

/** The receipts of a page. */
export function unpackReceipts({ names, rows, nested }: ReceiptPage): Receipt[] {
  const calls = new Map(nested);
  return rows.map((row) => {
    const at = (index: number): number => row[index]!;
    const name = (index: number): string => names[at(index)]!;
    const hostCalls: Record<string, number> = {};
    for (let index = HEAD_LENGTH; index < row.length; index += 2) hostCalls[names[row[index]!]!] = row[index + 1]!;
    return {
      sequence: at(0),
      atMs: at(1),
      caller: name(2),
      grantId: names[at(3)],
      capability: name(4),
      version: name(5),
      moduleHash: name(6),
      method: name(7),
      outcome: at(8) === 1 ? "ok" : "error",
      code: names[at(9)] as TwinErrorCode | undefined,
      fuel: at(10),
      memorySizeBytes: at(11),
      hostCalls,
      bytes: { in: at(12), out: at(13), read: at(14), written: at(15), received: at(16), sent: at(17) },
      queueMs: at(18),
      runMs: at(19),
      trace:
        at(21) === -1 ? lonelySpan(name(20), at(0)) : spanOf({ id: name(20), span: name(21), parent: names[at(22)] }),
      ...(calls.has(at(0)) ? { nested: calls.get(at(0)) } : {}),
    };
  });
}

function spanOf({ parent, ...span }: TraceSpan): TraceSpan {
  return parent === undefined ? span : { ...span, parent };
}
