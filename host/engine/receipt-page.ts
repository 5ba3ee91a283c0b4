// Many receipts as one text: the names that they share are written once. So they stand in the
// tables, a page per commit, and so they cross between threads.

import { utf8Encode } from "../base/bytes.ts";
import type { TwinErrorCode } from "../base/errors.ts";
import type { NestedCallReceipt, Receipt } from "./engine.ts";
import { lonelyPrefix, lonelySpan, type TraceSpan } from "./trace.ts";

/** Receipts in order. Plain JSON, where its rows are lists. */
export interface ReceiptPage {
  readonly names: readonly string[];
  /** One per receipt: numbers, and positions in `names` (-1: absent), in the order of {@link rowOf}. */
  readonly rows: readonly (readonly number[] | Float64Array)[];
  /** Calls within calls, by the number of the receipt; absent when there are none. */
  readonly nested?: readonly (readonly [sequence: number, calls: readonly NestedCallReceipt[]])[];
}

/** Numbers in a row before its host calls, which are pairs of a name and a count. */
const HEAD_LENGTH = 23;

/** The receipts as a page. */
export function packReceipts(receipts: readonly Receipt[]): ReceiptPage {
  const names = new Names();
  const rows = receipts.map((receipt) => rowOf(receipt, names));
  const nested = receipts.flatMap(({ sequence, nested: calls }) =>
    calls === undefined ? [] : [[sequence, calls] as const],
  );
  return nested.length === 0 ? { names: names.list, rows } : { names: names.list, rows, nested };
}

/** A page that grows: what it says already is not written anew. */
export class ReceiptPageWriter {
  /** Number of the first receipt. */
  readonly firstSequence: number;
  count = 0;
  readonly #names = new Names();
  /** JSON texts, each but the first behind a comma. */
  #rows = "";
  #nested = "";

  constructor(firstSequence: number) {
    this.firstSequence = firstSequence;
  }

  add(receipt: Receipt): void {
    const comma = this.count === 0 ? "" : ",";
    this.#rows += comma + JSON.stringify(rowOf(receipt, this.#names));
    this.count += 1;
    const { sequence, nested } = receipt;
    if (nested !== undefined) this.#nested += (this.#nested === "" ? "" : ",") + JSON.stringify([sequence, nested]);
  }

  /** The {@link ReceiptPage} so far, as UTF-8 JSON. */
  encode(): Uint8Array<ArrayBuffer> {
    const nested = this.#nested === "" ? "" : `,"nested":[${this.#nested}]`;
    return utf8Encode(`{"names":${JSON.stringify(this.#names.list)},"rows":[${this.#rows}]${nested}}`);
  }
}

/** Texts of a page, each once. */
class Names {
  readonly list: string[] = [];
  readonly #positions = new Map<string, number>();

  /** Where the text stands; -1 for none. */
  positionOf(text: string | undefined): number {
    if (text === undefined) return -1;
    const known = this.#positions.get(text);
    if (known !== undefined) return known;
    this.#positions.set(text, this.list.length);
    return this.list.push(text) - 1;
  }
}

function rowOf(receipt: Receipt, names: Names): number[] {
  const { bytes, trace } = receipt;
  const lonely = lonelyPrefix(trace);
  const row = [
    receipt.sequence,
    receipt.atMs,
    names.positionOf(receipt.caller),
    names.positionOf(receipt.grantId),
    names.positionOf(receipt.capability),
    names.positionOf(receipt.version),
    names.positionOf(receipt.moduleHash),
    names.positionOf(receipt.method),
    receipt.outcome === "ok" ? 1 : 0,
    names.positionOf(receipt.code),
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
    names.positionOf(lonely ?? trace.id),
    lonely === undefined ? names.positionOf(trace.span) : -1,
    names.positionOf(trace.parent),
  ];
  for (const name in receipt.hostCalls) row.push(names.positionOf(name), receipt.hostCalls[name]!);
  return row;
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
