// What a pool and its workers say to each other, and the memory that they share: one cell for each
// call in flight, by which a call is either started by its worker or taken back by the pool, never both.

import type { MessagePort } from "node:worker_threads";

import type { ErrorWire } from "../base/errors.ts";
import type { CompiledGuest } from "./guest.ts";
import type { GuestAnswer, HostImplementation, HostInterface, WaitingImplementation } from "./sandbox.ts";

/** What a worker starts with. */
export interface SandboxWorkerData {
  /** Module that exports `sandboxHost`; absent: guests can import nothing. */
  readonly host: string | undefined;
  readonly cells: SharedArrayBuffer;
  /** Its end of the line to the pool. */
  readonly port: MessagePort;
  readonly tally: SharedArrayBuffer;
  readonly tallyIndex: number;
  readonly waitTimeoutMs: number | undefined;
  /** Whether it goes behind others when the processor is short: true for guests that are not known to be quick. */
  readonly behindOthers: boolean;
}

/** What the module at `PoolOptions.host` exports under the name `sandboxHost`. It lives in the workers. */
export interface SandboxHost {
  /** Signatures and prices, also of the functions that wait. */
  readonly hostInterface: HostInterface;
  /** The functions for one guest; `context` is what the guest was created with. Called again when it moves to another worker. */
  createHost(context: unknown): {
    readonly implementation: HostImplementation;
    readonly waiting?: WaitingImplementation | undefined;
  };
}

/** Judge and compile a module. */
export interface AdmitRequest {
  readonly kind: "admit";
  readonly id: number;
  /** Where its state stands among the shared cells. */
  readonly cell: number;
  readonly bytes: Uint8Array;
  readonly memorySizeBytes: number;
}

/** A guest that calls will name. */
export interface OpenRequest {
  readonly kind: "open";
  readonly guest: number;
  readonly compiled: CompiledGuest;
  readonly callDepth: number;
  readonly context: unknown;
}

/** Run one call of a guest. */
export interface CallRequest {
  readonly kind: "call";
  readonly id: number;
  /** Where the call's state stands among the shared cells. */
  readonly cell: number;
  readonly guest: number;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly fuel: number;
  readonly timeoutMs: number;
}

/** What the pool tells a worker. */
export type ToSandboxWorker =
  | AdmitRequest
  | OpenRequest
  | CallRequest
  | { readonly kind: "close"; readonly guest: number };

/** A module that was admitted. */
export interface AdmittedNews {
  readonly kind: "admitted";
  readonly id: number;
  readonly compiled: CompiledGuest;
}

/** A call that has its answer. */
export interface AnsweredNews extends GuestAnswer {
  readonly kind: "answered";
  readonly id: number;
}

/** A module that was refused, or a call that failed. */
interface FailedNews {
  readonly kind: "failed";
  readonly id: number;
  readonly error: ErrorWire;
  /** Of a fault of the host's own, for the log. */
  readonly trace: string | undefined;
}

/** What a worker tells the pool. */
export type FromSandboxWorker = { readonly kind: "ready" } | AdmittedNews | AnsweredNews | FailedNews;

/** Cells hold the id of a call that waits in its worker's queue, its complement while it runs, or one of these. */
const FREE = 0;
const STANDING_STILL = -(2 ** 31);

/** Ids of flights are 1 to this: their complements are no other state. */
export const FLIGHT_ID_MAX = 2 ** 31 - 2;

/** Behind the cells of the calls: how many messages the pool has sent, and how many the worker. */
const COUNT_CELLS = { pool: 0, worker: 1 } as const;
const COUNT_CELL_COUNT = 2;

/** Room for the cells of `flightCount` calls, and for the counts of messages. */
export function createFlightBuffer(flightCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer((flightCount + COUNT_CELL_COUNT) * Int32Array.BYTES_PER_ELEMENT);
}

/** The calls in flight to one worker, as both sides see them. */
export class FlightCells {
  readonly #cells: Int32Array;
  readonly #counts: number;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Int32Array(buffer);
    this.#counts = this.#cells.length - COUNT_CELL_COUNT;
  }

  /** Messages that `sender` has sent, modulo 2^32: who looks here knows of a new one before its port tells. */
  messageCount(sender: keyof typeof COUNT_CELLS): number {
    return Atomics.load(this.#cells, this.#counts + COUNT_CELLS[sender]);
  }

  /** A message was sent. */
  countMessage(sender: keyof typeof COUNT_CELLS): void {
    Atomics.add(this.#cells, this.#counts + COUNT_CELLS[sender], 1);
  }

  /** The call is on its way. */
  post(cell: number, id: number): void {
    Atomics.store(this.#cells, cell, id);
  }

  /** Worker: begins the call, unless the pool has taken it back. */
  begin(cell: number, id: number): boolean {
    return Atomics.compareExchange(this.#cells, cell, id, ~id) === id;
  }

  /** Worker: the call, which has begun, stands still for a host function, or runs on. */
  standStill(cell: number, id: number, still: boolean): void {
    Atomics.store(this.#cells, cell, still ? STANDING_STILL : ~id);
  }

  /** Pool: takes the call back, unless the worker has begun it. */
  recall(cell: number, id: number): boolean {
    return Atomics.compareExchange(this.#cells, cell, id, FREE) === id;
  }

  /** Whether the call is begun, and then whether it needs its thread. */
  stateOf(cell: number, id: number): "queued" | "running" | "still" {
    const state = Atomics.load(this.#cells, cell);
    if (state === id) return "queued";
    return state === STANDING_STILL ? "still" : "running";
  }
}
