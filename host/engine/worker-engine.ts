// One twin's engine as the main thread sees it: what is asked goes to the worker in which the twin lives.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Grant } from "../grants/grant.ts";
import type { GrantRequest } from "../grants/grant-book.ts";
import type { InstalledCapability, RemovedCapability } from "../packages/manifest.ts";
import type { PackagePolicy } from "../packages/package-policy.ts";
import type { UpgradeReport } from "../packages/upgrade-report.ts";
import type { StateEntry, StateKey, StateRange, StateWrite } from "../state/state-store.ts";
import type {
  CallAnswer,
  CallRequest,
  Delivery,
  Engine,
  EngineListener,
  EngineStatus,
  IncomingMessage,
  OutboxPage,
  OutboxQuery,
  ParkedMessage,
  Receipt,
  ReceiptSum,
  RecordingSettings,
  ReplayReport,
  Settlement,
  TwinEvent,
} from "./engine.ts";
import type { RollBackRequest, UpgradeRequest } from "./version-change.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "./operations.ts";
import type { ReceiptQuery } from "./receipt-book.ts";
import type { StateRecord } from "./worker-messages.ts";

/** What an engine's view needs of its worker. */
export interface WorkerEngineParts {
  /** Asks the worker that serves the twin, or that is starting. */
  readonly ask: <Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
    signal?: AbortSignal,
  ) => Promise<OperationAnswer<Name>>;
  /** Ends the twin's stay. Called once. */
  readonly leave: () => Promise<void>;
  /** One `Int32`, shared with the worker: how many listeners there hear of receipts. */
  readonly hearers: Int32Array;
  readonly log: Log;
}

/** The view, and what its worker tells it. */
export class WorkerEngine implements Engine {
  readonly #parts: WorkerEngineParts;
  readonly #listeners = new Set<EngineListener>();
  #leaving: Promise<void> | undefined;

  constructor(parts: WorkerEngineParts) {
    this.#parts = parts;
  }

  async call(request: CallRequest, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<CallAnswer> {
    if (request.payload.length > LIMITS.engine.payloadSizeBytes) {
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `A payload has at most ${LIMITS.engine.payloadSizeBytes} bytes, not ${request.payload.length}. Large data goes by reference.`,
      );
    }
    return this.#parts.ask("call", request, options.signal);
  }

  listen(listener: EngineListener): () => void {
    // An entry of its own: the same listener may be given twice.
    const entry = { ...bindListener(listener) };
    this.#listeners.add(entry);
    const count = listener.onReceipt === undefined ? 0 : 1;
    Atomics.add(this.#parts.hearers, 0, count);
    return () => {
      if (this.#listeners.delete(entry)) Atomics.sub(this.#parts.hearers, 0, count);
    };
  }

  install(packageBytes: Uint8Array): Promise<InstalledCapability> {
    return this.#parts.ask("install", packageBytes);
  }

  upgrade(request: UpgradeRequest): Promise<UpgradeReport> {
    return this.#parts.ask("upgrade", request);
  }

  rollBack(request: RollBackRequest): Promise<InstalledCapability> {
    return this.#parts.ask("rollBack", request);
  }

  async remove(capability: string): Promise<void> {
    await this.#parts.ask("remove", capability);
  }

  restore(capability: string): Promise<InstalledCapability> {
    return this.#parts.ask("restore", capability);
  }

  capabilities(): Promise<InstalledCapability[]> {
    return this.#parts.ask("capabilities", undefined);
  }

  removed(): Promise<RemovedCapability[]> {
    return this.#parts.ask("removed", undefined);
  }

  packageFile(capability: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#parts.ask("packageFile", capability);
  }

  packagePolicy(): Promise<PackagePolicy> {
    return this.#parts.ask("packagePolicy", undefined);
  }

  async setPackagePolicy(policy: PackagePolicy): Promise<void> {
    await this.#parts.ask("setPackagePolicy", policy);
  }

  grants(): Promise<Grant[]> {
    return this.#parts.ask("grants", undefined);
  }

  grant(grant: GrantRequest): Promise<Grant> {
    return this.#parts.ask("grant", grant);
  }

  async revoke(grantId: string): Promise<void> {
    await this.#parts.ask("revoke", grantId);
  }

  receipts(query: ReceiptQuery = {}): Promise<Receipt[]> {
    return this.#parts.ask("receipts", query);
  }

  receiptSums(query: { readonly sinceDay?: string | undefined } = {}): Promise<ReceiptSum[]> {
    return this.#parts.ask("receiptSums", query);
  }

  async recordCalls(capability: string, count: number): Promise<void> {
    await this.#parts.ask("recordCalls", { capability, count });
  }

  recordings(): Promise<RecordingSettings[]> {
    return this.#parts.ask("recordings", undefined);
  }

  replay(receipt: number): Promise<ReplayReport> {
    return this.#parts.ask("replay", receipt);
  }

  events(query: { readonly afterSequence: number; readonly limit?: number | undefined }): Promise<TwinEvent[]> {
    return this.#parts.ask("events", query);
  }

  outboxPeers(): Promise<ReadonlyMap<string, number>> {
    return this.#parts.ask("outboxPeers", undefined);
  }

  outbox(peer: string, query: OutboxQuery): Promise<OutboxPage | undefined> {
    return this.#parts.ask("outbox", { peer, ...query });
  }

  async settle(peer: string, settlement: Settlement): Promise<void> {
    await this.#parts.ask("settle", { peer, ...settlement });
  }

  deliver(message: IncomingMessage): Promise<Delivery> {
    return this.#parts.ask("deliver", message);
  }

  parked(): Promise<ParkedMessage[]> {
    return this.#parts.ask("parked", undefined);
  }

  readTable(range: StateRange): Promise<StateEntry[]> {
    return this.#parts.ask("readTable", range);
  }

  async writeTable(writes: readonly StateWrite[]): Promise<void> {
    await this.#parts.ask("writeTable", writes);
  }

  stateRows(after?: StateKey): Promise<StateWrite[]> {
    return this.#parts.ask("stateRows", after);
  }

  status(): Promise<EngineStatus> {
    return this.#parts.ask("status", undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#leaving ??= this.#parts.leave());
  }

  /** What happened in the twin. */
  tell({ outboxPeers, events, receipts }: EngineNews): void {
    for (const listener of this.#listeners) {
      try {
        for (const receipt of receipts) listener.onReceipt?.(receipt);
        for (const event of events) listener.onEvent?.(event);
        for (const peer of outboxPeers) listener.onOutbox?.(peer);
      } catch (thrown) {
        this.#parts.log.error({ err: thrown }, "A listener of the engine failed.");
      }
    }
  }

  /** A durable record of its state. */
  tellRecord({ sequence, writes }: StateRecord): void {
    for (const listener of this.#listeners) listener.onRecord?.(sequence, writes);
  }

  /** The worker has died. */
  tellRestart(): void {
    for (const listener of this.#listeners) listener.onRestart?.();
  }
}

function bindListener(listener: EngineListener): EngineListener {
  return {
    onOutbox: (peer) => listener.onOutbox?.(peer),
    onEvent: (event) => listener.onEvent?.(event),
    onReceipt: (receipt) => listener.onReceipt?.(receipt),
    onRecord: (sequence, writes) => listener.onRecord?.(sequence, writes),
    onRestart: () => listener.onRestart?.(),
  };
}
