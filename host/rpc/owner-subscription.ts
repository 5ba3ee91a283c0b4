// The owner's live view: events from a sequence on, receipts, and hints of change.

import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Receipt, TwinEvent } from "../engine/engine.ts";
import type { Change } from "./api.ts";
import { checkInteger, checkRecord } from "./arguments.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import { EventFeed } from "./event-feed.ts";
import type { OwnerParts } from "./owner-parts.ts";
import { holdFunction, type RemoteFunction } from "./remote-function.ts";
import { SubscriptionTarget } from "./subscription-target.ts";

type LiveParts = Pick<OwnerParts, "engine" | "changes" | "clock">;

/** Checks both arguments, then opens `OwnerApi.subscribe`'s subscription among those of its connection. */
export async function openOwnerSubscription(
  live: LiveParts,
  given: { readonly afterSequence: unknown; readonly listener: unknown },
  siblings: Set<Disposable>,
): Promise<SubscriptionTarget> {
  const afterSequence = checkSequence(given.afterSequence);
  const functions = checkRecord(given.listener, "listener");
  const onEnd = holdFunction<[reason: ErrorWire]>(functions["onEnd"], "listener.onEnd");
  return await SubscriptionTarget.open(siblings, onEnd, async (parts, fail) => {
    const held = <Args extends readonly unknown[]>(name: string): RemoteFunction<Args> | undefined => {
      const remote = holdFunction<Args>(functions[name], `listener.${name}`);
      return remote === undefined ? undefined : parts.use(remote);
    };
    const onChange = held<[what: Change]>("onChange");
    if (onChange !== undefined) followChanges(live, { parts, onChange, fail });
    const onReceipt = held<[receipt: Receipt]>("onReceipt");
    if (onReceipt !== undefined) {
      const queue = parts.use(
        new DeliveryQueue<Receipt>({
          send: (receipt) => onReceipt.call(receipt),
          onFail: fail,
          length: LIMITS.rpc.listenerQueueLength,
        }),
      );
      parts.defer(live.engine.listen({ onReceipt: (receipt) => queue.push(receipt) }));
    }
    const onEvent = held<[event: TwinEvent]>("onEvent");
    if (onEvent !== undefined) {
      const { engine, clock } = live;
      const deliver = (event: TwinEvent): Promise<void> => onEvent.call(event);
      parts.use(await EventFeed.open({ engine, clock, afterSequence, deliver, onFail: fail }));
    }
  });
}

/** A sequence to go on after, or -1. */
export function checkSequence(value: unknown): number {
  return checkInteger(value, "afterSequence", { min: -1, max: Number.MAX_SAFE_INTEGER });
}

/** A hint that still waits is not queued twice. */
function followChanges(
  live: LiveParts,
  to: {
    readonly parts: DisposableStack;
    readonly onChange: RemoteFunction<[what: Change]>;
    readonly fail: (reason: unknown) => void;
  },
): void {
  const waiting = new Set<Change>();
  const queue = to.parts.use(
    new DeliveryQueue<Change>({
      send: async (what) => {
        waiting.delete(what);
        await to.onChange.call(what);
      },
      onFail: to.fail,
      length: LIMITS.rpc.listenerQueueLength,
    }),
  );
  const unlisten = live.changes.listen((what) => {
    if (waiting.has(what)) return;
    waiting.add(what);
    queue.push(what);
  });
  to.parts.defer(unlisten);
}
