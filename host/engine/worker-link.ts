// The main thread's end of one engine worker, from its start to its end. When the worker dies, or is
// ended because a request ran for too long, every request in flight is told so.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { errorFromWire, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type AnswersAndReceipts, packCalls, unpackAnswers } from "./call-packing.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "./operations.ts";
import {
  allowedMs,
  type EngineWorkerData,
  type FromWorker,
  laneOf,
  type StateRecord,
  type ToWorker,
  type WorkerReply,
  type WorkerRequest,
} from "./worker-messages.ts";

/** How to start a worker. */
export interface WorkerLinkOptions {
  readonly data: Omit<EngineWorkerData, "running">;
  /** The worker's file; default `engine-worker`. */
  readonly entry?: URL | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNews: (news: EngineNews) => void;
  readonly onRecord: (record: StateRecord) => void;
  /** Called once when the worker is gone, whatever the reason. */
  readonly onEnd: () => void;
}

interface Flight {
  readonly lane: string;
  readonly allowedMs: number;
  readonly settle: PromiseWithResolvers<OperationAnswer<OperationName>>;
}

const RUNNING_SIZE = 8;
const NO_ANSWERS: AnswersAndReceipts = { answers: [], receipts: [] };

/** Starts a worker. Rejects with the worker's own error when it cannot open the twin. */
export async function startWorkerLink(options: WorkerLinkOptions): Promise<WorkerLink> {
  const running = new SharedArrayBuffer(RUNNING_SIZE);
  const workerData: EngineWorkerData = { ...options.data, running };
  // Run from a clone the file is TypeScript, from the package JavaScript.
  const entry = options.entry ?? new URL(`./engine-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(entry, { workerData, name: "engine" });
  const link = new WorkerLink(worker, running, options);
  const timer = new AbortController();
  try {
    await Promise.race([link.ready, startTimeout(options.clock, timer.signal)]);
    return link;
  } catch (thrown) {
    await link.end();
    throw thrown;
  } finally {
    timer.abort();
  }
}

async function startTimeout(clock: Clock, signal: AbortSignal): Promise<never> {
  const { operationTimeoutMs } = LIMITS.engine;
  await clock.sleep(operationTimeoutMs, { signal });
  throw new TwinError("TWIN_TIMEOUT", `The engine did not start within ${operationTimeoutMs} ms.`);
}

/** One worker. */
export class WorkerLink {
  /** Settles when the worker has opened the twin, or could not. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #running: Int32Array;
  readonly #options: WorkerLinkOptions;
  readonly #flights = new Map<number, Flight>();
  readonly #lanes = new Map<string, number>();
  readonly #ended = Promise.withResolvers<void>();
  #nextId = 1;
  #calls: WorkerRequest<"call">[] = [];
  #requests: WorkerRequest[] = [];
  #drops: number[] = [];
  #posting = false;
  #watching = false;
  #alive = true;
  #ending = false;

  constructor(worker: Worker, running: SharedArrayBuffer, options: WorkerLinkOptions) {
    this.#worker = worker;
    this.#running = new Int32Array(running);
    this.#options = options;
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    worker.on("message", (message: FromWorker) => this.#receive(message, started));
    worker.on("error", (error) => options.log.error({ err: error }, "The engine worker failed."));
    worker.on("exit", () => {
      started.reject(new TwinError("TWIN_HOST_INTERNAL", "The engine worker ended before it was ready."));
      this.#die();
    });
  }

  /**
   * Asks the worker. Rejects with its error, with `TWIN_CALL_QUEUE` when too much waits already, with
   * `TWIN_ABORTED` when the signal aborts (a request that has begun still runs to its end), and with
   * `TWIN_ENGINE_RESTARTED` when the worker dies.
   */
  async request<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
    signal?: AbortSignal,
  ): Promise<OperationAnswer<Name>> {
    if (signal?.aborted === true) throw aborted();
    if (!this.#alive) throw restarted();
    const place = laneOf({ name, args });
    const lane = `${place.caller} ${place.lane}`;
    const waiting = this.#lanes.get(lane) ?? 0;
    if (waiting >= LIMITS.engine.queueLength) {
      throw new TwinError(
        "TWIN_CALL_QUEUE",
        "Too many of your calls wait for this capability. Call again a little later.",
      );
    }
    const id = this.#nextId++;
    const settle = Promise.withResolvers<OperationAnswer<OperationName>>();
    this.#lanes.set(lane, waiting + 1);
    this.#flights.set(id, { lane, allowedMs: allowedMs({ name, args }), settle });
    const sentAtMs = this.#options.clock.nowMs();
    const request = { id, ...place, name, args, sentAtMs } as WorkerRequest;
    if (request.name === "call") this.#calls.push(request);
    else this.#requests.push(request);
    this.#postSoon();
    void this.#watch();
    const abort = (): void => {
      this.#drops.push(id);
      this.#postSoon();
      settle.reject(aborted());
    };
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return (await settle.promise) as OperationAnswer<Name>;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Terminates the worker. Resolves when it is gone, and with it its hold on the twin's files. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
    await this.#ended.promise;
  }

  #receive(message: FromWorker, started: PromiseWithResolvers<void>): void {
    if (message.kind === "ready") started.resolve();
    else if (message.kind === "failed") started.reject(errorFromWire(message.error));
    else if (message.kind === "records") message.records.forEach(this.#options.onRecord);
    else {
      for (const { level, fields, message: text } of message.log) this.#options.log[level](fields, text);
      for (const reply of message.replies) this.#settle(reply);
      const { answers, receipts } = message.answers === undefined ? NO_ANSWERS : unpackAnswers(message.answers);
      for (const answer of answers) this.#settle(answer);
      this.#options.onNews({ ...message.news, receipts });
    }
  }

  #settle(reply: WorkerReply): void {
    const flight = this.#flights.get(reply.id);
    if (flight === undefined) return;
    this.#flights.delete(reply.id);
    const waiting = this.#lanes.get(flight.lane)! - 1;
    if (waiting === 0) this.#lanes.delete(flight.lane);
    else this.#lanes.set(flight.lane, waiting);
    if ("answer" in reply) flight.settle.resolve(reply.answer);
    else flight.settle.reject("error" in reply ? errorFromWire(reply.error) : aborted());
  }

  #postSoon(): void {
    if (this.#posting) return;
    this.#posting = true;
    // Behind all calls that are made in this turn.
    process.nextTick(() => {
      this.#posting = false;
      const calls = this.#calls.length === 0 ? undefined : packCalls(this.#calls);
      const message: ToWorker = { calls, requests: this.#requests, drops: this.#drops };
      [this.#calls, this.#requests, this.#drops] = [[], [], []];
      this.#worker.postMessage(message, calls === undefined ? [] : [calls.payloads.buffer]);
    });
  }

  /** While something is in flight: looks which request runs, and ends the worker when one runs for too long. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const { clock, log } = this.#options;
    let [seen, sinceMs] = [-1, clock.elapsedMs()];
    while (this.#alive && this.#flights.size > 0) {
      await clock.sleep(LIMITS.engine.watchdogTickMs);
      const [id, count] = [Atomics.load(this.#running, 0), Atomics.load(this.#running, 1)];
      if (id === 0 || count !== seen) {
        [seen, sinceMs] = [id === 0 ? -1 : count, clock.elapsedMs()];
        continue;
      }
      const allowed = this.#flights.get(id)?.allowedMs ?? LIMITS.sandbox.callTimeoutMs;
      if (clock.elapsedMs() - sinceMs <= allowed + LIMITS.engine.watchdogGraceMs) continue;
      log.warn({ allowedMs: allowed }, "A call ran past its deadline; its engine worker is replaced.");
      void this.#worker.terminate();
      break;
    }
    this.#watching = false;
  }

  #die(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const { settle } of this.#flights.values()) settle.reject(this.#ending ? aborted() : restarted());
    this.#flights.clear();
    this.#ended.resolve();
    this.#options.onEnd();
  }
}

function aborted(): TwinError {
  return new TwinError("TWIN_ABORTED", "The call was given up before its answer came.");
}

function restarted(): TwinError {
  return new TwinError(
    "TWIN_ENGINE_RESTARTED",
    "The engine was restarted under this call. It took effect either completely or not at all: repeat it with the same call id.",
  );
}
