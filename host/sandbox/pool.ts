// Guests on worker threads. A guest's calls run one at a time, in order; its memory is a cache that
// may be gone at the next call, so that a guest can move: away from a neighbour that is slow, or from
// a worker that had to be ended.

import { availableParallelism } from "node:os";

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { CompiledGuest } from "./guest.ts";
import { type AdmittedNews, type AnsweredNews, FLIGHT_ID_MAX } from "./pool-messages.ts";
import type { Flight, GuestSeat } from "./pool-worker.ts";
import type { TallyKind } from "./process-tally.ts";
import type { AdmittedModule, GuestAnswer, GuestLimits, WaitingBudget } from "./sandbox.ts";
import { WorkerFleet } from "./worker-fleet.ts";

/** How a pool is to run. */
export interface PoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Threads; default one less than the machine runs at once, and at least 2, one of which is kept for quick guests. */
  readonly workerCount?: number | undefined;
  /** The module whose export `sandboxHost` (see `SandboxHost`) offers functions to guests; absent: none. */
  readonly host?: URL | undefined;
  /** Longest single wait for a host function; default `LIMITS.sandbox.waitTimeoutMs`. */
  readonly waitTimeoutMs?: number | undefined;
}

/** A module that this pool has admitted. */
export interface PooledModule {
  readonly admitted: Omit<AdmittedModule, "wasm">;
  /** For the pool's own use. */
  readonly compiled: CompiledGuest;
}

/** How a guest of a pool is to run. */
interface PooledGuestOptions {
  /** Weighted frames; default `LIMITS.sandbox.callDepth`. */
  readonly callDepth?: number | undefined;
  /** Given to `SandboxHost.createHost` in the worker; must survive a structured clone. */
  readonly context?: unknown;
}

/** A guest of a pool. What its memory holds between two calls may be lost at any time. */
export interface PooledGuest {
  /**
   * Runs `method` after all earlier calls of this guest. Rejects with `TWIN_GUEST_*` like
   * `WaitingGuest.callWaiting`, with `TWIN_GUEST_DEADLINE` also when it computes for longer than
   * `timeoutMs`; with `TWIN_CALL_QUEUE` when too much is under way; with `TWIN_SANDBOX_RESTARTED` when
   * its worker ended by another's fault after it had begun; with `TWIN_ABORTED` when `signal` aborts
   * first, after which a call that had begun runs on to its end, unheard. `payload` stays the caller's,
   * who must not change it before the call settles.
   */
  call(method: string, payload: Uint8Array, budget: WaitingBudget, options?: CallOptions): Promise<GuestAnswer>;
  /** Forgets the guest. Calls that have not begun reject with `TWIN_ABORTED`. */
  close(): void;
}

/** How a call can be given up. */
interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a pool holds now. */
interface PoolUsage extends Readonly<Record<TallyKind, number>> {
  /** Calls and admissions in the workers: queued, running or waiting. */
  readonly flights: number;
  /** Workers that were ended or failed since the start. */
  readonly workersReplaced: number;
}

/** Guests on worker threads. */
export interface SandboxPool extends AsyncDisposable {
  /** Admits and compiles a stranger's module. Rejects with `TWIN_MODULE_*`. `bytes` stay the caller's. */
  admit(bytes: Uint8Array, limits?: Partial<Pick<GuestLimits, "memorySizeBytes">>): Promise<PooledModule>;
  /** A guest of `module`; takes no room until it is called. */
  createGuest(module: PooledModule, options?: PooledGuestOptions): PooledGuest;
  usage(): PoolUsage;
}

/** Starts the workers. Rejects when they cannot start, for example because `host` cannot be loaded. */
export async function openSandboxPool(options: PoolOptions): Promise<SandboxPool> {
  const { clock, log, host, waitTimeoutMs } = options;
  const workerCount = options.workerCount ?? Math.max(2, availableParallelism() - 1);
  const fleet = new WorkerFleet({ clock, log, host: host?.href, workerCount, waitTimeoutMs });
  try {
    await fleet.ready();
  } catch (thrown) {
    await fleet.close();
    throw thrown;
  }
  return new Pool(fleet);
}

class Pool implements SandboxPool {
  readonly #fleet: WorkerFleet;
  #lastId = 0;
  #lastGuest = 0;

  constructor(fleet: WorkerFleet) {
    this.#fleet = fleet;
  }

