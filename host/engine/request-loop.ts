// Runs what is asked of the twins of an engine worker, in turn and a slice at a time.

import { systemClock } from "../base/clock.ts";
import { toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { unpackCalls } from "./call-packing.ts";
import { ENGINE_OPERATIONS, type Operation } from "./engine-operations.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Mailer } from "./mailer.ts";
import type { OperationAnswer, OperationName } from "./operations.ts";
import type { Residence } from "./residence.ts";
import type { ToWorker, WorkerRequest } from "./worker-messages.ts";

/** Work of the worker's own that runs guests: it waits its turn in a lane of its own. */
interface OwnWork {
  readonly id: typeof OWN_ID;
  readonly caller: string;
  readonly lane: "";
  readonly run: () => void;
}

/** No request has it: the watchdog sees that something runs, and gives it a call's time. */
const OWN_ID = -1;

/** Says which one is running, so that the watchdog can judge it. */
export class RequestLoop {
  readonly #residence: Residence;
  readonly #mailer: Mailer;
  readonly #running: Int32Array;
  readonly #queue = new FairQueue<WorkerRequest | OwnWork>();
  #scheduled = false;

  constructor(residence: Residence, mailer: Mailer, running: SharedArrayBuffer) {
    this.#residence = residence;
    this.#mailer = mailer;
    this.#running = new Int32Array(running);
  }

  /** Takes in what the main thread has sent. */
  accept({ places, calls, requests, drops, forget }: ToWorker): void {
    for (const place of places) this.#residence.add(place);
    for (const { id, twin } of forget) this.#answer(id, "forget", this.#residence.forget(twin));
    if (calls !== undefined) for (const call of unpackCalls(calls)) this.#queue.push(call);
    for (const request of requests) this.#queue.push(request);
    for (const id of drops) {
      if (this.#queue.drop(id) !== undefined) this.#mailer.reply({ id, dropped: true });
    }
    if (!this.#scheduled) this.#runSlice();
  }

  /** Runs the twin's own `work` when it is its turn; settles as it does. */
  perform(slot: number, work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ id: OWN_ID, caller: `${slot} own`, lane: "", run: () => resolve(Promise.try(work)) });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#runSlice());
    }
    return promise;
  }

  /** Commits of one slice share one sync; answers go out after it. */
  #runSlice(): void {
    this.#scheduled = false;
    const startedMs = systemClock.elapsedMs();
    let beforeMs = startedMs;
    for (let request = this.#queue.next(); request !== undefined; request = this.#queue.next()) {
      if ("run" in request) this.#marked(OWN_ID, request.run);
      else this.#perform(request);
      const nowMs = systemClock.elapsedMs();
      this.#queue.charge(request.caller, nowMs - beforeMs);
      beforeMs = nowMs;
      if (nowMs - startedMs < LIMITS.engine.sliceMs) continue;
      this.#scheduled = true;
      setImmediate(() => this.#runSlice());
      return;
    }
  }

  #perform({ id, slot, name, args, sentAtMs }: WorkerRequest): void {
    if (name === "close") return this.#answer(id, name, this.#residence.remove(slot));
    // The types of name and args belong together, which TypeScript cannot follow through a table.
    const operation = ENGINE_OPERATIONS[name] as Operation<OperationName>;
    const queueMs = Math.max(0, systemClock.nowMs() - sentAtMs);
    // The operation runs here and now, up to its commit; what it throws is an answer too.
    const answering = this.#marked(id, () => this.#residence.use(slot, (core) => operation(core, args, { queueMs })));
    this.#answer(id, name, answering);
  }

  #answer(id: number, name: string, answering: Promise<OperationAnswer<OperationName>>): void {
    answering.then(
      (answer) => this.#mailer.reply({ id, answer }),
      (thrown: unknown) => {
        const error = toTwinError(thrown);
        if (error !== thrown)
          this.#mailer.log("error", { err: thrown }, `The operation ${name} met an error of the host.`);
        this.#mailer.reply({ id, error: error.toWire() });
      },
    );
  }

  /** Lets the watchdog see what runs, and that it is another one than before. */
  #marked<Result>(id: number, run: () => Result): Result {
    Atomics.add(this.#running, 1, 1);
    Atomics.store(this.#running, 0, id);
    try {
      return run();
    } finally {
      Atomics.store(this.#running, 0, 0);
    }
  }
}
