// Runs admitted modules: one instance, one call at a time, exact accounts. Any fault drops the
// instance, because its memory may be in a state that its author never meant.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { abiFault, createInstance, nameFault, nameHostFault } from "./guest-fault.ts";
import { bindImport, HostCallCounts } from "./guest-imports.ts";
import { createGuestMemory, type MemoryOwner, outOfFuel } from "./guest-memory.ts";
import { METER_EXPORTS } from "./metering/module-meter.ts";
import type { ProcessTally } from "./process-tally.ts";
import { promisingExport, suspendingImport } from "./suspending.ts";
import type {
  AdmittedModule,
  CallBudget,
  GuestAnswer,
  GuestLimits,
  GuestMemory,
  HostImplementation,
  Usage,
  WaitingBudget,
  WaitingGuest,
  WaitingImplementation,
  WaitingMemory,
} from "./sandbox.ts";
import type { WaitingRoom, WaitingSeat } from "./waiting-room.ts";

/** An admitted module that V8 has compiled: instantiate it as often as wanted, on this thread. */
export interface CompiledGuest {
  readonly admitted: Omit<AdmittedModule, "wasm">;
  readonly module: WebAssembly.Module;
}

/** How a guest is to run. */
export interface GuestOptions {
  /** One function for each of the module's imports that does not wait. */
  readonly implementation: HostImplementation;
  /** Host functions that wait, and where their callers do. */
  readonly waiting?: WaitingOptions | undefined;
  readonly limits: Pick<GuestLimits, "callDepth">;
  /** For the former start section and `twin_init` together. */
  readonly budget: CallBudget;
  /** Largest payload and largest answer; default `LIMITS.engine.payloadSizeBytes`. */
  readonly payloadSizeBytesMax?: number;
  /** Counts the guest's instance and memory against those of the whole process, while it lives. */
  readonly tally?: ProcessTally | undefined;
}

/** The waiting part of a host. */
interface WaitingOptions {
  readonly implementation: WaitingImplementation;
  readonly room: WaitingRoom;
}

/** Compiles what `admit` returned. Takes a good part of a second for a module of several MiB. */
export function compileGuest(admitted: AdmittedModule): CompiledGuest {
  return { admitted, module: new WebAssembly.Module(admitted.wasm) };
}

/**
 * A fresh, initialised guest. Throws `TWIN_GUEST_*` like a call when its initialisation fails,
 * `TWIN_CALL_QUEUE` when the process has no room for another one, and `TypeError` when the
 * implementations lack an import.
 */
export function instantiate(compiled: CompiledGuest, options: GuestOptions): WaitingGuest {
  return new Instance(compiled, options);
}

/** The exports of every admitted module. */
interface GuestExports {
  readonly memory: WebAssembly.Memory;
  readonly twin_alloc: (size: number) => number;
  readonly twin_init?: () => void;
  readonly twin_start?: () => void;
  readonly twin_fuel: { value: bigint };
  readonly twin_depth: { value: number };
}

type Method = (address: number, size: number) => bigint;
type WaitingMethod = (address: number, size: number) => Promise<bigint>;

const ALIGNMENT = 8;
const PAGE_SIZE = 65_536;
/** Takes a packed answer apart: far cheaper than arithmetic of big numbers. */
const PACKED = new DataView(new ArrayBuffer(8));

class Instance implements WaitingGuest, MemoryOwner {
  readonly fuel: { value: bigint };
  readonly depth: { value: number };
  readonly #options: GuestOptions;
  readonly #payloadSizeBytesMax: number;
  readonly #exports: GuestExports;
  readonly #methods = new Map<string, Method>();
  readonly #waitingMethods = new Map<string, WaitingMethod>();
  readonly #counts: HostCallCounts;
  #bytes = new Uint8Array();
  #budget = 0;
  #seat: WaitingSeat | undefined;
  #running = false;
  #dropped = false;
  #tallied = 0;
  #usage: Usage = { fuel: 0, memorySizeBytes: 0, hostCalls: {} };

