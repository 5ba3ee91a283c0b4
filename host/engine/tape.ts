// What the host did to one guest in one call, written down so that the same call can be run again
// without the host: a guest sees nothing but its payload, its fuel and this.

import { base64UrlDecode, base64UrlEncode, concatBytes, hexEncode } from "../base/bytes.ts";
import { type ErrorWire, errorFromWire, toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { GuestMemory, HostImplementation, WaitingImplementation, WaitingMemory } from "../sandbox/sandbox.ts";

/** What a host function did in the guest: read so many bytes there, wrote these (base64url) there, or charged so much. */
type TapeStep =
  | readonly ["read", address: number, size: number]
  | readonly ["write", address: number, bytes: string]
  | readonly ["charge", fuel: number];

/** One call of a host function. JSON. */
export interface TapeEntry {
  readonly name: string;
  /** As decimal text: JSON has not all numbers. */
  readonly args: readonly string[];
  readonly steps: readonly TapeStep[];
  /** Hex hash of all that was read. */
  readonly seen: string;
  /** What it gave back; null for nothing. */
  readonly answer: number | null;
  /** Why it gave nothing back: the call ended with this. */
  readonly error?: ErrorWire | undefined;
}

type Hashing = Pick<Kernels, "hash">;
type Argument = number | bigint;

/** Writes a tape. Beyond `LIMITS.engine.recordingSizeBytes` it is given up. */
export class TapeWriter {
  readonly entries: TapeEntry[] = [];
  readonly #kernels: Hashing;
  #sizeBytes = 0;

  constructor(kernels: Hashing) {
    this.#kernels = kernels;
  }

  /** Whether everything is on it. */
  get isWhole(): boolean {
    return this.#sizeBytes <= LIMITS.engine.recordingSizeBytes;
  }

  /** The same functions, which write down what they do. */
  record(implementation: HostImplementation): HostImplementation {
    return mapFunctions(implementation, (name, act) => (memory, ...args) => {
      const take = this.#begin(name, args);
      try {
        return take.end(act(take.watch(memory), ...args));
      } catch (thrown) {
        throw take.fail(thrown);
      }
    });
  }

  /** As {@link TapeWriter.record}, of functions that answer later. */
  recordWaiting(implementation: WaitingImplementation): WaitingImplementation {
    return mapFunctions(implementation, (name, act) => async (memory: WaitingMemory, ...args: Argument[]) => {
      const take = this.#begin(name, args);
      try {
        const { signal } = memory;
        return take.end(await act({ ...take.watch(memory), signal }, ...args));
      } catch (thrown) {
        throw take.fail(thrown);
      }
    });
  }

  #begin(name: string, args: readonly Argument[]): Take {
    return new Take(name, args.map(String), (entry, seen) => {
      this.#sizeBytes += JSON.stringify(entry).length;
      if (this.isWhole) this.entries.push({ ...entry, seen: hexEncode(this.#kernels.hash(seen)) });
    });
  }
}

type OnEnd = (entry: Omit<TapeEntry, "seen">, seen: Uint8Array) => void;

/** One host call that is being written down. */
class Take {
  readonly #name: string;
  readonly #args: readonly string[];
  readonly #onEnd: OnEnd;
  readonly #steps: TapeStep[] = [];
  readonly #seen: Uint8Array[] = [];

  constructor(name: string, args: readonly string[], onEnd: OnEnd) {
    this.#name = name;
    this.#args = args;
    this.#onEnd = onEnd;
  }

  /** `memory`, every use of which is written down before it happens: one that fails is on the tape too. */
  watch(memory: GuestMemory): GuestMemory {
    return {
      ...memory,
      read: (address, size) => {
        this.#steps.push(["read", address, size]);
        const bytes = memory.read(address, size);
        this.#seen.push(bytes.slice());
        return bytes;
      },
      readText: (address, size) => {
        this.#steps.push(["read", address, size]);
        this.#seen.push(memory.read(address, size));
        return memory.readText(address, size);
      },
      write: (address, data) => {
        this.#steps.push(["write", address, base64UrlEncode(data)]);
        memory.write(address, data);
      },
      charge: (fuel) => {
        this.#steps.push(["charge", fuel]);
        memory.charge(fuel);
      },
    };
  }

  end<Answer extends Argument | void>(answer: Answer): Answer {
    this.#write({ answer: answer === undefined ? null : Number(answer) });
    return answer;
  }

  fail(thrown: unknown): unknown {
    this.#write({ answer: null, error: toTwinError(thrown).toWire() });
    return thrown;
  }

  #write(end: Pick<TapeEntry, "answer" | "error">): void {
    this.#onEnd({ name: this.#name, args: this.#args, steps: this.#steps, ...end }, concatBytes(...this.#seen));
  }
}

/** Plays a tape back to a guest, and compares what the guest does with what it did. */
export class TapePlayer {
  readonly #entries: readonly TapeEntry[];
  readonly #kernels: Hashing;
  #next = 0;
  #difference: string | undefined;

  constructor(entries: readonly TapeEntry[], kernels: Hashing) {
    this.#entries = entries;
    this.#kernels = kernels;
  }

  /** The first thing that the guest did otherwise; undefined when there is none. Ask when it has ended. */
  get difference(): string | undefined {
    const rest = this.#entries.length - this.#next;
    return this.#difference ?? (rest > 0 ? `${rest} calls of host functions were not made again` : undefined);
  }

  /** The functions of these names, which do what they did. */
  play(names: readonly string[]): HostImplementation {
    return Object.fromEntries(
      names.map((name) => [name, (memory: GuestMemory, ...args: Argument[]) => this.#again(name, memory, args)]),
    );
  }

  #again(name: string, memory: GuestMemory, args: readonly Argument[]): number | void {
    const number = this.#next++;
    const entry = this.#entries[number];
    if (entry?.name !== name || entry.args.join() !== args.map(String).join())
      throw this.#differs(`call ${number + 1} of the host is another one`);
    const seen: Uint8Array[] = [];
    for (const step of entry.steps) {
      if (step[0] === "read") seen.push(memory.read(step[1], step[2]));
      else if (step[0] === "write") memory.write(step[1], base64UrlDecode(step[2]));
      else memory.charge(step[1]);
    }
    if (hexEncode(this.#kernels.hash(concatBytes(...seen))) !== entry.seen) {
      throw this.#differs(`call ${number + 1} of the host, ${name}, passes something else`);
    }
    if (entry.error !== undefined) throw errorFromWire(entry.error);
    return entry.answer ?? undefined;
  }

  #differs(what: string): TwinError {
    this.#difference ??= what;
    return new TwinError("TWIN_GUEST_FAILED", `The replay differs: ${what}.`);
  }
}

/** The functions in `of`, each as `change` makes it. */
function mapFunctions<Act>(
  of: Readonly<Record<string, Act>>,
  change: (name: string, act: Act) => Act,
): Readonly<Record<string, Act>> {
  return Object.fromEntries(Object.entries(of).map(([name, act]) => [name, change(name, act)]));
}
