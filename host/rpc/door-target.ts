// What an experience reaches: the methods that its grants name, and nothing else. The engine decides
// every call anew, so a revoked grant ends at once.

import { RpcTarget } from "capnweb";

import type { Clock } from "../base/clock.ts";
import type { ErrorWire } from "../base/errors.ts";
import type { Engine, TwinEvent } from "../engine/engine.ts";
import type { Grant } from "../grants/grant.ts";
import type { CallOptions, CallOutcome, DoorApi, Json, Subscription } from "./api.ts";
import { invalid } from "./arguments.ts";
import { callThrough } from "./call-through.ts";
import { EventFeed } from "./event-feed.ts";
import { checkSequence } from "./owner-subscription.ts";
import { holdFunction } from "./remote-function.ts";
import { SubscriptionTarget } from "./subscription-target.ts";

/** What a door needs of the host. */
export interface DoorParts {
  readonly engine: Pick<Engine, "call" | "events" | "grants" | "listen" | "status">;
  readonly clock: Clock;
}

/** One door of one experience. Disposing it ends its subscriptions and the tasks that it called. */
export class DoorTarget extends RpcTarget implements DoorApi, Disposable {
  readonly #parts: DoorParts;
  readonly #experience: string;
  readonly #subscriptions = new Set<Disposable>();
  readonly #ended = new AbortController();

  constructor(parts: DoorParts, experience: string) {
    super();
    this.#parts = parts;
    this.#experience = experience;
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  async about(): Promise<Awaited<ReturnType<DoorApi["about"]>>> {
    const methods = new Map<string, Set<string>>();
    for (const grant of await this.#grants()) {
      const known = methods.get(grant.capability) ?? new Set();
      methods.set(grant.capability, known.union(new Set(grant.methods)));
    }
    const granted = [...methods].map(([capability, names]) => ({ capability, methods: [...names].toSorted() }));
    return { experience: this.#experience, granted };
  }

  call(capability: string, method: string, params: Json, options?: CallOptions): Promise<CallOutcome> {
    const holder = { kind: "experience", name: this.#experience } as const;
    return callThrough(this.#parts.engine, holder, { capability, method, params, options, signal: this.#ended.signal });
  }

  async subscribe(
    afterSequence: number,
    onEvent: (event: TwinEvent) => void,
    onEnd?: (reason: ErrorWire) => void,
  ): Promise<Subscription> {
    const after = checkSequence(afterSequence);
    const listener = holdFunction<[event: TwinEvent]>(onEvent, "onEvent");
    if (listener === undefined) throw invalid("onEvent", "a function", onEvent);
    const ended = holdFunction<[reason: ErrorWire]>(onEnd, "onEnd");
    return await SubscriptionTarget.open(this.#subscriptions, ended, async (parts, fail) => {
      parts.use(listener);
      const feed = await EventFeed.open({
        engine: this.#parts.engine,
        clock: this.#parts.clock,
        afterSequence: after,
        select: (events) => this.#visible(events),
        deliver: (event) => listener.call(event),
        onFail: fail,
      });
      parts.use(feed);
    });
  }

  async #visible(events: readonly TwinEvent[]): Promise<readonly TwinEvent[]> {
    const capabilities = new Set((await this.#grants()).map((grant) => grant.capability));
    return events.filter((event) => capabilities.has(event.capability));
  }

  async #grants(): Promise<readonly Grant[]> {
    const nowMs = this.#parts.clock.nowMs();
    return (await this.#parts.engine.grants()).filter(
      ({ holder, expiresAtMs }) =>
        holder === `experience:${this.#experience}` && (expiresAtMs === undefined || expiresAtMs > nowMs),
    );
  }
}

/** The door of the experience of that name. */
export function createDoorTarget(parts: DoorParts, experience: string): DoorTarget {
  return new DoorTarget(parts, experience);
}
