// Bounds the calls that one connection has in flight: capnweb itself has no such bound, and one
// frame can hold thousands of calls (nested pipelines, `map`), so they are counted where they land.

import type { RpcTarget } from "capnweb";
import { TwinError } from "../base/errors.ts";

/** Counts the calls in flight of one connection. */
export class CallGate {
  readonly #limit: number;
  #inFlight = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  /** `limit` calls at once, 1 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves as soon as one more call may start: read the next frame then. */
  async whenFree(): Promise<void> {
    while (this.#inFlight >= this.#limit) {
      this.#waiting ??= Promise.withResolvers();
      await this.#waiting.promise;
    }
  }

  /** Runs `call`, or throws `TWIN_CALL_QUEUE` when the limit is reached. */
  async run<Result>(call: () => Result): Promise<Awaited<Result>> {
    if (this.#inFlight >= this.#limit)
      throw new TwinError(
        "TWIN_CALL_QUEUE",
        `This connection has ${this.#limit} calls in flight, which is its limit; wait for some of them, then try again.`,
      );
    this.#inFlight++;
    try {
      return await call();
    } finally {
      this.#inFlight--;
      this.#waiting?.resolve();
      this.#waiting = undefined;
    }
  }
}

/**
 * `target` as the other side shall see it: each method call passes through `gate`, and nothing but
 * methods can be reached (capnweb would also read getters of the prototype).
 */
export function guardTarget(target: RpcTarget, gate: CallGate): RpcTarget {
  return new Proxy(target, {
    get: (inner, name) => {
      const method: unknown = Reflect.get(inner, name);
      if (typeof method !== "function" || name === "constructor") return undefined;
      if (typeof name === "symbol") return method.bind(inner) as unknown;
      return (...args: unknown[]) => gate.run(() => Reflect.apply(method, inner, args) as unknown);
    },
  });
}
