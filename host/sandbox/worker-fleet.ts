// Which worker does what. One worker is kept for guests that have shown to be quick, what is stuck
// behind a slow one goes elsewhere, and a worker whose call runs on behind its deadline is replaced
// by one that stands ready.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type Flight, PoolWorker } from "./pool-worker.ts";
import { createTallyBuffer, ProcessTally } from "./process-tally.ts";

/** What a fleet is made of. */
export interface FleetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly workerCount: number;
  /** The module of the host functions. */
  readonly host: string | undefined;
  readonly waitTimeoutMs: number | undefined;
}

/** Workers that are on their way out still count what they hold. */
const SPARE_TALLIES = 8;
/** This worker takes only what is known to be quick. */
const QUICK_WORKER = 0;

/** The workers of a pool. */
export class WorkerFleet {
  /** What all guests hold. */
  readonly tally: ProcessTally;
  readonly #options: FleetOptions;
  readonly #tallies: SharedArrayBuffer;
  readonly #freeTallies: number[];
  readonly #workers: PoolWorker[];
  /** Started ahead, for the place of a worker that has to be ended. */
  readonly #spares: PoolWorker[] = [];
  #replacedCount = 0;
  #watching = false;
  #closed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const tallyCount = options.workerCount + LIMITS.sandbox.poolSpareCount + SPARE_TALLIES;
    this.#tallies = createTallyBuffer(tallyCount);
    this.tally = new ProcessTally(this.#tallies);
    this.#freeTallies = Array.from({ length: tallyCount }, (_, index) => index);
    this.#workers = Array.from({ length: options.workerCount }, (_, index) => this.#start(index !== QUICK_WORKER));
  }

  get flightCount(): number {
    return this.#workers.reduce((count, worker) => count + worker.flightCount, 0);
  }

  /** Workers that were ended or failed since the start. */
  get replacedCount(): number {
    return this.#replacedCount;
  }

  /** Resolves when all workers can run guests. */
  async ready(): Promise<void> {
    await Promise.all(this.#workers.map(({ ready }) => ready));
    this.#startSpares();
  }

  /** Sends the flight to the best worker; it ends with `TWIN_CALL_QUEUE` when all are full. */
  send(flight: Flight): void {
    if (this.#closed) {
      flight.onError(closed());
      return;
    }
    const index = this.#place(flight);
    if (index === undefined) {
      const reason = "The sandbox has too many calls under way; call again when some have ended.";
      flight.onError(new TwinError("TWIN_CALL_QUEUE", reason));
      return;
    }
    this.#move(flight, index);
    if (!this.#watching) void this.#watch();
  }

  /** Takes back what has not begun; false when it has. */
  recall(id: number): boolean {
    return this.#workers.some((worker) => worker.recall(id));
  }

  /** Forgets the guest in all workers. */
  forget(guest: number): void {
    for (const worker of this.#workers) worker.close(guest);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workers, ...this.#spares].map((worker) => worker.end(closed())));
  }

  #move(flight: Flight, index: number): void {
    const { seat } = flight;
    if (seat !== undefined) {
      if (seat.home !== undefined && seat.home !== index) this.#workers[seat.home]!.close(seat.opened.guest);
      seat.home = index;
    }
    this.#workers[index]!.send(flight);
  }

  /** Index of the worker that should do it: its guest's home unless something is stuck there. */
  #place({ seat, fuel }: Flight): number | undefined {
    const quick =
      seat !== undefined &&
      (fuel <= LIMITS.sandbox.poolQuickFuel || seat.quickCalls >= LIMITS.sandbox.poolQuickCallCount);
    let best: number | undefined;
    for (const [index, worker] of this.#workers.entries()) {
      if (!worker.hasRoom || (index === QUICK_WORKER && !quick && this.#workers.length > 1)) continue;
      if (index === seat?.home && worker.wasReady && !worker.stalled) return index;
      if (best === undefined || isBetter(worker, this.#workers[best]!)) best = index;
    }
    return best;
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    const { clock } = this.#options;
    while (this.flightCount > 0) {
      await clock.sleep(LIMITS.sandbox.poolWatchMs);
      const nowMs = clock.elapsedMs();
      for (const worker of this.#workers) worker.look(nowMs);
      for (const [index, worker] of this.#workers.entries()) if (worker.stalled) this.#relieve(worker, index);
    }
    this.#watching = false;
  }

  /** Moves what is stuck behind a slow guest to where nothing is. */
  #relieve(worker: PoolWorker, index: number): void {
    if (this.#workers.every(({ stalled }) => stalled)) return;
    for (const flight of worker.queued()) {
      const other = this.#place(flight);
      if (other === undefined || other === index || this.#workers[other]!.stalled) continue;
      // Where all have much to do, a move only costs.
      if (this.#workers[other]!.queuedCount >= worker.queuedCount) return;
      if (worker.recall(flight.id)) this.#move(flight, other);
    }
  }

  #start(behindOthers: boolean): PoolWorker {
    const { clock, log, host, waitTimeoutMs } = this.#options;
    const tallyIndex = this.#freeTallies.pop() ?? 0;
    const data = { host, waitTimeoutMs, tally: this.#tallies, tallyIndex, behindOthers };
    const onEnd = (notBegun: readonly Flight[]): void => void this.#replace(worker, notBegun);
    const worker: PoolWorker = new PoolWorker({ data, clock, log, onEnd });
    void this.#reclaim(worker, tallyIndex);
    return worker;
  }

  /** They start behind others, so that nobody notices; a thread cannot come to the front again. */
  #startSpares(): void {
    while (!this.#closed && this.#spares.length < LIMITS.sandbox.poolSpareCount) this.#spares.push(this.#start(true));
  }

  async #reclaim(worker: PoolWorker, tallyIndex: number): Promise<void> {
    await worker.gone;
    new ProcessTally(this.#tallies, tallyIndex).clear();
    this.#freeTallies.push(tallyIndex);
  }

  async #replace(worker: PoolWorker, notBegun: readonly Flight[]): Promise<void> {
    const place = this.#spares.indexOf(worker);
    if (place >= 0) this.#spares.splice(place, 1);
    if (!this.#closed) {
      this.#replacedCount += 1;
      // One that cannot even start must not be tried in a tight loop.
      if (!worker.wasReady) await this.#options.clock.sleep(LIMITS.sandbox.workerRestartMs);
      const index = this.#workers.indexOf(worker);
      if (!this.#closed && index >= 0) {
        const spare = index === QUICK_WORKER && this.#workers.length > 1 ? undefined : this.#spares.pop();
        this.#workers[index] = spare ?? this.#start(index !== QUICK_WORKER);
      }
      this.#startSpares();
    }
    for (const flight of notBegun) this.send(flight);
  }
}

function isBetter(worker: PoolWorker, than: PoolWorker): boolean {
  if (worker.wasReady !== than.wasReady) return worker.wasReady;
  if (worker.stalled !== than.stalled) return than.stalled;
  if (worker.queuedCount !== than.queuedCount) return worker.queuedCount < than.queuedCount;
  return worker.flightCount < than.flightCount;
}

function closed(): TwinError {
  return new TwinError("TWIN_ABORTED", "The sandbox was closed.");
}
