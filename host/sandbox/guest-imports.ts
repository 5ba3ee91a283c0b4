// The imports of one guest: each call is counted, and none fails with anything but a TwinError.

import { nameHostFault } from "./guest-fault.ts";
import type { GuestMemory, HostImplementation } from "./sandbox.ts";

type Import = (...args: (number | bigint)[]) => number | bigint | void;

/** The host calls of one guest, by the index of their import. */
export class HostCallCounts {
  readonly #names: readonly string[];
  readonly #counts: number[];
  #any = false;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#counts = names.map(() => 0);
  }

  add(index: number): void {
    this.#counts[index]! += 1;
    this.#any = true;
  }

  /** The counts since the last time, by name; names without calls are left out. */
  takeAll(): Readonly<Record<string, number>> {
    if (!this.#any) return NO_CALLS;
    this.#any = false;
    const calls: Record<string, number> = {};
    for (const [index, count] of this.#counts.entries()) {
      if (count > 0) calls[this.#names[index]!] = count;
      this.#counts[index] = 0;
    }
    return calls;
  }
}

const NO_CALLS: Readonly<Record<string, number>> = Object.freeze({});

/** What an import needs of its guest. */
export interface ImportOwner {
  readonly window: GuestMemory;
  readonly counts: HostCallCounts;
}

/** The import number `index`, which runs `act`. */
export function bindImport(index: number, act: HostImplementation[string], { window, counts }: ImportOwner): Import {
  // The common cases are written out: spreading the arguments costs as much as the rest of the call.
  return (...args) => {
    counts.add(index);
    try {
      switch (args.length) {
        case 0:
          return act(window);
        case 1:
          return act(window, args[0]!);
        case 2:
          return act(window, args[0]!, args[1]!);
        default:
          return act(window, ...args);
      }
    } catch (thrown) {
      throw nameHostFault(thrown);
    }
  };
}