  async admit(bytes: Uint8Array, limits: Partial<Pick<GuestLimits, "memorySizeBytes">> = {}): Promise<PooledModule> {
    const memorySizeBytes = limits.memorySizeBytes ?? LIMITS.sandbox.memorySizeBytes;
    const own = exactBytes(bytes);
    const { promise, resolve, reject } = Promise.withResolvers<AdmittedNews | AnsweredNews>();
    const id = this.#takeId();
    this.#fleet.send({
      id,
      timeoutMs: LIMITS.sandbox.admitTimeoutMs,
      seat: undefined,
      fuel: Infinity,
      message: (cell) => ({ kind: "admit", id, cell, bytes: own, memorySizeBytes }),
      onAnswer: resolve,
      onError: reject,
    });
    const { compiled } = (await promise) as AdmittedNews;
    return { admitted: compiled.admitted, compiled };
  }

  createGuest({ compiled }: PooledModule, options: PooledGuestOptions = {}): PooledGuest {
    const guest = (this.#lastGuest += 1);
    const callDepth = options.callDepth ?? LIMITS.sandbox.callDepth;
    // Now, so that what cannot be sent is a fault of this call and not of a later one.
    const context: unknown = structuredClone(options.context);
    const opened = { kind: "open", guest, compiled, callDepth, context } as const;
    return new QueuedGuest(this.#fleet, { opened, home: undefined, quickCalls: 0 }, () => this.#takeId());
  }

  usage(): PoolUsage {
    const { tally, flightCount, replacedCount } = this.#fleet;
    return {
      stacks: tally.sum("stacks"),
      instances: tally.sum("instances"),
      memoryPages: tally.sum("memoryPages"),
      flights: flightCount,
      workersReplaced: replacedCount,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet.close();
  }

  #takeId(): number {
    this.#lastId = (this.#lastId % FLIGHT_ID_MAX) + 1;
    return this.#lastId;
  }
}

/** The calls of one guest, in line. */
class QueuedGuest implements PooledGuest {
  readonly #fleet: WorkerFleet;
  readonly #seat: GuestSeat;
  readonly #takeId: () => number;
  readonly #line: Flight[] = [];
  #current: Flight | undefined;
  #closed = false;

  constructor(fleet: WorkerFleet, seat: GuestSeat, takeId: () => number) {
    this.#fleet = fleet;
    this.#seat = seat;
    this.#takeId = takeId;
  }

  async call(
    method: string,
    payload: Uint8Array,
    budget: WaitingBudget,
    { signal }: CallOptions = {},
  ): Promise<GuestAnswer> {
    this.#check(budget, signal);
    const { promise, resolve, reject } = Promise.withResolvers<AnsweredNews>();
    const own = exactBytes(payload);
    const { opened } = this.#seat;
    const [id, { fuel, timeoutMs }] = [this.#takeId(), budget];
    const flight: Flight = {
      id,
      timeoutMs,
      fuel,
      seat: this.#seat,
      message: (cell) => ({ kind: "call", id, cell, guest: opened.guest, method, payload: own, fuel, timeoutMs }),
      onAnswer: (news) => {
        this.#ended(flight, (news as AnsweredNews).usage.fuel);
        resolve(news as AnsweredNews);
      },
      onError: (error) => {
        this.#ended(flight, Number(error.details["fuel"] ?? 0));
        reject(error);
      },
    };
    const abort = (): void => this.#giveUp(flight, reject);
    signal?.addEventListener("abort", abort, { once: true });
    this.#line.push(flight);
    this.#next();
    try {
      const { payload: answer, usage } = await promise;
      return { payload: answer, usage };
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  close(): void {
    this.#closed = true;
    const reason = new TwinError("TWIN_ABORTED", "The guest was closed.");
    for (const flight of this.#line.splice(0)) flight.onError(reason);
    if (this.#current !== undefined && this.#fleet.recall(this.#current.id)) this.#current.onError(reason);
    this.#fleet.forget(this.#seat.opened.guest);
  }

  #check({ fuel, timeoutMs }: WaitingBudget, signal: AbortSignal | undefined): void {
    if (!Number.isSafeInteger(fuel) || fuel < 0)
      throw new RangeError(`Fuel is a whole number of 0 or more, got ${fuel}`);
    if (!(timeoutMs > 0)) throw new RangeError(`A timeout is a positive number of milliseconds, got ${timeoutMs}`);
    if (this.#closed || signal?.aborted) throw new TwinError("TWIN_ABORTED", "The call was given up before it began.");
    if (this.#line.length < LIMITS.sandbox.poolQueueLength) return;
    const reason = `${LIMITS.sandbox.poolQueueLength} calls of this guest wait already; call again when some have ended.`;
    throw new TwinError("TWIN_CALL_QUEUE", reason);
  }

  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#line.shift();
    if (this.#current !== undefined) this.#fleet.send(this.#current);
  }

  #ended(flight: Flight, fuel: number): void {
    if (flight !== this.#current) return;
    this.#seat.quickCalls = fuel <= LIMITS.sandbox.poolQuickFuel ? this.#seat.quickCalls + 1 : 0;
    this.#current = undefined;
    this.#next();
  }

  #giveUp(flight: Flight, reject: (reason: TwinError) => void): void {
    reject(new TwinError("TWIN_ABORTED", "The call was given up."));
    const at = this.#line.indexOf(flight);
    if (at >= 0) this.#line.splice(at, 1);
    else if (this.#fleet.recall(flight.id)) this.#ended(flight, 0);
  }
}

/** A copy where `bytes` are a part of something larger, all of which would travel along. */
function exactBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
