// What the main thread and an engine worker say to each other. Always in batches: one message per
// call would cost more than the call.

import type { MessagePort } from "node:worker_threads";
import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { callerName } from "../grants/decide.ts";
import type { Packed } from "./byte-packing.ts";
import type { GuestLogLevel } from "./guest-frame.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "./operations.ts";

/** One operation that is asked for. */
export type WorkerRequest<Name extends OperationName = OperationName> = {
  readonly [Each in Name]: {
    readonly id: number;
    /** Of the twin. */
    readonly slot: number;
    /** Who pays for the time that it takes. */
    readonly caller: string;
    readonly lane: string;
    readonly name: Each;
    readonly args: OperationArgs<Each>;
    /** Time of day, to know how long it waited. */
    readonly sentAtMs: number;
  };
}[Name];

/** The answer to one request. A dropped one was aborted before it began. */
export type WorkerReply =
  | { readonly id: number; readonly answer: OperationAnswer<OperationName> }
  | { readonly id: number; readonly error: ErrorWire }
  | { readonly id: number; readonly dropped: true };

/** A line for the host's log. */
export interface WorkerLogLine {
  readonly level: GuestLogLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A twin that lives in a worker. */
export interface TwinPlace {
  /** Its number there, from 1. */
  readonly slot: number;
  readonly twin: string;
  /** The twin's data folder. */
  readonly folder: string;
  /** 32 bytes. */
  readonly stateKey: Uint8Array;
  /** Whether to tell of the state's records. */
  readonly follow: boolean;
  /** Whether a worker of this host has opened its tables before: they were judged, and nobody else can have them. */
  readonly wasOpened: boolean;
}

/** What happened in a twin. */
export interface TwinNews {
  readonly slot: number;
  readonly news: EngineNews;
}

/** From the main thread: calls alone, as mostly, or everything that there is. */
export type ToWorker = Packed | WorkerBatch;

/** Everything that may be sent at once. */
export interface WorkerBatch {
  /** Twins that come to live here; they sleep. */
  readonly places: readonly TwinPlace[];
  readonly calls: Packed | undefined;
  readonly deliveries: Packed | undefined;
  /** All that are neither. */
  readonly requests: readonly WorkerRequest[];
  /** Ids of requests that nobody waits for any more. */
  readonly drops: readonly number[];
  /** Twins whose records are void. */
  readonly forget: readonly { readonly id: number; readonly twin: string }[];
}

/** The message with all its parts. */
export function batchOf(message: ToWorker): WorkerBatch {
  if (!(message instanceof Uint8Array)) return message;
  return { places: [], calls: message, deliveries: undefined, requests: [], drops: [], forget: [] };
}

/** From the worker: `ready` or `failed` once, then batches: answers and receipts alone, as mostly, or with more. */
export type FromWorker =
  | Packed
  | { readonly kind: "ready"; readonly recovered: readonly string[] }
  /** With the place in the code of an error that nobody has put into words. */
  | { readonly kind: "failed"; readonly error: ErrorWire; readonly stack: string | undefined }
  /** The tables of that twin were judged, and opened. */
  | { readonly kind: "opened"; readonly slot: number }
  /** They could not be; the next time they are judged anew. */
  | { readonly kind: "refused"; readonly slot: number; readonly error: ErrorWire }
  /** A program was compiled from the package in that folder. */
  | ({ readonly kind: "program" } & KnownProgram)
  | { readonly kind: "records"; readonly slot: number; readonly records: readonly StateRecord[] }
  | {
      readonly kind: "batch";
      /** Answers to calls, and receipts that are news. */
      readonly answers: Packed | undefined;
      /** Deliveries that took effect. */
      readonly done: readonly number[];
      /** All that are neither. */
      readonly replies: readonly WorkerReply[];
      readonly news: readonly TwinNews[];
      readonly log: readonly WorkerLogLine[];
    };

/** Durable writes of the twin's state, for who copies it. */
export interface StateRecord {
  /** One more than that of the record before. */
  readonly sequence: number;
  readonly writes: Uint8Array;
}

/** A program that twins of this host run, and where its package is. */
export interface KnownProgram {
  /** Hex hash of the package. */
  readonly hash: string;
  /** Folder of the package files of a twin that has it. */
  readonly packageFolder: string;
}

/** To a worker that stands ready: what the twins will ask for that it gets one day. */
export interface Rehearsal {
  readonly programs: readonly KnownProgram[];
}

/** The first message to a worker but for rehearsals; others may follow when it has answered that it is ready. */
export interface EngineWorkerData {
  readonly journalFolder: string;
  /** Whether other processes are kept out: then twins need no lock of their own while they only read. */
  readonly isLocked: boolean;
  readonly places: readonly TwinPlace[];
  /** Where its tasks ask for the outside. Moves with the message. */
  readonly outside: MessagePort;
  /** Two `Int32`: id of the request that runs (0: none), and a count that changes with every request. */
  readonly running: SharedArrayBuffer;
  /** One `Int32`: how many listeners hear of receipts. Nobody packs them for no one. */
  readonly hearers: SharedArrayBuffer;
}

/** Who pays for a request to a twin, and in which of their lanes it waits: calls per capability, messages, and the host's own work. */
export function laneOf(request: Pick<WorkerRequest, "slot" | "name" | "args">): {
  readonly caller: string;
  readonly lane: string;
} {
  const { caller, lane } = ownLaneOf(request);
  return { caller: `${request.slot} ${caller}`, lane };
}

function ownLaneOf(request: Pick<WorkerRequest, "name" | "args">): { readonly caller: string; readonly lane: string } {
  const { name, args } = request as WorkerRequest;
  if (name === "call") return { caller: callerName(args.holder), lane: args.capability };
  return name === "deliver" ? { caller: `peer:${args.from}`, lane: "" } : { caller: "", lane: "" };
}

/** How long the request may run, in ms; beyond, and after a grace, its worker is replaced. */
export function allowedMs(request: Pick<WorkerRequest, "name" | "args">): number {
  const { name, args } = request as WorkerRequest;
  if (name === "call") {
    return Math.min(args.budget?.timeoutMs ?? LIMITS.sandbox.callTimeoutMs, LIMITS.engine.callTimeoutMsMax);
  }
  return name === "deliver" ? LIMITS.sandbox.callTimeoutMs : LIMITS.engine.operationTimeoutMs;
}
