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
  busy: boolean;
}

/** The guests of one worker. */
export class GuestTable {
  /** In order of use: the least recent first. */
  readonly #entries = new Map<number, Entry>();
  readonly #parts: GuestTableParts;

  constructor(parts: GuestTableParts) {
    this.#parts = parts;
  }

  open(opened: OpenRequest): void {
    const { implementation, waiting } = this.#parts.host.createHost(opened.context);
    const { imports } = opened.compiled.admitted;
    const waits = waiting !== undefined && imports.some((name) => Object.hasOwn(waiting, name));
    const entry = { opened, implementation, waiting: waits ? waiting : undefined, guest: undefined, busy: false };
    this.#entries.set(opened.guest, entry);
  }

  close(guest: number): void {
    const entry = this.#entries.get(guest);
    this.#entries.delete(guest);
    if (entry !== undefined) dropIdle(entry);
  }

  /** Runs the call; what a fresh instance needed to start is part of its bill. The answer is a promise only when the guest can wait. */
  call(request: CallRequest, onStill: (still: boolean) => void): GuestAnswer | Promise<GuestAnswer> {
    const entry = this.#entries.get(request.guest);
    if (entry === undefined) throw new TwinError("TWIN_ABORTED", "The guest was closed.");
    this.#entries.delete(request.guest);
    this.#entries.set(request.guest, entry);
    const fresh = entry.guest === undefined || entry.guest.dropped;
    const guest = fresh ? this.#start(entry, request.fuel) : entry.guest!;
    const startFuel = fresh ? guest.usage.fuel : 0;
    const { method, payload, timeoutMs } = request;
    const fuel = Math.max(0, request.fuel - startFuel);
    if (entry.waiting === undefined) return withStart(guest.call(method, payload, { fuel }), startFuel);
    return this.#wait(entry, guest.callWaiting(method, payload, { fuel, timeoutMs, onStill }), startFuel);
  }

  async #wait(entry: Entry, answer: Promise<GuestAnswer>, startFuel: number): Promise<GuestAnswer> {
    entry.busy = true;
    try {
      return withStart(await answer, startFuel);
    } finally {
      entry.busy = false;
      // It may have been closed meanwhile.
      if (this.#entries.get(entry.opened.guest) !== entry) dropIdle(entry);
    }
  }

  #start(entry: Entry, fuel: number): WaitingGuest {
    const { room, tally } = this.#parts;
    while (tally.own("instances") >= LIMITS.sandbox.instanceCount && this.#evictOne(entry)) {
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
        if (!full || !this.#evictOne(entry)) throw thrown;
      }
    }
  }

  /** Drops the idle instance that was used the longest ago. */
  #evictOne(but: Entry): boolean {
    for (const entry of this.#entries.values()) {
      if (entry !== but && dropIdle(entry)) return true;
    }
    return false;
  }
}

function dropIdle(entry: Entry): boolean {
  if (entry.guest === undefined || entry.busy) return false;
  const had = !entry.guest.dropped;
  entry.guest.drop();
  entry.guest = undefined;
  return had;
}

function withStart(answer: GuestAnswer, startFuel: number): GuestAnswer {
  if (startFuel === 0) return answer;
  const usage: Usage = { ...answer.usage, fuel: answer.usage.fuel + startFuel };
  return { payload: answer.payload, usage };
}