  constructor({ admitted, module }: CompiledGuest, options: GuestOptions) {
    this.#options = options;
    this.#payloadSizeBytesMax = options.payloadSizeBytesMax ?? LIMITS.engine.payloadSizeBytes;
    this.#counts = new HostCallCounts(admitted.imports);
    const imports = { twin: this.#bind(admitted.imports) };
    options.tally?.take("instances", 1);
    try {
      const exports = createInstance(module, imports).exports;
      this.#exports = exports as unknown as GuestExports;
      for (const name of admitted.exports) this.#methods.set(name, exports[name] as unknown as Method);
    } catch (thrown) {
      options.tally?.give("instances", 1);
      throw thrown;
    }
    this.fuel = this.#exports[METER_EXPORTS.fuel];
    this.depth = this.#exports[METER_EXPORTS.depth];
    this.#begin(options.budget);
    try {
      this.#settleMemory();
      this.#exports[METER_EXPORTS.start]?.();
      this.#exports.twin_init?.();
      this.#settle();
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#end();
    }
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Growing detaches the buffer: a view of length 0 is one to renew. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#exports.memory.buffer);
    return this.#bytes;
  }

  get memorySizeBytes(): number {
    return this.bytes.length;
  }

  get usage(): Usage {
    return this.#usage;
  }

  call(method: string, payload: Uint8Array, budget: CallBudget): GuestAnswer {
    this.#checkFree();
    this.#begin(budget);
    let answer: Uint8Array<ArrayBuffer>;
    try {
      const run = this.#methodOf(method);
      const address = this.#place(payload);
      answer = this.#take(run(address, payload.length));
      this.#settle();
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#end();
    }
    return { payload: answer, usage: this.#usage };
  }

  async callWaiting(method: string, payload: Uint8Array, budget: WaitingBudget): Promise<GuestAnswer> {
    this.#checkFree();
    const { waiting } = this.#options;
    if (waiting === undefined) throw new TypeError("The guest was instantiated without waiting host functions");
    checkFuel(budget);
    // Without a seat nothing has happened to the guest yet.
    this.#seat = waiting.room.enter(budget);
    this.#begin(budget);
    let answer: Uint8Array<ArrayBuffer>;
    try {
      const run = this.#waitingMethodOf(method);
      const address = this.#place(payload);
      answer = this.#take(await run(address, payload.length));
      this.#settle();
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#seat.leave();
      this.#seat = undefined;
      this.#end();
    }
    return { payload: answer, usage: this.#usage };
  }

  drop(): void {
    if (this.#running) throw new TypeError("The guest is in a call; drop it after");
    this.#discard();
  }

  #checkFree(): void {
    if (this.#running) throw new TwinError("TWIN_CALL_CYCLE", "The guest is in the middle of a call; call it after.");
    if (this.#dropped) throw new TypeError("The guest was dropped after a fault; instantiate a fresh one");
  }

  #begin(budget: CallBudget): void {
    checkFuel(budget);
    const { callDepth } = this.#options.limits;
    this.#budget = budget.fuel;
    this.fuel.value = BigInt(budget.fuel);
    this.depth.value = Math.min(budget.callDepth ?? callDepth, callDepth);
    this.#running = true;
  }

  /** What must hold when guest code has come to its end. */
  #settle(): void {
    this.#settleMemory();
    // Blocks after the last check may have overdrawn.
    if (this.fuel.value < 0n) throw outOfFuel();
  }

  #end(): void {
    this.#running = false;
    const fuel = this.#budget - Number(this.fuel.value);
    this.#usage = { fuel, memorySizeBytes: this.memorySizeBytes, hostCalls: this.#counts.takeAll() };
  }

  /** Drops the guest; returns why, with the account of what the call used. */
  #fail(thrown: unknown): TwinError {
    const error = nameFault(thrown, this);
    const fuel = this.#budget - Number(this.fuel.value);
    this.#discard();
    // The host function's own error goes out as it is, completed by what only we know.
    return Object.assign(error, { details: { ...error.details, fuel, memorySizeBytes: this.memorySizeBytes } });
  }

  #discard(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#options.tally?.give("instances", 1);
    this.#options.tally?.give("memoryPages", this.#tallied);
  }

