// The engine's contract in memory: methods are plain functions, grants decide, events and receipts
// are kept. Nothing is durable.

import { jsonDecode, jsonEncode } from "../../host/base/bytes.ts";
import { TwinError } from "../../host/base/errors.ts";
import type { CallRequest, Engine, EngineListener, Receipt, TwinEvent } from "../../host/engine/engine.ts";
import type { Grant, Holder } from "../../host/grants/grant.ts";
import type { Json } from "../../host/rpc/api.ts";
import { createMemoryTables } from "./memory-tables.ts";

/** What a method does: gets the parsed parameters, and may emit. */
export type FakeMethod = (params: Json, emit: (topic: string, payload: Json) => void) => Json | Promise<Json>;

/** A fake with hands on it. */
export interface FakeEngine extends Engine {
  /** Adds durable events as if commands had emitted them. */
  emit(capability: string, topic: string, payload: Json): TwinEvent;
  readonly listenerCount: number;
  /** Calls that reached the engine. */
  readonly calls: number;
  /** The next reads of events fail so, each once. */
  readonly eventFailures: TwinError[];
  /** Events before this sequence are no longer kept. */
  oldestEvent: number;
}

/** An engine that offers `methods` by `capability.method`. */
export function createFakeEngine(methods: Readonly<Record<string, FakeMethod>> = {}): FakeEngine {
  const listeners = new Set<EngineListener>();
  const events: TwinEvent[] = [];
  const receipts: Receipt[] = [];
  const grants: Grant[] = [];
  let lastGrant = 0;
  let calls = 0;

  const emit = (capability: string, topic: string, payload: Json): TwinEvent => {
    const event = { sequence: events.length + 1, atMs: 0, capability, topic, payload: JSON.stringify(payload) };
    events.push(event);
    for (const listener of listeners) listener.onEvent?.(event);
    return event;
  };
  const decide = ({ holder, capability, method }: CallRequest): void => {
    if (holder.kind === "owner") return;
    const name = holderName(holder);
    const granted = grants.some(
      (grant) => grant.holder === name && grant.capability === capability && grant.methods.includes(method),
    );
    if (!granted) throw new TwinError("TWIN_CALL_DENIED", "No grant allows this call.");
  };
  const engine: Partial<FakeEngine> = {
    oldestEvent: 1,
    eventFailures: [],
    emit,
    call: async (request) => {
      calls++;
      decide(request);
      const method = methods[`${request.capability}.${request.method}`];
      if (method === undefined) throw new TwinError("TWIN_CALL_UNKNOWN", "No such method.");
      const params = jsonDecode(request.payload) as Json;
      const result = await method(params, (topic, payload) => emit(request.capability, topic, payload));
      const receipt = createReceipt(receipts.length + 1, request);
      receipts.push(receipt);
      for (const listener of listeners) listener.onReceipt?.(receipt);
      return { payload: jsonEncode(result), receipt };
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    capabilities: async () => [],
    grants: async () => [...grants],
    grant: async (grant) => {
      const made = { ...grant, id: `g${++lastGrant}`, grantedAtMs: 0 };
      grants.push(made);
      return made;
    },
    revoke: async (id) => {
      const index = grants.findIndex((grant) => grant.id === id);
      if (index === -1) throw new TwinError("TWIN_GRANT_UNKNOWN", "No such grant.");
      grants.splice(index, 1);
    },
    receipts: async ({ limit = 100 } = {}) => receipts.toReversed().slice(0, limit),
    receiptSums: async () => [],
    events: async ({ afterSequence, limit = 1_000 }) => {
      const failure = engine.eventFailures?.shift();
      if (failure !== undefined) throw failure;
      if (afterSequence + 1 < (engine.oldestEvent ?? 1))
        throw new TwinError("TWIN_LIMIT_EXCEEDED", "Those are no longer kept.", { oldest: engine.oldestEvent ?? 1 });
      return events.filter(({ sequence }) => sequence > afterSequence).slice(0, limit);
    },
    parked: async () => [],
    status: async () => ({
      calls: receipts.length,
      errors: 0,
      fuel: 0,
      outbox: 0,
      parked: 0,
      timers: 0,
      tasks: 0,
      guests: 0,
      guestMemorySizeBytes: 0,
      lastEventSequence: events.length,
    }),
    ...createMemoryTables(),
    stateRows: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
  Object.defineProperty(engine, "listenerCount", { get: () => listeners.size });
  Object.defineProperty(engine, "calls", { get: () => calls });
  return engine as FakeEngine;
}

function holderName(holder: Holder): string {
  return holder.kind === "peer"
    ? `peer:${holder.twin}`
    : holder.kind === "owner"
      ? "owner"
      : `${holder.kind}:${holder.name}`;
}

function createReceipt(sequence: number, request: CallRequest): Receipt {
  return {
    sequence,
    atMs: 0,
    caller: holderName(request.holder),
    capability: request.capability,
    version: "1.0.0",
    moduleHash: "00",
    method: request.method,
    outcome: "ok",
    fuel: 1,
    memorySizeBytes: 0,
    hostCalls: {},
    bytes: { in: request.payload.length, out: 0, read: 0, written: 0, received: 0, sent: 0 },
    trace: { id: "0".repeat(31) + "1", span: "0".repeat(15) + "1" },
    queueMs: 0,
    runMs: 0,
  };
}
