// The engine's part in messages, in memory: an outbox that settles, an inbox with exactly-once effect.

import { TwinError } from "../../host/base/errors.ts";
import type {
  CallRequest,
  Delivery,
  Engine,
  EngineListener,
  IncomingMessage,
  OutboxQuery,
  OutgoingMessage,
  Receipt,
  Settlement,
} from "../../host/engine/engine.ts";
import { packPage } from "../../host/engine/outbox-page.ts";
import type { PeersParts } from "../../host/peers/peers.ts";
import { createMemoryTables } from "./memory-tables.ts";

/** What survives a restart of a host. */
export interface FakeTwinState {
  readonly rows: Map<string, { key: Uint8Array; value: Uint8Array }>;
  readonly outbox: Map<string, OutgoingMessage[]>;
  readonly sequences: Map<string, number>;
  readonly inbox: Map<string, number>;
  /** Messages that took effect here, in order. */
  readonly handled: IncomingMessage[];
  readonly parked: { peer: string; sequence: number; delivery: Delivery }[];
}

/** A twin without any history. */
export function createFakeTwinState(): FakeTwinState {
  return { rows: new Map(), outbox: new Map(), sequences: new Map(), inbox: new Map(), handled: [], parked: [] };
}

/** Told when the fake does something that a test waits for. */
export interface FakePeerEngine extends Pick<Engine, keyof PeersParts["engine"]> {
  /** Queues a message as a command does. */
  send(peer: string, payload: Uint8Array): void;
  /** Replaces what the receiver says, to play a hostile or failing one. */
  onDeliver: ((message: IncomingMessage) => Promise<Delivery | undefined>) | undefined;
  /** Answers the calls of other twins; they are unknown without it. */
  onCall: ((request: CallRequest, signal: AbortSignal | undefined) => Promise<Uint8Array<ArrayBuffer>>) | undefined;
}

/** An engine over `state`; several in turn play restarts. */
export function createFakePeerEngine(state: FakeTwinState): FakePeerEngine {
  const listeners = new Set<EngineListener>();
  const engine = {
    ...createMemoryTables(state.rows),
    onDeliver: undefined as FakePeerEngine["onDeliver"],
    onCall: undefined as FakePeerEngine["onCall"],
    call: async (request: CallRequest, { signal }: { readonly signal?: AbortSignal | undefined } = {}) => {
      if (engine.onCall === undefined) throw new TwinError("TWIN_CALL_UNKNOWN", "There is no such capability.");
      return { payload: await engine.onCall(request, signal), receipt: undefined as unknown as Receipt };
    },
    send: (peer: string, payload: Uint8Array) => {
      const sequence = (state.sequences.get(peer) ?? 0) + 1;
      state.sequences.set(peer, sequence);
      const queue = state.outbox.get(peer) ?? [];
      queue.push({ peer, sequence, capability: "chat", method: "receive", payload, queuedAtMs: 0 });
      state.outbox.set(peer, queue);
      for (const listener of listeners) listener.onOutbox?.(peer);
    },
    listen: (listener: EngineListener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    outboxPeers: async () =>
      new Map([...state.outbox].filter(([, queue]) => queue.length > 0).map(([peer, queue]) => [peer, queue.length])),
    outbox: async (peer: string, { afterSequence = 0, limit }: OutboxQuery) => {
      const behind = (state.outbox.get(peer) ?? []).filter(({ sequence }) => sequence > afterSequence);
      return behind.length === 0 ? undefined : packPage(behind.slice(0, limit));
    },
    settle: async (peer: string, { throughSequence, refused }: Settlement) => {
      const queue = state.outbox.get(peer) ?? [];
      state.outbox.set(
        peer,
        queue.filter(({ sequence }) => sequence > throughSequence),
      );
      for (const { sequence, error } of refused)
        state.parked.push({ peer, sequence, delivery: { status: "refused", error } });
    },
    deliver: async (message: IncomingMessage): Promise<Delivery> =>
      (await engine.onDeliver?.(message)) ?? handle(state, message),
  };
  return engine;
}

function handle(state: FakeTwinState, message: IncomingMessage): Delivery {
  const expected = (state.inbox.get(message.from) ?? 0) + 1;
  if (message.sequence < expected) return { status: "done" };
  if (message.sequence > expected) return { status: "gap", expected };
  state.inbox.set(message.from, message.sequence);
  if (!message.circles.includes("friends"))
    return { status: "refused", error: { code: "TWIN_CALL_DENIED", message: "Not a friend.", details: {} } };
  state.handled.push(message);
  return { status: "done" };
}
