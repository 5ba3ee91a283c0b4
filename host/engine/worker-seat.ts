// A place for one engine worker: the one that serves, or after its death the next one, with the same
// twins and the same journal.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { OperationAnswer, OperationArgs, OperationName } from "./operations.ts";
import { NO_OUTSIDE, type Outside } from "./outside.ts";
import type { WorkerEngine } from "./worker-engine.ts";
import { startWorkerLink, type WorkerLink } from "./worker-link.ts";
import type { WorkerStock } from "./worker-stock.ts";
import type { TwinPlace } from "./worker-messages.ts";

/** What a seat needs. */
export interface SeatParts {
  readonly journalFolder: string;
  readonly isLocked: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly stock: WorkerStock;
}

/** What is asked of a twin. */
export interface SeatRequest<Name extends OperationName> {
  readonly name: Name;
  readonly args: OperationArgs<Name>;
  readonly signal?: AbortSignal | undefined;
}

interface Tenant {
  place: TwinPlace;
  readonly outside: Outside;
  /** Why its tables could not be opened when that was tried last. */
  failure?: TwinError | undefined;
  engine?: WorkerEngine;
}

/** One worker after the other. */
export class WorkerSeat {
  /** One `Int32`: how many listeners of its twins hear of receipts. */
  readonly hearers = new Int32Array(new SharedArrayBuffer(4));
  readonly #parts: SeatParts;
  readonly #twins = new Map<number, Tenant>();
  /** Twins of which the journal has records, or may have. */
  readonly #known = new Set<string>();
  #nextSlot = 1;
  /** The worker that serves, or that is starting; none after one has died, for a moment or until something is asked. */
  #link: Promise<WorkerLink> | undefined;
  #deaths = 0;
  #ended = false;

  constructor(parts: SeatParts) {
    this.#parts = parts;
  }

  get twinCount(): number {
    return this.#twins.size;
  }

  /** Whether the journal may have records of the twin. */
  knows(twin: string): boolean {
    return this.#known.has(twin);
  }

  /** Twins whose tables could not be opened, and why. */
  *refused(): Generator<readonly [twin: string, failure: TwinError]> {
    for (const { place, failure } of this.#twins.values()) if (failure !== undefined) yield [place.twin, failure];
  }

  /** Makes sure that a worker serves. When it cannot start, its error is the answer, and the next request tries once more. */
  start(): Promise<WorkerLink> {
    if (this.#ended) return Promise.reject(closed());
    return (this.#link ??= this.#begin());
  }

  #begin(): Promise<WorkerLink> {
    const { journalFolder, isLocked, clock, log, stock } = this.#parts;
    let servedSinceMs: number | undefined;
    const link = Promise.try(() =>
      startWorkerLink({
        data: {
          journalFolder,
          isLocked,
          places: [...this.#twins.values()].map(({ place }) => place),
          hearers: this.hearers.buffer,
        },
        worker: stock.take(),
        clock,
        log,
        outsideOf: (slot) => this.#twins.get(slot)?.outside ?? NO_OUTSIDE,
        onNews: (slot, news) => this.#twins.get(slot)?.engine?.tell(news),
        onRecord: (slot, record) => this.#twins.get(slot)?.engine?.tellRecord(record),
        onJudged: (slot, failure) => {
          const tenant = this.#twins.get(slot);
          if (tenant === undefined) return;
          tenant.place = { ...tenant.place, wasOpened: failure === undefined };
          tenant.failure = failure;
        },
        onProgram: (program) => stock.know(program),
        onEnd: () => {
          if (this.#link === link) this.#link = undefined;
          for (const { engine } of this.#twins.values()) engine?.tellRestart();
          if (servedSinceMs !== undefined) void this.#revive(clock.elapsedMs() - servedSinceMs);
        },
      }),
    );
    void this.#welcome(link).then((atMs) => (servedSinceMs = atMs));
    return link;
  }

  /** When the worker began to serve; undefined when it could not. */
  async #welcome(link: Promise<WorkerLink>): Promise<number | undefined> {
    try {
      for (const twin of (await link).recovered) this.#known.add(twin);
      this.#parts.stock.prepare();
      return this.#parts.clock.elapsedMs();
    } catch {
      // Who waits for it is told why.
      if (this.#link === link) this.#link = undefined;
      return undefined;
    }
  }

  /** Takes a twin in; it sleeps. Returns its slot. Owns the key from then on. */
  add(twin: Omit<TwinPlace, "slot" | "wasOpened">, outside: Outside): number {
    const place: TwinPlace = { ...twin, slot: this.#nextSlot++, wasOpened: false };
    this.#twins.set(place.slot, { place, outside });
    this.#known.add(twin.twin);
    // One that does not start says so to who asks.
    if (this.#link === undefined) void this.start().catch(() => {});
    else void this.#link.then((link) => link.add(place)).catch(() => {});
    return place.slot;
  }

  /** Who hears what happens in the twin. */
  attach(slot: number, engine: WorkerEngine): void {
    this.#twins.get(slot)!.engine = engine;
  }

  async ask<Name extends OperationName>(
    slot: number,
    { name, args, signal }: SeatRequest<Name>,
  ): Promise<OperationAnswer<Name>> {
    if (!this.#twins.has(slot)) throw closed();
    const link = await this.start();
    return link.request(slot, { name, args, signal });
  }

  /** Closes a twin. */
  async remove(slot: number): Promise<void> {
    const tenant = this.#twins.get(slot);
    if (tenant === undefined) return;
    this.#twins.delete(slot);
    const link = await this.#link?.catch(() => undefined);
    await this.#inTime(link?.request(slot, { name: "close", args: undefined }));
    tenant.place.stateKey.fill(0);
  }

  /** Voids the records of a twin that is not here. */
  async forget(twin: string): Promise<void> {
    const link = await this.start();
    await link.forget(twin);
    this.#known.delete(twin);
  }

  /** Closes the twins and ends the worker. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const link = await this.#link?.catch(() => undefined);
    const left = [...this.#twins];
    this.#twins.clear();
    if (link !== undefined) {
      // Only receipts wait for this; everything that was acknowledged is durable already.
      await this.#inTime(Promise.all(left.map(([slot]) => link.request(slot, { name: "close", args: undefined }))));
      await link.end();
    }
    for (const [, { place }] of left) place.stateKey.fill(0);
  }

  /** A worker that has served and died is replaced although nothing is asked: its timers are due some time. */
  async #revive(servedMs: number): Promise<void> {
    const { reviveMs, reviveMsMax } = LIMITS.engine;
    const { clock, log } = this.#parts;
    // One that keeps dying must not take the machine with it.
    this.#deaths = servedMs > reviveMsMax ? 0 : this.#deaths + 1;
    await clock.sleep(Math.min(reviveMs * 2 ** this.#deaths, reviveMsMax));
    if (this.#ended || this.#link !== undefined) return;
    try {
      await this.start();
    } catch (thrown) {
      log.warn({ err: thrown }, "The engine could not be started again; it is tried when something is asked.");
    }
  }

  async #inTime(closing: Promise<unknown> | undefined): Promise<void> {
    const { clock, log } = this.#parts;
    const closed = Promise.resolve(closing).catch((thrown: unknown) => {
      log.warn({ err: thrown }, "The engine did not close by itself.");
    });
    await Promise.race([closed, clock.sleep(LIMITS.engine.closeTimeoutMs)]);
  }
}

function closed(): TwinError {
  return new TwinError("TWIN_ABORTED", "The engine was closed.");
}
