// Where calls wait: each has a stack of its own (JSPI), of which a process has only so many, and is
// woken with an error when its time is up. V8 never frees a stack whose promise does not settle, so
// every wait must end here.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { nameHostFault } from "./guest-fault.ts";
import type { ProcessTally } from "./process-tally.ts";
import type { WaitingBudget } from "./sandbox.ts";

/** What a room is made of. */
export interface WaitingRoomOptions {
  readonly clock: Clock;
  readonly tally: ProcessTally;
  /** Longest single wait; default `LIMITS.sandbox.waitTimeoutMs`. */
  readonly waitTimeoutMs?: number | undefined;
}

/** What a host function answers with. */
type HostValue = number | bigint | void;

/** The place of one call that may wait. At most one wait is open at a time: a guest has one stack. */
export interface WaitingSeat {
  /** Aborts when the wait that is open has to end, or the call did. */
  readonly signal: AbortSignal;
  /**
   * A promise that settles as `answer` does, its reason named as the host's fault, or rejects with
   * `TWIN_GUEST_DEADLINE` when that takes too long.
   */
  wait(answer: PromiseLike<HostValue>): Promise<HostValue>;
  /** The call has ended: its stack is free again. */
  leave(): void;
}

/** The calls of one thread that may wait. */
export class WaitingRoom {
  readonly #seats = new Set<Seat>();
  readonly #clock: Clock;
  readonly #tally: ProcessTally;
  readonly #waitTimeoutMs: number;
  #ticking = false;

  constructor({ clock, tally, waitTimeoutMs }: WaitingRoomOptions) {
    this.#clock = clock;
    this.#tally = tally;
    this.#waitTimeoutMs = waitTimeoutMs ?? LIMITS.sandbox.waitTimeoutMs;
  }

  /** Calls that have a seat now. */
  get count(): number {
    return this.#seats.size;
  }

  /**
   * A seat for a call that may take `timeoutMs` in all, waits included, and tells `onStill`. Throws `TWIN_CALL_QUEUE` when
   * the process has no stack left, long before V8 would abort it.
   */
  enter({ timeoutMs, onStill }: Pick<WaitingBudget, "timeoutMs" | "onStill">): WaitingSeat {
    this.#tally.take("stacks", 1);
    const untilMs = this.#clock.elapsedMs() + timeoutMs;
    const onLeave = (): void => this.#leave(seat);
    const seat = new Seat({ untilMs, waitTimeoutMs: this.#waitTimeoutMs, onLeave, onStill });
    this.#seats.add(seat);
    if (!this.#ticking) void this.#tick();
    return seat;
  }

  /** Ends all open waits with `reason`; their calls fail with it. */
  evict(reason: TwinError): void {
    for (const seat of this.#seats) seat.end(reason);
  }

  #leave(seat: Seat): void {
    if (this.#seats.delete(seat)) this.#tally.give("stacks", 1);
  }

  /** One timer for all: a timer for each wait would cost more than the wait. */
  async #tick(): Promise<void> {
    this.#ticking = true;
    while (this.#seats.size > 0) {
      await this.#clock.sleep(LIMITS.sandbox.waitTickMs);
      const nowMs = this.#clock.elapsedMs();
      for (const seat of this.#seats) seat.look(nowMs);
    }
    this.#ticking = false;
  }
}

interface SeatOptions {
  readonly untilMs: number;
  readonly waitTimeoutMs: number;
  readonly onLeave: () => void;
  readonly onStill: WaitingBudget["onStill"];
}

class Seat implements WaitingSeat {
  readonly #options: SeatOptions;
  #resolve: ((value: HostValue) => void) | undefined;
  /** Undefined when no wait is open: what comes then comes too late. */
  #reject: ((reason: unknown) => void) | undefined;
  /** When the open wait was first seen by a tick: reading the clock for each would cost as much as a wait. */
  #seenMs: number | undefined;
  #controller: AbortController | undefined;
  #left = false;

  constructor(options: SeatOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    if (this.#left) return AbortSignal.abort();
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  wait(answer: PromiseLike<HostValue>): Promise<HostValue> {
    this.#seenMs = undefined;
    const promise = new Promise<HostValue>(this.#open);
    this.#options.onStill?.(true);
    answer.then(this.#answer, this.#fail);
    return promise;
  }

  // Made once for each call, not for each wait: closures would be half of what a wait costs.
  readonly #open = (resolve: (value: HostValue) => void, reject: (reason: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  readonly #answer = (value: HostValue): void => {
    if (this.#close() !== undefined) this.#resolve!(value);
  };

  readonly #fail = (thrown: unknown): void => {
    this.#close()?.(nameHostFault(thrown));
  };

  look(nowMs: number): void {
    if (this.#reject === undefined) return;
    this.#seenMs ??= nowMs;
    const { untilMs, waitTimeoutMs } = this.#options;
    if (nowMs >= untilMs) this.end(deadline("The call ran out of time while it waited."));
    else if (nowMs - this.#seenMs >= waitTimeoutMs) {
      this.end(deadline(`The host function did not answer within ${waitTimeoutMs} ms; try again later.`));
    }
  }

  end(reason: TwinError): void {
    const reject = this.#close();
    if (reject === undefined) return;
    reject(reason);
    this.#controller?.abort(reason);
  }

  leave(): void {
    this.#reject = undefined;
    this.#left = true;
    this.#controller?.abort();
    this.#options.onLeave();
  }

  /** Ends the open wait; its `reject`, or nothing when none is open. */
  #close(): ((reason: unknown) => void) | undefined {
    const reject = this.#reject;
    if (reject === undefined) return undefined;
    this.#reject = undefined;
    this.#options.onStill?.(false);
    return reject;
  }
}

function deadline(reason: string): TwinError {
  return new TwinError("TWIN_GUEST_DEADLINE", reason);
}
