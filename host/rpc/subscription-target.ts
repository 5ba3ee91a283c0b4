// The live end of a subscription: what the other side holds and disposes.

import { RpcTarget } from "capnweb";

import { type ErrorWire, TwinError, toTwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Subscription } from "./api.ts";
import type { RemoteFunction } from "./remote-function.ts";

/** Ends what it holds exactly once: by its client, its connection, or the host (which then says why). */
export class SubscriptionTarget extends RpcTarget implements Subscription {
  readonly #parts = new DisposableStack();
  readonly #onEnd: RemoteFunction<[reason: ErrorWire]> | undefined;
  readonly #parent: Set<Disposable>;

  /** `parent`: the subscriptions of its connection; it leaves the set when it ends. Throws `TWIN_LIMIT_EXCEEDED` when there are too many. */
  constructor(parent: Set<Disposable>, onEnd: RemoteFunction<[reason: ErrorWire]> | undefined) {
    super();
    this.#parent = parent;
    this.#onEnd = onEnd;
    if (parent.size >= LIMITS.rpc.subscriptionCount) {
      onEnd?.[Symbol.dispose]();
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `This connection has ${parent.size} subscriptions, which is the limit: end one first.`,
      );
    }
    parent.add(this);
  }

  end(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#parts.disposed) return;
    this.#parent.delete(this);
    this.#parts.dispose();
    this.#onEnd?.[Symbol.dispose]();
  }

  /** Makes a subscription: `fill` adds the parts to end with it and gets the function that ends it with a reason. When `fill` throws, nothing is left behind. */
  static async open(
    parent: Set<Disposable>,
    onEnd: RemoteFunction<[reason: ErrorWire]> | undefined,
    fill: (parts: DisposableStack, fail: (reason: unknown) => void) => Promise<void>,
  ): Promise<SubscriptionTarget> {
    const subscription = new SubscriptionTarget(parent, onEnd);
    try {
      await fill(subscription.#parts, (reason) => subscription.#fail(reason));
      return subscription;
    } catch (reason) {
      subscription[Symbol.dispose]();
      throw reason;
    }
  }

  #fail(reason: unknown): void {
    if (this.#parts.disposed) return;
    this.#parent.delete(this);
    this.#parts.dispose();
    const told = this.#onEnd?.call(toTwinError(reason).toWire());
    // A listener that is gone cannot be told, and need not be.
    told?.catch(() => {}).finally(() => this.#onEnd?.[Symbol.dispose]());
  }
}
