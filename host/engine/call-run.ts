// One call from its first instruction to its commit or its end: what it has read, written and
// wants to send, together with the calls that it makes. Nothing of it is visible to others.

import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Guest } from "../sandbox/sandbox.ts";
import type { StateStore } from "../state/state-store.ts";
import type { EventDraft } from "./event-log.ts";
import type { NestedCallReceipt } from "./engine.ts";
import { createSpan, parseTraceparent, type TraceSpan } from "./trace.ts";
import type { MessageDraft } from "./outbox.ts";
import { numberKey } from "./row-key.ts";
import type { TimerDraft } from "./timers.ts";
import { WriteSet } from "./write-set.ts";

/** What a run needs of its engine. */
export interface RunParts {
  readonly store: Pick<StateStore, "get" | "scan" | "sizeBytes">;
  readonly clock: Clock;
  readonly random: Random;
  readonly kernels: Pick<Kernels, "keyedHash">;
}

/** How a run is to be. */
export interface RunOptions {
  readonly timeoutMs: number;
  readonly isQuery: boolean;
  /** `traceparent` of what led to it. */
  readonly trace?: string | undefined;
}

const SEED_SIZE = 32;
const BLOCK_SIZE = 32;
const NO_BYTES: Uint8Array = new Uint8Array();
const NO_CALLS: Readonly<Record<string, number>> = Object.freeze({});

/** A capability that takes part in a run: its guest may hold what is not committed. */
export interface Participant {
  /** The idle instance, or the one that is in a call. */
  guest: Guest | undefined;
}

interface RunTimers {
  readonly scheduled: Map<number, TimerDraft>;
  readonly unscheduled: Set<number>;
}

/** The transaction of one call and its nested calls. */
export class CallRun {
  /** The call's one time of day. */
  readonly atMs: number;
  readonly writes: WriteSet;
  readonly sends: MessageDraft[] = [];
  readonly events: EventDraft[] = [];
  /** Bytes of state that were read and written, and of the outside that came and went. */
  readonly bytes = { read: 0, written: 0, received: 0, sent: 0 };
  /** Fuel of parts that failed: no caller was charged for it. */
  strayFuel = 0;
  /** Fuel of calls that a task made: each has a receipt of its own. */
  delegatedFuel = 0;
  /** Of the outermost guest that failed. */
  memorySizeBytes = 0;
  logLines = 0;
  /** How many methods are running within each other. */
  depth = 0;
  /** Capabilities whose guests hold what this run did in their memories. */
  readonly participants = new Set<Participant>();
  /** Whether it began as a query: then it reads what is durable, and its guests are those of queries. */
  readonly isQuery: boolean;
  /** Calls within it that have ended. */
  readonly nested: NestedCallReceipt[] = [];
  readonly #cause: TraceSpan | undefined;
  #trace: TraceSpan | undefined;
  readonly #parts: RunParts;
  readonly #startedMs: number;
  readonly #timeoutMs: number;
  #seed: Uint8Array | undefined;
  #block = 0;
  #unused = NO_BYTES;
  #timers: RunTimers | undefined;
  #hostCalls: Readonly<Record<string, number>> = NO_CALLS;

  constructor(parts: RunParts, { timeoutMs, isQuery, trace }: RunOptions) {
    this.#parts = parts;
    this.isQuery = isQuery;
    this.#timeoutMs = timeoutMs;
    this.#cause = trace === undefined ? undefined : parseTraceparent(trace);
    this.atMs = parts.clock.nowMs();
    this.#startedMs = parts.clock.elapsedMs();
    this.writes = new WriteSet(parts.store);
  }

  /** Fractional. */
  elapsedMs(): number {
    return this.#parts.clock.elapsedMs() - this.#startedMs;
  }

  /** Its span, made when somebody asks: most calls lead to nothing. */
  get trace(): TraceSpan {
    return (this.#trace ??= createSpan(this.#parts.random, this.#cause));
  }

  /** Its span, if it was led to by another or has led to something. */
  get linkedTrace(): TraceSpan | undefined {
    return this.#cause === undefined ? this.#trace : this.trace;
  }

  /** A span within it. */
  createSpan(parent: TraceSpan): TraceSpan {
    return createSpan(this.#parts.random, parent);
  }

  /** Until its deadline; 0 behind it. */
  leftMs(): number {
    return Math.max(0, this.#timeoutMs - this.elapsedMs());
  }

  /** Throws `TWIN_GUEST_DEADLINE` when the call has run for too long. */
  checkDeadline(): void {
    if (this.elapsedMs() <= this.#timeoutMs) return;
    throw new TwinError("TWIN_GUEST_DEADLINE", "The call took longer than its caller waits. Nothing took effect.");
  }

  /** The next `size` bytes of the call's random stream: one fresh seed, stretched by keyed BLAKE3 of a counter. */
  randomBytes(size: number): Uint8Array {
    this.#seed ??= this.#parts.random.bytes(SEED_SIZE);
    const blocks = [this.#unused];
    for (let have = this.#unused.length; have < size; have += BLOCK_SIZE) {
      blocks.push(this.#parts.kernels.keyedHash(this.#seed, numberKey(this.#block++)));
    }
    const bytes = concatBytes(...blocks);
    this.#unused = bytes.subarray(size);
    return bytes.subarray(0, size);
  }

  /** Timers that it sets, by id, and takes away. */
  get timers(): RunTimers {
    return (this.#timers ??= { scheduled: new Map(), unscheduled: new Set() });
  }

  /** Calls by host function, of all guests that took part. */
  get hostCalls(): Readonly<Record<string, number>> {
    return this.#hostCalls;
  }

  /** Adds the host calls of one guest; keeps what it is given. */
  countHostCalls(hostCalls: Readonly<Record<string, number>>): void {
    // Mostly there is one guest.
    if (this.#hostCalls === NO_CALLS) this.#hostCalls = hostCalls;
    else {
      const sums = { ...this.#hostCalls };
      for (const [name, count] of Object.entries(hostCalls)) sums[name] = (sums[name] ?? 0) + count;
      this.#hostCalls = sums;
    }
  }
}
