// Runs what is asked of the twins of an engine worker, in turn and a slice at a time.

import { systemClock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CommitCosts } from "../state/commit-costs.ts";
import { unpackCalls } from "./call-packing.ts";
import { unpackDeliveries } from "./delivery-packing.ts";
import { ENGINE_OPERATIONS, type Operation } from "./engine-operations.ts";
import { FairQueue, type Payer } from "./fair-queue.ts";
import type { Mailer } from "./mailer.ts";
import type { OperationAnswer, OperationName } from "./operations.ts";
import type { Residence } from "./residence.ts";
import type { Turns } from "./turns.ts";
import { Vigil } from "./vigil.ts";
import {
  batchOf,
  type EngineWorkerData,
  type ToWorker,
  type WorkerReply,
  type WorkerRequest,
} from "./worker-messages.ts";

/** Work of the worker's own that runs guests: it waits its turn in a lane of its own. */
interface OwnWork extends Payer {
  readonly id: typeof OWN_ID;
  readonly lane: "";
  readonly run: () => void;
  /** Whether it lets a guest go on, which then runs behind the slice. */
  readonly resumes: boolean;
}

/** No request has it: the watchdog sees that something runs, and gives it a call's time. */
const OWN_ID = -1;

/** What a request loop is made of. */
export interface RequestLoopParts {
  readonly residence: Residence;
  readonly mailer: Mailer;
  readonly running: EngineWorkerData["running"];
  /** Of what requests commit. */
  readonly costs: CommitCosts;
}

/** Says which one is running, so that the watchdog can judge it. */
export class RequestLoop {
  readonly #residence: Residence;
  readonly #mailer: Mailer;
  readonly #costs: CommitCosts;
  readonly #running: Int32Array;
  readonly #queue = new FairQueue<WorkerRequest | OwnWork>();
  /** Aborted when nobody waits any more for what has begun; of those that asked for it. */
  readonly #begun = new Map<number, AbortController>();
  /** Kept when everything is answered: who has called often calls again. */
  readonly #vigil = new Vigil({ clock: systemClock });
  /** Requests that have begun and are not answered. */
  #openCount = 0;
  #scheduled = false;
  #ranCount = 0;
  /** Who runs behind the slice. */
  #resumed: { readonly payer: Payer; readonly sinceMs: number } | undefined;

  constructor({ residence, mailer, running, costs }: RequestLoopParts) {
    this.#residence = residence;
    this.#mailer = mailer;
    this.#costs = costs;
    this.#running = new Int32Array(running);
  }