  /** Counts what the guest has grown by, whenever it stops running: between two looks only one guest of a thread can grow. */
  #settleMemory(): void {
    const { tally } = this.#options;
    if (tally === undefined) return;
    const pages = this.memorySizeBytes / PAGE_SIZE;
    if (pages === this.#tallied) return;
    tally.take("memoryPages", pages - this.#tallied);
    this.#tallied = pages;
  }

  #methodOf(name: string): Method {
    const run = this.#methods.get(name);
    if (run === undefined) throw abiFault(`The guest has no method "${name}" of (i32, i32) -> i64; export it.`);
    return run;
  }

  #waitingMethodOf(name: string): WaitingMethod {
    let run = this.#waitingMethods.get(name);
    if (run === undefined) {
      run = promisingExport(this.#methodOf(name));
      this.#waitingMethods.set(name, run);
    }
    return run;
  }

  /** Asks the guest for room and puts the payload there. Believes nothing it says. */
  #place(payload: Uint8Array): number {
    const size = payload.length;
    if (size > this.#payloadSizeBytesMax) {
      const reason = `The payload has ${size} bytes, at most ${this.#payloadSizeBytesMax} are allowed; send less.`;
      throw new TwinError("TWIN_LIMIT_EXCEEDED", reason);
    }
    const address = this.#exports.twin_alloc(size) >>> 0;
    if (address === 0) {
      throw new TwinError(
        "TWIN_GUEST_MEMORY",
        `twin_alloc found no room for ${size} bytes; use less memory or ask for more.`,
      );
    }
    if (address % ALIGNMENT !== 0) throw abiFault(`twin_alloc answered ${address}, which is not 8-aligned; align it.`);
    const { bytes } = this;
    if (address + size > bytes.length) {
      throw abiFault(
        `twin_alloc answered ${address} for ${size} bytes, the memory ends at ${bytes.length}; grow it first.`,
      );
    }
    bytes.set(payload, address);
    return address;
  }

  /** A copy of the answer that a method's packed result points at. */
  #take(packed: bigint): Uint8Array<ArrayBuffer> {
    PACKED.setBigInt64(0, packed);
    const address = PACKED.getUint32(0);
    const size = PACKED.getUint32(4);
    if (size > this.#payloadSizeBytesMax) {
      throw abiFault(`The answer has ${size} bytes, at most ${this.#payloadSizeBytesMax} are allowed; answer less.`);
    }
    const { bytes } = this;
    if (address + size > bytes.length) {
      throw abiFault(`The answer of ${size} bytes at ${address} ends behind the memory's end, ${bytes.length}.`);
    }
    return bytes.slice(address, address + size);
  }

  #bind(names: readonly string[]): Record<string, WebAssembly.ImportValue> {
    const window = createGuestMemory(this);
    const bound: Record<string, WebAssembly.ImportValue> = {};
    for (const [index, name] of names.entries()) {
      const waits = ownFunction(this.#options.waiting?.implementation, name);
      const act = ownFunction(this.#options.implementation, name);
      if (waits !== undefined) bound[name] = this.#bindWaiting(index, waits, window);
      else if (act !== undefined) bound[name] = bindImport(index, act, { window, counts: this.#counts });
      else throw new TypeError(`The implementation lacks the host function "${name}"`);
    }
    return bound;
  }

  #bindWaiting(index: number, act: WaitingImplementation[string], window: GuestMemory): WebAssembly.ImportValue {
    const seatOf = (): WaitingSeat => {
      if (this.#seat === undefined) throw new TypeError("The guest is not in a call that may wait");
      return this.#seat;
    };
    const memory: WaitingMemory = {
      ...window,
      get signal() {
        return seatOf().signal;
      },
    };
    return suspendingImport((...args) => {
      this.#counts.add(index);
      try {
        this.#settleMemory();
        return seatOf().wait(act(memory, ...args));
      } catch (thrown) {
        throw nameHostFault(thrown);
      }
    });
  }
}

function checkFuel({ fuel }: CallBudget): void {
  if (Number.isSafeInteger(fuel) && fuel >= 0) return;
  throw new RangeError(`Fuel is a whole number of 0 or more, got ${fuel}`);
}

/** Imports are named by strangers: `constructor` is no host function. */
function ownFunction<Functions extends object>(
  of: Functions | undefined,
  name: string,
): Functions[keyof Functions] | undefined {
  return of !== undefined && Object.hasOwn(of, name) ? of[name as keyof Functions] : undefined;
}
