// The guests of one worker: an instance each while there is room, a fresh one when it is called again.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { instantiate } from "./guest.ts";
import type { CallRequest, OpenRequest, SandboxHost } from "./pool-messages.ts";
import type { ProcessTally } from "./process-tally.ts";
import type { GuestAnswer, HostImplementation, Usage, WaitingGuest, WaitingImplementation } from "./sandbox.ts";
import type { WaitingRoom } from "./waiting-room.ts";

/** What a table is made of. */
export interface GuestTableParts {
  readonly host: SandboxHost;
  readonly room: WaitingRoom;
  readonly tally: ProcessTally;
}

interface Entry {
  readonly opened: OpenRequest;
  readonly implementation: HostImplementation;
  /** Only when the module imports one of them: a call that may wait costs a stack. */
  readonly waiting: WaitingImplementation | undefined;
  guest: WaitingGuest | undefined;
}

/** The guests of one worker. */
export class GuestTable {
  readonly #entries = new Map<number, Entry>();
  /** Those whose instance is in no call, in order of use: the least recent first. */
  readonly #idle = new Set<Entry>();
  readonly #parts: GuestTableParts;

  constructor(parts: GuestTableParts) {
    this.#parts = parts;
  }

  open(opened: OpenRequest): void {
    const { implementation, waiting } = this.#parts.host.createHost(opened.context);
    const { imports } = opened.compiled.admitted;
    const waits = waiting !== undefined && imports.some((name) => Object.hasOwn(waiting, name));
    const entry = { opened, implementation, waiting: waits ? waiting : undefined, guest: undefined };
    this.#entries.set(opened.guest, entry);
  }

  close(guest: number): void {
    const entry = this.#entries.get(guest);
    this.#entries.delete(guest);
    if (entry !== undefined && this.#idle.has(entry)) this.#drop(entry);
  }

  /** Runs the call; what a fresh instance needed to start is part of its bill. The answer is a promise only when the guest can wait. */
  call(request: CallRequest, onStill: (still: boolean) => void): GuestAnswer | Promise<GuestAnswer> {
    const entry = this.#entries.get(request.guest);
    if (entry === undefined) throw new TwinError("TWIN_ABORTED", "The guest was closed.");
    this.#idle.delete(entry);
    const fresh = entry.guest === undefined || entry.guest.dropped;
    const guest = fresh ? this.#start(entry, request.fuel) : entry.guest!;
    const startFuel = fresh ? guest.usage.fuel : 0;
    const budget = { fuel: Math.max(0, request.fuel - startFuel), timeoutMs: request.timeoutMs, onStill };
    if (entry.waiting !== undefined)
      return this.#wait(entry, guest.callWaiting(request.method, request.payload, budget), startFuel);
    try {
      return withStart(guest.call(request.method, request.payload, budget), startFuel);
    } catch (thrown) {
      throw withStartFuel(thrown, startFuel);
    } finally {
      this.#rest(entry);
    }
  }

  async #wait(entry: Entry, answer: Promise<GuestAnswer>, startFuel: number): Promise<GuestAnswer> {
    try {
      return withStart(await answer, startFuel);
    } catch (thrown) {
      throw withStartFuel(thrown, startFuel);
    } finally {
      this.#rest(entry);
    }
  }

  /** The call has ended; its guest may have been closed meanwhile. */
  #rest(entry: Entry): void {
    this.#idle.add(entry);
    if (this.#entries.get(entry.opened.guest) !== entry || entry.guest?.dropped === true) this.#drop(entry);
  }

  #start(entry: Entry, fuel: number): WaitingGuest {
    const { room, tally } = this.#parts;
    while (tally.own("instances") >= LIMITS.sandbox.instanceCount && this.#evictOne()) {
      // One goes for the one that comes.
    }
    const { compiled, callDepth } = entry.opened;
    const start = (): WaitingGuest =>
      instantiate(compiled, {
        implementation: entry.implementation,
        waiting: entry.waiting === undefined ? undefined : { implementation: entry.waiting, room },
        limits: { callDepth },
        budget: { fuel },
        tally,
      });
    for (;;) {
      try {
        entry.guest = start();
        return entry.guest;
      } catch (thrown) {
        const full = thrown instanceof TwinError && thrown.code === "TWIN_CALL_QUEUE";
        if (!full || !this.#evictOne()) throw thrown;
      }
    }
  }

  /** Drops the idle instance that was used the longest ago. */
  #evictOne(): boolean {
    const [entry] = this.#idle;
    if (entry !== undefined) this.#drop(entry);
    return entry !== undefined;
  }

  #drop(entry: Entry): void {
    this.#idle.delete(entry);
    entry.guest?.drop();
    entry.guest = undefined;
  }
}

function withStart(answer: GuestAnswer, startFuel: number): GuestAnswer {
  if (startFuel === 0) return answer;
  const usage: Usage = { ...answer.usage, fuel: answer.usage.fuel + startFuel };
  return { payload: answer.payload, usage };
}

function withStartFuel(thrown: unknown, startFuel: number): unknown {
  if (startFuel === 0 || !(thrown instanceof TwinError)) return thrown;
  const fuel = Number(thrown.details["fuel"] ?? 0) + startFuel;
  return Object.assign(thrown, { details: { ...thrown.details, fuel } });
}