  /** Takes in what the main thread has sent. */
  accept(message: ToWorker): void {
    this.#vigil.end();
    const { places, calls, deliveries, requests, drops, forget } = batchOf(message);
    for (const place of places) this.#residence.add(place);
    for (const { id, twin } of forget) this.#answer(id, "forget", this.#residence.forget(twin));
    if (calls !== undefined) for (const call of unpackCalls(calls)) this.#queue.push(call);
    if (deliveries !== undefined) for (const delivery of unpackDeliveries(deliveries)) this.#queue.push(delivery);
    for (const request of requests) this.#queue.push(request);
    for (const id of drops) {
      if (this.#queue.drop(id) !== undefined) this.#mailer.reply({ id, dropped: true });
      else this.#begun.get(id)?.abort();
    }
    if (!this.#scheduled) this.#runSlice();
  }

  /** Whether one request at most has run since this was asked last, and none waits. */
  isAlone(): boolean {
    const isAlone = this.#ranCount <= 1 && this.#queue.isEmpty;
    this.#ranCount = 0;
    return isAlone;
  }

  /** Whether something waits for its turn. */
  get isBusy(): boolean {
    return !this.#queue.isEmpty;
  }

  /** Turns of the own work of the twin in that slot. */
  turnsOf(slot: number): Turns {
    const enter = (caller: string, run: () => void, resumes: boolean): void => {
      this.#queue.push({ id: OWN_ID, slot, caller: `${slot} ${caller}`, lane: "", run, resumes });
      this.#schedule();
    };
    return {
      perform: (caller, work) => new Promise((resolve) => enter(caller, () => resolve(Promise.try(work)), false)),
      resume: (caller) => new Promise((resolve) => enter(caller, resolve, true)),
    };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#runSlice());
  }

  /** Commits of one slice share one sync; answers go out after it. */
  #runSlice(): void {
    this.#scheduled = false;
    const startedMs = systemClock.elapsedMs();
    this.#endResumed(startedMs);
    let beforeMs = startedMs;
    for (let request = this.#queue.next(); request !== undefined; request = this.#queue.next()) {
      const committed = this.#costs.committedSizeBytes;
      if ("run" in request && request.resumes) return this.#resume(request, beforeMs);
      if ("run" in request) this.#marked(OWN_ID, request.run);
      else this.#perform(request);
      const nowMs = systemClock.elapsedMs();
      const laterMs = this.#costs.priceMs(this.#costs.committedSizeBytes - committed);
      this.#queue.charge(request, nowMs - beforeMs + laterMs);
      beforeMs = nowMs;
      if (nowMs - startedMs < LIMITS.engine.sliceMs) continue;
      this.#schedule();
      return;
    }
  }

  /** Ends the slice: the guest that goes on runs behind it, before the next one, and the watchdog sees that something runs. */
  #resume(payer: OwnWork, sinceMs: number): void {
    Atomics.add(this.#running, 1, 1);
    Atomics.store(this.#running, 0, OWN_ID);
    this.#resumed = { payer, sinceMs };
    payer.run();
    this.#schedule();
  }

  #endResumed(nowMs: number): void {
    if (this.#resumed === undefined) return;
    const { payer, sinceMs } = this.#resumed;
    this.#resumed = undefined;
    Atomics.store(this.#running, 0, 0);
    this.#queue.charge(payer, nowMs - sinceMs);
  }

  #perform({ id, slot, name, args, sentAtMs }: WorkerRequest): void {
    if (name === "close") return this.#answer(id, name, this.#residence.remove(slot));
    // The types of name and args belong together, which TypeScript cannot follow through a table.
    const operation = ENGINE_OPERATIONS[name] as Operation<OperationName>;
    const queueMs = Math.max(0, systemClock.nowMs() - sentAtMs);
    // The operation runs here and now, up to its commit; what it throws is an answer too.
    const context = { queueMs, signal: () => this.#signalOf(id) };
    const answering = this.#marked(id, () => this.#residence.use(slot, (core) => operation(core, args, context)));
    this.#answer(id, name, answering);
  }

  #signalOf(id: number): AbortSignal {
    return this.#begun.getOrInsertComputed(id, () => new AbortController()).signal;
  }

  #answer(id: number, name: string, answering: Promise<OperationAnswer<OperationName>>): void {
    this.#openCount += 1;
    answering.then(
      (answer) => this.#reply({ id, answer }),
      (thrown: unknown) => {
        const error = toTwinError(thrown);
        if (error !== thrown)
          this.#mailer.log("error", { err: thrown }, `The operation ${name} met an error of the host.`);
        this.#reply({ id, error: error.toWire() });
      },
    );
  }

  #reply(reply: WorkerReply): void {
    this.#begun.delete(reply.id);
    this.#mailer.reply(reply);
    this.#openCount -= 1;
    if (this.#openCount === 0 && this.#queue.isEmpty) this.#vigil.begin();
  }

  /** Lets the watchdog see what runs, and that it is another one than before. */
  #marked<Result>(id: number, run: () => Result): Result {
    this.#ranCount += 1;
    Atomics.add(this.#running, 1, 1);
    Atomics.store(this.#running, 0, id);
    try {
      return run();
    } finally {
      Atomics.store(this.#running, 0, 0);
    }
  }
}
