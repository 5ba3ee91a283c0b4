// Dials to other hosts, shared: when a host comes back, all twins here that know one of its twins look for
// it at the same moment, and one connection is enough for all of them.

import type { Connection } from "@libp2p/interface";
import { dial, type DialCandidate, type DialParts } from "./dialer.ts";

/** The dials of one host. */
export class SharedDials {
  readonly #parts: DialParts;
  /** Ends all of them. */
  readonly #stop: AbortSignal;
  readonly #running = new Map<string, Promise<Connection>>();

  constructor(parts: DialParts, stop: AbortSignal) {
    this.#parts = parts;
    this.#stop = stop;
  }

  /** As {@link dial}; who looks for the same hosts at the same addresses meanwhile gets the same connection. */
  async connect(candidates: readonly DialCandidate[], signal: AbortSignal): Promise<Connection> {
    // Who must answer is not known yet: what one finds there is nothing to others.
    if (candidates.some(({ peerId }) => peerId === undefined)) return dial(candidates, this.#parts, { signal });
    const name = candidates
      .map(({ peerId, address }) => `${address.toString()} ${peerId}`)
      .toSorted()
      .join("\n");
    const shared = this.#running.getOrInsertComputed(name, () => this.#dial(name, candidates));
    return unlessAborted(shared, signal);
  }

  async #dial(name: string, candidates: readonly DialCandidate[]): Promise<Connection> {
    try {
      return await dial(candidates, this.#parts, { signal: this.#stop });
    } finally {
      this.#running.delete(name);
    }
  }
}

/** `promise`, or the signal's reason when that comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
