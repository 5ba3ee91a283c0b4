// The main thread's end of one engine worker, from its start to its end. When the worker dies, or is
// ended because a request ran for too long, every request in flight is told so.

import { MessageChannel, type Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { errorFromWire, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Packed } from "./byte-packing.ts";
import { type AnswersAndReceipts, packCalls, unpackAnswers } from "./call-packing.ts";
import { packDeliveries } from "./delivery-packing.ts";
import type { Delivery, Receipt } from "./engine.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "./operations.ts";
import type { Outside } from "./outside.ts";
import { serveOutside } from "./outside-link.ts";
import { Vigil } from "./vigil.ts";
import {
  allowedMs,
  type EngineWorkerData,
  type FromWorker,
  type KnownProgram,
  laneOf,
  type StateRecord,
  type ToWorker,
  type WorkerBatch,
  type TwinNews,
  type TwinPlace,
  type WorkerReply,
  type WorkerRequest,
} from "./worker-messages.ts";

/** How to start a worker. */
export interface WorkerLinkOptions {
  /** Waits for its data. Owned. */
  readonly worker: Worker;
  readonly data: Omit<EngineWorkerData, "running" | "outside">;
  /** What the tasks of the twin in that slot reach. */
  readonly outsideOf: (slot: number) => Outside;
  readonly clock: Clock;
  readonly log: Log;
  readonly onNews: (slot: number, news: EngineNews) => void;
  readonly onRecord: (slot: number, record: StateRecord) => void;
  /** The tables of the twin in that slot were judged: opened, or refused for that reason. */
  readonly onJudged: (slot: number, failure: TwinError | undefined) => void;
  /** A program was compiled there. */
  readonly onProgram: (program: KnownProgram) => void;
  /** Called once when the worker is gone, whatever the reason. */
  readonly onEnd: () => void;
}

interface Flight {
  readonly lane: string;
  readonly allowedMs: number;
  readonly settle: PromiseWithResolvers<OperationAnswer<OperationName>>;
}

/** What is asked of a twin. */
interface LinkRequest<Name extends OperationName> {
  readonly name: Name;
  readonly args: OperationArgs<Name>;
  readonly signal?: AbortSignal | undefined;
}

const RUNNING_SIZE = 8;
const DONE: Delivery = { status: "done" };
const NO_ANSWERS: AnswersAndReceipts = { answers: [], receipts: [] };

/** Has a worker serve. Rejects with the worker's own error when it cannot open its journal. */
export async function startWorkerLink(options: WorkerLinkOptions): Promise<WorkerLink> {
  const running = new SharedArrayBuffer(RUNNING_SIZE);
  const { port1, port2: outside } = new MessageChannel();
  const data: EngineWorkerData = { ...options.data, running, outside };
  const link = new WorkerLink(running, options);
  options.worker.postMessage(data, [outside]);
  serveOutside(port1, options.outsideOf);
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
  /** Settles when the worker has opened its journal, or could not. */
  readonly ready: Promise<void>;
  /** Twins of which the journal has records. */
  recovered: readonly string[] = [];
  readonly #worker: Worker;
  readonly #running: Int32Array;
  readonly #options: WorkerLinkOptions;
  readonly #flights = new Map<number, Flight>();
  readonly #lanes = new Map<string, number>();
  /** Kept while one request alone is on its way. */
  readonly #vigil: Vigil;
  readonly #ended = Promise.withResolvers<void>();
  #nextId = 1;
  #calls: WorkerRequest<"call">[] = [];
  #deliveries: WorkerRequest<"deliver">[] = [];
  #requests: WorkerRequest[] = [];
  #drops: number[] = [];
  #places: TwinPlace[] = [];
  #forget: { readonly id: number; readonly twin: string }[] = [];
  #posting = false;
  #watching = false;
  #alive = true;
  #ending = false;

  constructor(running: SharedArrayBuffer, options: WorkerLinkOptions) {
    const { worker } = options;
    this.#worker = worker;
    this.#running = new Int32Array(running);
    this.#options = options;
    this.#vigil = new Vigil({ clock: options.clock });
    const started = Promise.withResolvers<void>();
    this.ready = started.promise;
    worker.on("message", (message: FromWorker) => this.#receive(message, started));
    let reason = "";
    worker.on("error", (error) => {
      reason = ` (${error instanceof Error ? error.message : String(error)})`;
    });
    worker.on("exit", () => {
      started.reject(notStarted(reason));
      this.#die();
    });
  }

  /** A twin comes to live there. */
  add(place: TwinPlace): void {
    this.#places.push(place);
    this.#postSoon();
  }

  /** Voids the records of a twin that does not live there. */
  async forget(twin: string): Promise<void> {
    if (!this.#alive) throw restarted();
    const id = this.#nextId++;
    const { promise } = this.#takeOff(id, "", LIMITS.engine.operationTimeoutMs);
    this.#forget.push({ id, twin });
    this.#postSoon();
    await promise;
  }

  /**
   * Asks the twin of that slot. Rejects with its error, with `TWIN_CALL_QUEUE` when too much waits already, with
   * `TWIN_ABORTED` when the signal aborts (a request that has begun still runs to its end), and with
   * `TWIN_ENGINE_RESTARTED` when the worker dies.
   */
  async request<Name extends OperationName>(
    slot: number,
    { name, args, signal }: LinkRequest<Name>,
  ): Promise<OperationAnswer<Name>> {
    if (signal?.aborted === true) throw aborted();
    if (!this.#alive) throw restarted();
    const place = laneOf({ slot, name, args });
    const lane = `${place.caller} ${place.lane}`;
    if ((this.#lanes.get(lane) ?? 0) >= LIMITS.engine.queueLength) {
      throw new TwinError(
        "TWIN_CALL_QUEUE",
        "Too many of your calls wait for this capability. Call again a little later.",
      );
    }
    const id = this.#nextId++;
    const settle = this.#takeOff(id, lane, allowedMs({ name, args }));
    const request = { id, slot, ...place, name, args, sentAtMs: this.#options.clock.nowMs() } as WorkerRequest;
    if (request.name === "call") this.#calls.push(request);
    else if (request.name === "deliver") this.#deliveries.push(request);
    else this.#requests.push(request);
    this.#postSoon();
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

  /** Notes that an answer is waited for. */
  #takeOff(id: number, lane: string, allowed: number): Flight["settle"] {
    const settle = Promise.withResolvers<OperationAnswer<OperationName>>();
    this.#lanes.set(lane, (this.#lanes.get(lane) ?? 0) + 1);
    this.#flights.set(id, { lane, allowedMs: allowed, settle });
    if (!this.#watching) void this.#watch();
    return settle;
  }

  #receive(message: FromWorker, started: PromiseWithResolvers<void>): void {
    this.#vigil.end();
    if (message instanceof Uint8Array) this.#take(message, []);
    else if (message.kind === "ready") {
      this.recovered = message.recovered;
      started.resolve();
    } else if (message.kind === "failed") {
      if (message.stack !== undefined)
        this.#options.log.error({ stack: message.stack }, "The engine's worker could not start.");
      started.reject(errorFromWire(message.error));
    } else if (message.kind === "opened") this.#options.onJudged(message.slot, undefined);
    else if (message.kind === "refused") this.#options.onJudged(message.slot, errorFromWire(message.error));
    else if (message.kind === "program") this.#options.onProgram(message);
    else if (message.kind === "records") {
      for (const record of message.records) this.#options.onRecord(message.slot, record);
    } else {
      for (const { level, fields, message: text } of message.log) this.#options.log[level](fields, text);
      for (const id of message.done) this.#settle({ id, answer: DONE });
      for (const reply of message.replies) this.#settle(reply);
      this.#take(message.answers, message.news);
    }
  }

  #take(packed: Packed | undefined, told: readonly TwinNews[]): void {
    const { answers, receipts } = packed === undefined ? NO_ANSWERS : unpackAnswers(packed);
    for (const answer of answers) this.#settle(answer);
    for (const { slot, news } of joinReceipts(told, receipts)) this.#options.onNews(slot, news);
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
      const batch: WorkerBatch = {
        places: this.#places,
        calls,
        deliveries: this.#deliveries.length === 0 ? undefined : packDeliveries(this.#deliveries),
        requests: this.#requests,
        drops: this.#drops,
        forget: this.#forget,
      };
      [this.#places, this.#calls, this.#deliveries, this.#requests] = [[], [], [], []];
      [this.#drops, this.#forget] = [[], []];
      const { places, deliveries, requests, drops, forget } = batch;
      const others = places.length + requests.length + drops.length + forget.length;
      const isAlone = others === 0 && deliveries === undefined;
      const message: ToWorker = isAlone && calls !== undefined ? calls : batch;
      const packed = [calls, deliveries].filter((each) => each !== undefined);
      this.#worker.postMessage(
        message,
        packed.map(({ buffer }) => buffer),
      );
      if (this.#flights.size === 1) this.#vigil.begin();
    });
  }

  /** While something is in flight: looks which request runs, and ends the worker when one runs for too long. */
  async #watch(): Promise<void> {
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

/** The news of each twin, with its receipts. */
function joinReceipts(news: readonly TwinNews[], receipts: AnswersAndReceipts["receipts"]): Iterable<TwinNews> {
  const joined = new Map(
    news.map((each) => [each.slot, { ...each, news: { ...each.news, receipts: [] as Receipt[] } }]),
  );
  for (const { slot, receipt } of receipts) {
    joined
      .getOrInsertComputed(slot, () => ({ slot, news: { outboxPeers: [], events: [], receipts: [] as Receipt[] } }))
      .news.receipts.push(receipt);
  }
  return joined.values();
}

function aborted(): TwinError {
  return new TwinError("TWIN_ABORTED", "The call was given up before its answer came.");
}

function notStarted(reason: string): TwinError {
  return new TwinError(
    "TWIN_ENGINE_RESTARTED",
    `The engine's worker ended while it started${reason}. Nothing has begun: repeat the call. The host's log has more when it stays so.`,
  );
}

function restarted(): TwinError {
  return new TwinError(
    "TWIN_ENGINE_RESTARTED",
    "The engine was restarted under this call. It took effect either completely or not at all: repeat it with the same call id.",
  );
}
