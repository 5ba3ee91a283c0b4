// Runs admitted modules: one instance, one call at a time, exact accounts. Any fault drops the
// instance, because its memory may be in a state that its author never meant.

import { TwinError, toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createGuestMemory, outOfFuel, type MemoryOwner } from "./guest-memory.ts";
import { METER_EXPORTS } from "./metering/module-meter.ts";
import type {
  AdmittedModule,
  CallBudget,
  Guest,
  GuestAnswer,
  GuestLimits,
  HostImplementation,
  Usage,
} from "./sandbox.ts";

/** An admitted module that V8 has compiled: instantiate it as often as wanted, on this thread. */
export interface CompiledGuest {
  readonly admitted: AdmittedModule;
  readonly module: WebAssembly.Module;
}

/** How a guest is to run. */
export interface GuestOptions {
  /** One function for each of the module's imports. */
  readonly implementation: HostImplementation;
  readonly limits: Pick<GuestLimits, "callDepth">;
  /** For the former start section and `twin_init` together. */
  readonly budget: CallBudget;
  /** Largest payload and largest answer; default `LIMITS.engine.payloadSizeBytes`. */
  readonly payloadSizeBytesMax?: number;
}

/** Compiles what `admit` returned. Takes a good part of a second for a module of several MiB. */
export function compileGuest(admitted: AdmittedModule): CompiledGuest {
  return { admitted, module: new WebAssembly.Module(admitted.wasm) };
}

/**
 * A fresh, initialised guest. Throws `TWIN_GUEST_*` like a call when its initialisation fails, and
 * `TypeError` when `implementation` lacks an import.
 */
