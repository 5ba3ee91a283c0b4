// The pool's end of one worker, from its start to its end. What was sent but not begun can be taken
// back at any time, so that a call is stuck behind another one only as long as the pool lets it be.

import { extname } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

import type { Clock } from "../base/clock.ts";
import { errorFromWire, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { Lookout } from "./lookout.ts";
import {
  type AdmittedNews,
  type AnsweredNews,
  createFlightBuffer,
  FlightCells,
  type FromSandboxWorker,
  type OpenRequest,
  type SandboxWorkerData,
  type ToSandboxWorker,
} from "./pool-messages.ts";

/** A guest as the fleet sees it. */
export interface GuestSeat {
  readonly opened: OpenRequest;
  /** Index of the worker that has its instance. */
  home: number | undefined;
  /** Its last calls that burnt little, in a row: what it has earned. */
  quickCalls: number;
}

/** One thing that a worker is to do. */
export interface Flight {
  /** Positive 31-bit number, unique among those in flight. */
  readonly id: number;
  readonly timeoutMs: number;
  /** The guest it is a call of; absent for an admission. */
  readonly seat: GuestSeat | undefined;
  /** What it may burn at most. */
  readonly fuel: number;
  readonly message: (cell: number) => ToSandboxWorker;
  readonly onAnswer: (news: AdmittedNews | AnsweredNews) => void;
  readonly onError: (error: TwinError) => void;
}

interface Sent {
  readonly flight: Flight;
  readonly cell: number;
  readonly sentMs: number;
  /** When a look first found it begun. */
  readonly begunMs: number | undefined;
}

/** How to start a worker. */
export interface PoolWorkerOptions {
  readonly data: Omit<SandboxWorkerData, "cells" | "port">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once, when the worker is gone: what was sent and never begun goes elsewhere. */
  readonly onEnd: (notBegun: readonly Flight[]) => void;
}

/** A worker and what it has to do. */
export class PoolWorker {
  /** Settles when it can run guests; rejects when it ended before. */
  readonly ready: Promise<void>;
  /** Resolves when its thread is gone. */
  readonly gone: Promise<void>;
  /** Whether something in it keeps others waiting. */
  stalled = false;
  /** Whether it has ever been ready. */
  wasReady = false;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #lookout: Lookout;
  readonly #options: PoolWorkerOptions;
  readonly #cells: FlightCells;
  readonly #freeCells: number[];
  /** By id, in the order in which they were sent, which is that in which the worker begins them. */
  readonly #queued = new Map<number, Sent>();
  readonly #begun = new Map<number, Sent>();
  readonly #opened = new Set<number>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #ended = false;

  constructor(options: PoolWorkerOptions) {
    this.#options = options;
    const { poolFlightCount } = LIMITS.sandbox;
    const cells = createFlightBuffer(poolFlightCount);
    this.#cells = new FlightCells(cells);
    this.#freeCells = Array.from({ length: poolFlightCount }, (_, index) => index);
    this.ready = this.#ready.promise;
    this.gone = this.#gone.promise;
    // Who does not wait for it learns of a failure by `onEnd`.
    this.ready.catch(() => undefined);
    // Run from a clone the file is TypeScript, from the package JavaScript.
    const entry = new URL(`./sandbox-worker${extname(import.meta.url)}`, import.meta.url);
    const { port1, port2 } = new MessageChannel();
    const workerData: SandboxWorkerData = { ...options.data, cells, port: port2 };
    this.#worker = new Worker(entry, {
      workerData,
      transferList: [port2],
      name: "sandbox",
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: LIMITS.sandbox.workerHeapSizeBytes / 2 ** 20 },
    });
    this.#port = port1;
    this.#port.on("message", (message: FromSandboxWorker) => this.#hear(message));
    // It is the worker that keeps the process alive, while there is something to do.
    this.#port.unref();
    const messageCount = (): number => this.#cells.messageCount("worker");
    this.#lookout = new Lookout({ port: port1, clock: options.clock, messageCount });
    this.#worker.on("error", (error) => {
      options.log.error({ error: String(error) }, "a sandbox worker failed");
      this.#ready.reject(error);
    });
    this.#worker.on("exit", () => {
      this.#end(restarted("The worker of this guest ended; call again."));
      this.#port.close();
      this.#gone.resolve();
    });
  }

  /** What it has been sent and not begun. */
  get queuedCount(): number {
    return this.#queued.size;
  }

  get flightCount(): number {
    return this.#queued.size + this.#begun.size;
  }

  /** Whether one more can be sent. */
  get hasRoom(): boolean {
    return this.#freeCells.length > 0 && !this.#ended;
  }

  send(flight: Flight): void {
    const opened = flight.seat?.opened;
    if (opened !== undefined && !this.#opened.has(opened.guest)) {
      this.#opened.add(opened.guest);
      this.#post(opened);
    }
    const cell = this.#freeCells.pop()!;
    this.#cells.post(cell, flight.id);
    this.#queued.set(flight.id, { flight, cell, sentMs: this.#options.clock.elapsedMs(), begunMs: undefined });
    if (this.flightCount === 1) this.#worker.ref();
    this.#post(flight.message(cell));
    // When all that is to be sent now has been.
    if (this.flightCount === 1) process.nextTick(this.#watch);
  }

  /** Of a single call the answer is mostly here before this thread would fall asleep and be woken up. */
  readonly #watch = (): void => {
    if (this.flightCount === 1 && !this.#ended && this.wasReady) this.#lookout.watch(this.#hearMore);
  };

  readonly #hearMore = (message: unknown): boolean => {
    this.#hear(message as FromSandboxWorker);
    return false;
  };

  /** The worker forgets the guest, once it has done what was sent before. */
  close(guest: number): void {
    if (this.#opened.delete(guest) && !this.#ended) this.#post({ kind: "close", guest });
  }

  /** Takes the flight back; false when it has begun, or is not here. */
  recall(id: number): boolean {
    const sent = this.#queued.get(id);
    if (sent === undefined || !this.#cells.recall(sent.cell, id)) return false;
    this.#free(sent);
    return true;
  }

  /** What it has been sent and, as far as is known, not begun. */
  queued(): Flight[] {
    return [...this.#queued.values()].map(({ flight }) => flight);
  }

  /** Looks at what the worker does: ends it when a call runs on behind its deadline. */
  look(nowMs: number): void {
    for (const [id, sent] of this.#queued) {
      if (this.#cells.stateOf(sent.cell, id) === "queued") break;
      this.#queued.delete(id);
      this.#begun.set(id, { ...sent, begunMs: nowMs });
    }
    let running = false;
    for (const { flight, cell, begunMs } of this.#begun.values()) {
      const still = this.#cells.stateOf(cell, flight.id) === "still";
      running ||= !still;
      if (nowMs - begunMs! < flight.timeoutMs + (still ? LIMITS.sandbox.callTimeoutMs : LIMITS.sandbox.watchdogGraceMs))
        continue;
      this.#options.log.warn({ timeoutMs: flight.timeoutMs }, "a call ran on behind its deadline; its worker is ended");
      void this.end(restarted("The worker of this guest was ended because of another guest; call again."));
      return;
    }
    const oldest = this.#queued.values().next().value;
    // When nothing runs it is the machine that is slow, and a move would only cost the guest its instance.
    this.stalled = running && oldest !== undefined && nowMs - oldest.sentMs >= LIMITS.sandbox.poolStallMs;
  }

  /** Ends the worker at once, and what it had begun with `reason`. Resolves when its thread is gone. */
  async end(reason: TwinError): Promise<void> {
    this.#end(reason);
    await this.#worker.terminate();
    await this.gone;
  }

  #post(message: ToSandboxWorker): void {
    this.#port.postMessage(message);
    this.#cells.countMessage("pool");
  }

  #hear(message: FromSandboxWorker): void {
    if (message.kind === "ready") {
      this.wasReady = true;
      this.#ready.resolve();
      // A pool that nobody uses must not keep the process alive.
      if (this.flightCount === 0) this.#worker.unref();
      return;
    }
    const sent = this.#queued.get(message.id) ?? this.#begun.get(message.id);
    if (sent === undefined) return;
    this.#free(sent);
    const { flight } = sent;
    if (message.kind !== "failed") {
      flight.onAnswer(message);
      return;
    }
    if (message.trace !== undefined) this.#options.log.error({ trace: message.trace }, "a host function failed");
    flight.onError(errorFromWire(message.error));
  }

  #free({ flight, cell }: Sent): void {
    this.#queued.delete(flight.id);
    this.#begun.delete(flight.id);
    this.#freeCells.push(cell);
    if (this.flightCount === 0 && this.wasReady) this.#worker.unref();
  }

  #end(reason: TwinError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ready.reject(restarted("The sandbox's worker did not start."));
    const nowMs = this.#options.clock.elapsedMs();
    const notBegun = this.queued().filter(({ id }) => this.recall(id));
    const begun = [...this.#queued.values(), ...this.#begun.values()];
    this.#queued.clear();
    this.#begun.clear();
    for (const { flight, begunMs } of begun) flight.onError(endOf(flight, nowMs - (begunMs ?? nowMs), reason));
    this.#options.onEnd(notBegun);
  }
}

/** Whose time is up has caused the end, or would have ended now anyway. */
function endOf({ timeoutMs }: Flight, ranMs: number, reason: TwinError): TwinError {
  if (ranMs < timeoutMs) return reason;
  return new TwinError("TWIN_GUEST_DEADLINE", `The call ran for longer than its ${timeoutMs} ms; do less in one call.`);
}

function restarted(reason: string): TwinError {
  return new TwinError("TWIN_SANDBOX_RESTARTED", reason);
}
