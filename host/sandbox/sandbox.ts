// The sandbox's contract: admit a stranger's module once, instantiate it as often as wanted, call it
// with exact limits. Knows nothing of twins.

/** What a module may use at most. All have defaults in `LIMITS.sandbox`. */
export interface GuestLimits {
  readonly memorySizeBytes: number;
  /** Weighted frames. */
  readonly callDepth: number;
}

/** A function that the host offers to guests under the import module `twin`. */
export interface HostFunction {
  /** Its exact WASM signature, for example `{ params: ["i32", "i32"], results: ["i64"] }`. */
  readonly params: readonly ("i32" | "i64" | "f32" | "f64")[];
  readonly results: readonly ("i32" | "i64" | "f32" | "f64")[];
  /** Fuel charged before it acts: `fuel` for each call. Length-dependent charges are made by the function through `GuestMemory.charge`. */
  readonly fuel: number;
}

/** The closed list that admission checks imports against: name -> signature and price. */
export type HostInterface = Readonly<Record<string, HostFunction>>;

/** A module that passed admission: rewritten, metered, ready to compile. Serialisable (structured clone, disk cache by hash). */
export interface AdmittedModule {
  /** The rewritten module; custom sections stripped, metering injected. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Version of the cost table that metered it. */
  readonly meterVersion: number;
  /** The author's exports that have a method's signature, `(i32, i32) -> i64`: all that `Guest.call` can call. */
  readonly exports: readonly string[];
  /** Names of host functions that it imports. */
  readonly imports: readonly string[];
  readonly sizeBytes: { readonly original: number; readonly admitted: number };
}

/** What one call used. */
export interface Usage {
  readonly fuel: number;
  /** Size of linear memory when the call ended. */
  readonly memorySizeBytes: number;
  /** Calls by host function. */
  readonly hostCalls: Readonly<Record<string, number>>;
}

/** What a host function sees of the guest that calls it. Valid only during the call. */
export interface GuestMemory {
  /** A fresh copy of `size` bytes at `address`. Throws `TWIN_GUEST_ABI` when out of range. */
  read(address: number, size: number): Uint8Array<ArrayBuffer>;
  /** UTF-8 text at `address`. */
  readText(address: number, size: number): string;
  /** Copies `data` to `address` in the guest's memory, which must have room for it there. */
  write(address: number, data: Uint8Array): void;
  /** Burns fuel for work that depends on a length. Throws `TWIN_GUEST_FUEL` when there is not enough. */
  charge(fuel: number): void;
  /** What is left of the call's budget: bounds the budget of a call that this one makes. */
  fuelLeft(): number;
  /** Weighted frames that are left: bounds the depth of a call that this one makes, as both share one stack. */
  depthLeft(): number;
}

/** Implementations of host functions of one guest; a throw ends the call with that error and drops the guest. */
export type HostImplementation = Readonly<
  Record<string, (memory: GuestMemory, ...args: (number | bigint)[]) => number | bigint | void>
>;

/** What a host function that waits sees of the guest that waits for it. Valid until its promise settles or `signal` aborts. */
export interface WaitingMemory extends GuestMemory {
  /** Aborts when nobody waits any more: the time is up, or the call has ended. */
  readonly signal: AbortSignal;
}

/**
 * Implementations of host functions that answer later. The guest stands still meanwhile, its thread
 * does not. A rejection ends the call with that error; so does a deadline, whatever the function does.
 */
export type WaitingImplementation = Readonly<
  Record<string, (memory: WaitingMemory, ...args: (number | bigint)[]) => PromiseLike<number | bigint | void>>
>;

/** Budget of one call. */
export interface CallBudget {
  /** A whole number, at most 2^53 - 1. */
  readonly fuel: number;
  /** Weighted frames, when fewer than the guest's own limit; for calls within calls. */
  readonly callDepth?: number | undefined;
}

/** The answer of one call and its account. */
export interface GuestAnswer {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly usage: Usage;
}

/**
 * A running instance. Not re-entrant: a call while one runs throws `TWIN_CALL_CYCLE` and changes
 * nothing. After any other thrown error the guest is dropped (`dropped` is true) and must be replaced
 * by a fresh one.
 */
export interface Guest {
  readonly dropped: boolean;
  readonly memorySizeBytes: number;
  /**
   * What the last call used, also one that failed; before the first call, what instantiation used
   * (the former start section and `twin_init`).
   */
  readonly usage: Usage;
  /**
   * Calls the export `method` with `payload` by the bytes-in, bytes-out convention of the ABI.
   * Throws `TWIN_GUEST_*`; the error's details then hold `fuel` and `memorySizeBytes` used so far.
   */
  call(method: string, payload: Uint8Array, budget: CallBudget): GuestAnswer;
}

/** Budget of a call that may wait. */
export interface WaitingBudget extends CallBudget {
  /** Wall clock of the whole call, waits included. */
  readonly timeoutMs: number;
  /** Told when the guest stands still for a host function (true), and right before it runs on (false). */
  readonly onStill?: ((still: boolean) => void) | undefined;
}

/** A guest whose host functions may wait. One call at a time, also while it waits. */
export interface WaitingGuest extends Guest {
  /**
   * Like `call`, for methods that may use waiting host functions; in `call` and in initialisation those
   * throw `TWIN_GUEST_DENIED`. Rejects with `TWIN_CALL_QUEUE`, and changes nothing, when the process has
   * no stack left; with `TWIN_GUEST_DEADLINE` when the time was up during a wait.
   */
  callWaiting(method: string, payload: Uint8Array, budget: WaitingBudget): Promise<GuestAnswer>;
  /** Gives the guest up, between calls: it counts no more, and cannot be called again. */
  drop(): void;
}