export function instantiate(compiled: CompiledGuest, options: GuestOptions): Guest {
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

const ALIGNMENT = 8;

class Instance implements Guest, MemoryOwner {
  readonly #admitted: AdmittedModule;
  readonly #callDepth: number;
  readonly #payloadSizeBytesMax: number;
  readonly #exports: GuestExports;
  readonly #methods = new Map<string, Method>();
  #hostCalls: Record<string, number> = {};
  #budget = 0;
  #running = false;
  #dropped = false;
  #usage: Usage = { fuel: 0, memorySizeBytes: 0, hostCalls: {} };

  constructor({ admitted, module }: CompiledGuest, options: GuestOptions) {
    this.#admitted = admitted;
    this.#callDepth = options.limits.callDepth;
    this.#payloadSizeBytesMax = options.payloadSizeBytesMax ?? LIMITS.engine.payloadSizeBytes;
    const imports = { twin: this.#bind(options.implementation) };
    const exports = createInstance(module, imports).exports;
    this.#exports = exports as unknown as GuestExports;
    for (const name of admitted.exports) this.#methods.set(name, exports[name] as unknown as Method);
    this.#run(options.budget, () => {
      this.#exports[METER_EXPORTS.start]?.();
      this.#exports.twin_init?.();
    });
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  get running(): boolean {
    return this.#running;
  }

  get memory(): WebAssembly.Memory {
    return this.#exports.memory;
  }

  get memorySizeBytes(): number {
    return this.memory.buffer.byteLength;
  }

  get fuel(): { value: bigint } {
    return this.#exports[METER_EXPORTS.fuel];
  }

  get depth(): { value: number } {
    return this.#exports[METER_EXPORTS.depth];
  }

  get usage(): Usage {
    return this.#usage;
  }

  call(method: string, payload: Uint8Array, budget: CallBudget): GuestAnswer {
    if (this.#running) throw new TwinError("TWIN_CALL_CYCLE", "The guest is in the middle of a call; call it after.");
    if (this.#dropped) throw new TypeError("The guest was dropped after a fault; instantiate a fresh one");
    const answer = this.#run(budget, () => {
      const run = this.#methods.get(method);
      if (run === undefined) throw abiFault(`The guest has no method "${method}" of (i32, i32) -> i64; export it.`);
      const address = this.#place(payload);
      return this.#take(run(address, payload.length));
    });
    return { payload: answer, usage: this.#usage };
  }

  /** Runs guest code under `budget`; accounts for it and drops the guest when it fails. */
  #run<Result>(budget: CallBudget, work: () => Result): Result {
    if (!Number.isSafeInteger(budget.fuel) || budget.fuel < 0) {
      throw new RangeError(`Fuel is a whole number of 0 or more, got ${budget.fuel}`);
    }
    this.#budget = budget.fuel;
    this.#hostCalls = {};
    this.fuel.value = BigInt(budget.fuel);
    this.depth.value = Math.min(budget.callDepth ?? this.#callDepth, this.#callDepth);
    this.#running = true;
    try {
      const result = work();
      // Blocks after the last check may have overdrawn.
      if (this.fuel.value < 0n) throw outOfFuel();
      return result;
    } catch (thrown) {
      this.#dropped = true;
      throw this.#explain(thrown);
    } finally {
      this.#running = false;
      const fuel = this.#budget - Number(this.fuel.value);
      this.#usage = { fuel, memorySizeBytes: this.memorySizeBytes, hostCalls: this.#hostCalls };
    }
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
    if (address + size > this.memorySizeBytes) {
      const end = this.memorySizeBytes;
      throw abiFault(`twin_alloc answered ${address} for ${size} bytes, the memory ends at ${end}; grow it first.`);
    }
    new Uint8Array(this.memory.buffer, address, size).set(payload);
    return address;
  }

  /** A copy of the answer that a method's packed result points at. */
  #take(packed: bigint): Uint8Array<ArrayBuffer> {
    const address = Number(BigInt.asUintN(32, packed >> 32n));
    const size = Number(BigInt.asUintN(32, packed));
    if (size > this.#payloadSizeBytesMax) {
      throw abiFault(`The answer has ${size} bytes, at most ${this.#payloadSizeBytesMax} are allowed; answer less.`);
    }
    if (address + size > this.memorySizeBytes) {
      throw abiFault(
        `The answer of ${size} bytes at ${address} ends behind the memory's end, ${this.memorySizeBytes}.`,
      );
    }
    return new Uint8Array(this.memory.buffer).slice(address, address + size);
  }

  /** The imports of the module: counted, and never failing with anything but a TwinError. */
  #bind(implementation: HostImplementation): Record<string, WebAssembly.ImportValue> {
    const window = createGuestMemory(this);
    const bound: Record<string, WebAssembly.ImportValue> = {};
    for (const name of this.#admitted.imports) {
      const act = Object.hasOwn(implementation, name) ? implementation[name] : undefined;
      if (act === undefined) throw new TypeError(`The implementation lacks the host function "${name}"`);
      bound[name] = (...args: (number | bigint)[]) => {
        this.#hostCalls[name] = (this.#hostCalls[name] ?? 0) + 1;
        try {
          return act(window, ...args);
        } catch (thrown) {
          // What fails in the host is not a trap of the guest, whatever it looks like.
          throw isStackOverflow(thrown) ? thrown : toTwinError(thrown);
        }
      };
    }
    return bound;
  }

  /** The typed error of a failed call, with the account of what it used. */
  #explain(thrown: unknown): TwinError {
    const error = this.#name(thrown);
    const fuel = this.#budget - Number(this.fuel.value);
    // The host function's own error goes out as it is, completed by what only we know.
    return Object.assign(error, { details: { ...error.details, fuel, memorySizeBytes: this.memorySizeBytes } });
  }

  #name(thrown: unknown): TwinError {
    if (isStackOverflow(thrown)) return tooDeep(thrown);
    if (!(thrown instanceof WebAssembly.RuntimeError)) return toTwinError(thrown);
    if (this.depth.value < 0) return tooDeep(thrown);
    if (this.fuel.value < 0n) return outOfFuel();
    const reason = `The guest trapped: ${thrown.message}.`;
    return new TwinError("TWIN_GUEST_TRAP", reason, { trap: thrown.message }, thrown);
  }
}

function createInstance(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports);
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      const reason = `The guest could not start: ${cause.message}.`;
      throw new TwinError("TWIN_GUEST_TRAP", reason, { trap: cause.message, fuel: 0, memorySizeBytes: 0 }, cause);
    }
    if (!(cause instanceof RangeError)) throw cause;
    const reason = "The host has no memory left for another guest; try again when others have ended.";
    throw new TwinError("TWIN_GUEST_MEMORY", reason, { fuel: 0, memorySizeBytes: 0 }, cause);
  }
}

function isStackOverflow(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message === "Maximum call stack size exceeded";
}

function abiFault(reason: string): TwinError {
  return new TwinError("TWIN_GUEST_ABI", reason);
}

function tooDeep(cause: unknown): TwinError {
  const reason = "The guest's calls are nested too deeply; recurse less, or use smaller frames.";
  return new TwinError("TWIN_GUEST_DEPTH", reason, {}, cause);
}
