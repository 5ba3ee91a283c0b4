// The engines of a host: many twins in a few workers, each with one journal. A twin lives in one worker.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Engine } from "./engine.ts";
import { NO_OUTSIDE, type Outside } from "./outside.ts";
import { WorkerEngine } from "./worker-engine.ts";
import { WorkerSeat } from "./worker-seat.ts";
import { WorkerStock } from "./worker-stock.ts";

/** What {@link openEngines} needs. */
export interface EnginesOptions {
  /** Of the journals: `0/`, `1/`, one per worker; made when there is something to write. One process at a time may use it. */
  readonly folder: string;
  /** Drives the watchdog; calls themselves see the machine's clock. */
  readonly clock?: Clock | undefined;
  readonly log: Log;
  /** The workers' file, when it is not ours: one that does more around it. */
  readonly entry?: URL | undefined;
  /** Whether a lock of the caller's keeps other processes out: else each twin that is awake is locked by itself, and costs more to wake. */
  readonly isLocked?: boolean | undefined;
  /** Workers among which new twins are spread; default `LIMITS.engine.workerCount`. */
  readonly workerCount?: number | undefined;
}

/** A twin that is to be opened. */
export interface TwinOptions {
  /** The twin's data folder, which must exist: `state.sqlite`, `packages/`. */
  readonly folder: string;
  /** Id of the twin. */
  readonly twin: string;
  /** 32 bytes. Copied. */
  readonly stateKey: Uint8Array;
  /** What its tasks reach; nothing when absent. */
  readonly outside?: Outside | undefined;
  /** Whether listeners are told of the state's records: they are copied for it. */
  readonly follow?: boolean | undefined;
}

/** Twins in workers. Disposing it closes all of them. */
export interface Engines extends AsyncDisposable {
  /** Opens a twin. Rejects as `openJournalStateStore` throws when its state cannot be used, and with `TWIN_HOST_BUSY` when it is open. */
  open(options: TwinOptions): Promise<Engine>;
  /** Takes a twin in as it sleeps: in no time and without a look at its state, which is opened when something is asked or due. Throws `TWIN_HOST_BUSY` when it is open. */
  takeIn(options: TwinOptions): Engine;
  /** Twins that are open or taken in, whose state could not be used when it was opened last, and why. */
  refused(): ReadonlyMap<string, TwinError>;
  /** Voids what the journals say of a twin that moved away or was deleted. Throws `TWIN_HOST_BUSY` when it is open. */
  forget(twin: string): Promise<void>;
}

/**
 * Opens the journals that are there, each in a worker. Rejects with `TWIN_STATE_BROKEN` when one of
 * them is damaged.
 */
export async function openEngines(options: EnginesOptions): Promise<Engines> {
  const engines = new WorkerEngines(options);
  try {
    await engines.start();
    return engines;
  } catch (thrown) {
    await engines[Symbol.asyncDispose]();
    throw thrown;
  }
}

class WorkerEngines implements Engines {
  readonly #options: EnginesOptions;
  readonly #stock: WorkerStock;
  readonly #seats: WorkerSeat[];
  readonly #workerCount: number;
  readonly #open = new Set<string>();
  #closed = false;

  constructor(options: EnginesOptions) {
    const {
      folder,
      clock = systemClock,
      log,
      entry,
      isLocked = false,
      workerCount = LIMITS.engine.workerCount,
    } = options;
    this.#options = options;
    this.#workerCount = workerCount;
    this.#stock = new WorkerStock({ entry, clock, log });
    // A journal keeps its worker, also when there are to be fewer: it may hold what no table has yet.
    const count = Math.max(workerCount, ...journalsIn(folder).map((index) => index + 1));
    this.#seats = Array.from({ length: count }, (_, index) => {
      return new WorkerSeat({ journalFolder: join(folder, String(index)), isLocked, clock, log, stock: this.#stock });
    });
  }

  /** Workers without a journal start with their first twin. */
  async start(): Promise<void> {
    await Promise.all(journalsIn(this.#options.folder).map((index) => this.#seats[index]!.start()));
  }

  async open(options: TwinOptions): Promise<Engine> {
    const engine = this.takeIn(options);
    try {
      await engine.status();
      return engine;
    } catch (thrown) {
      await engine[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  takeIn({ folder, twin, stateKey, follow = false, outside = NO_OUTSIDE }: TwinOptions): Engine {
    this.#requireAway(twin);
    const seat = this.#seatFor(twin);
    const slot = seat.add({ folder, twin, stateKey: stateKey.slice(), follow }, outside);
    const engine = new WorkerEngine({
      ask: (name, args, signal) => seat.ask(slot, { name, args, signal }),
      leave: async () => {
        await seat.remove(slot);
        this.#open.delete(twin);
      },
      hearers: seat.hearers,
      log: this.#options.log,
    });
    seat.attach(slot, engine);
    this.#open.add(twin);
    return engine;
  }

  refused(): ReadonlyMap<string, TwinError> {
    return new Map(this.#seats.flatMap((seat) => [...seat.refused()]));
  }

  async forget(twin: string): Promise<void> {
    this.#requireAway(twin);
    await Promise.all(this.#seats.filter((seat) => seat.knows(twin)).map((seat) => seat.forget(twin)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#seats.map((seat) => seat.end()), this.#stock[Symbol.asyncDispose]()]);
  }

  #requireAway(twin: string): void {
    if (this.#closed) throw new TwinError("TWIN_ABORTED", "The engines were closed.");
    if (this.#open.has(twin)) throw new TwinError("TWIN_HOST_BUSY", "This twin is open here already.");
  }

  /** Where its records are, else where the fewest twins live. */
  #seatFor(twin: string): WorkerSeat {
    const known = this.#seats.find((seat) => seat.knows(twin));
    const [least] = this.#seats.slice(0, this.#workerCount).toSorted((left, right) => left.twinCount - right.twinCount);
    return known ?? least!;
  }
}

/** Indexes of the journals in `folder`. */
function journalsIn(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d{1,3}$/u.test(name))
    .map(Number);
}
