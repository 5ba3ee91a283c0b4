// Opens a twin's engine: the main thread's view of a worker that may die and is then replaced.

import { type Clock, systemClock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Grant } from "../grants/grant.ts";
import type { GrantRequest } from "../grants/grant-book.ts";
import type { InstalledCapability } from "../packages/manifest.ts";
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
  OutboxQuery,
  OutgoingMessage,
  ParkedMessage,
  Receipt,
  ReceiptSum,
  Settlement,
  TwinEvent,
} from "./engine.ts";
import type { UpgradeRequest } from "./installation-upgrade.ts";
import type { EngineNews, OperationAnswer, OperationArgs, OperationName } from "./operations.ts";
import type { ReceiptQuery } from "./receipt-book.ts";
import { startWorkerLink, type WorkerLink } from "./worker-link.ts";

/** What {@link openEngine} needs. */
export interface EngineOptions {
  /** The twin's data folder, which must exist: `state.sqlite`, `packages/`. */
  readonly folder: string;
  /** Id of the twin. */
  readonly twin: string;
  /** 32 bytes. Copied. */
  readonly stateKey: Uint8Array;
  /** Drives the watchdog; calls themselves see the machine's clock. */
  readonly clock?: Clock | undefined;
  readonly log: Log;
  /** Whether listeners are told of the state's records: they are copied for it. */
  readonly follow?: boolean | undefined;
  /** The worker's file, when it is not ours: one that does more around it. */
  readonly entry?: URL | undefined;
}

/**
 * Opens the engine of a twin. One process at a time may have it open. Rejects as
 * `openSqliteStateStore` does when the state cannot be used, and then has changed nothing.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const engine = new WorkerEngine({ ...options, stateKey: options.stateKey.slice() });
  await engine.start();
  return engine;
}

class WorkerEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #listeners = new Set<EngineListener>();
  /** The worker that serves, or that is starting; none after one has died, for a moment or until something is asked. */
  #link: Promise<WorkerLink> | undefined;
  #deaths = 0;
  #closed = false;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Makes sure that a worker serves. When it cannot start, its error is the answer, and the next request tries once more. */
  start(): Promise<WorkerLink> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#link !== undefined) return this.#link;
    const { folder, twin, stateKey, clock = systemClock, log, entry } = this.#options;
    let servedSinceMs: number | undefined;
    const link = startWorkerLink({
      data: { folder, twin, stateKey, follow: this.#options.follow === true },
      entry,
      clock,
      log,
      onNews: (news) => this.#tell(news),
      onRecord: ({ sequence, writes }) => {
        for (const listener of this.#listeners) listener.onRecord?.(sequence, writes);
      },
      onEnd: () => {
        if (this.#link === link) this.#link = undefined;
        for (const listener of this.#listeners) listener.onRestart?.();
        if (servedSinceMs !== undefined) void this.#revive(clock.elapsedMs() - servedSinceMs);
      },
    });
    this.#link = link;
    link.then(
      () => (servedSinceMs = clock.elapsedMs()),
      () => {
        if (this.#link === link) this.#link = undefined;
      },
    );
    return link;
  }

  /** A worker that has served and died is replaced although nothing is asked: its timers are due some time. */
  async #revive(servedMs: number): Promise<void> {
    const { reviveMs, reviveMsMax } = LIMITS.engine;
    const { clock = systemClock, log } = this.#options;
    // One that keeps dying must not take the machine with it.
    this.#deaths = servedMs > reviveMsMax ? 0 : this.#deaths + 1;
    await clock.sleep(Math.min(reviveMs * 2 ** this.#deaths, reviveMsMax));
    if (this.#closed || this.#link !== undefined) return;
    try {
      await this.start();
    } catch (thrown) {
      log.warn({ err: thrown }, "The engine could not be started again; it is tried when something is asked.");
    }
  }

  async call(request: CallRequest, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<CallAnswer> {
    if (request.payload.length > LIMITS.engine.payloadSizeBytes) {
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `A payload has at most ${LIMITS.engine.payloadSizeBytes} bytes, not ${request.payload.length}. Large data goes by reference.`,
      );
    }
    return this.#ask("call", request, options.signal);
  }

  listen(listener: EngineListener): () => void {
    // An entry of its own: the same listener may be given twice.
    const entry = { ...bindListener(listener) };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  install(packageBytes: Uint8Array): Promise<InstalledCapability> {
    return this.#ask("install", packageBytes);
  }

  upgrade(request: UpgradeRequest): Promise<UpgradeReport> {
    return this.#ask("upgrade", request);
  }

  rollBack(capability: string): Promise<InstalledCapability> {
    return this.#ask("rollBack", capability);
  }

  async remove(capability: string): Promise<void> {
    await this.#ask("remove", capability);
  }

  restore(capability: string): Promise<InstalledCapability> {
    return this.#ask("restore", capability);
  }

  capabilities(): Promise<InstalledCapability[]> {
    return this.#ask("capabilities", undefined);
  }

  grants(): Promise<Grant[]> {
    return this.#ask("grants", undefined);
  }

  grant(grant: GrantRequest): Promise<Grant> {
    return this.#ask("grant", grant);
  }

  async revoke(grantId: string): Promise<void> {
    await this.#ask("revoke", grantId);
  }

  receipts(query: ReceiptQuery = {}): Promise<Receipt[]> {
    return this.#ask("receipts", query);
  }

  receiptSums(query: { readonly sinceDay?: string | undefined } = {}): Promise<ReceiptSum[]> {
    return this.#ask("receiptSums", query);
  }

  events(query: { readonly afterSequence: number; readonly limit?: number | undefined }): Promise<TwinEvent[]> {
    return this.#ask("events", query);
  }

  outboxPeers(): Promise<string[]> {
    return this.#ask("outboxPeers", undefined);
  }

  outbox(peer: string, query: OutboxQuery): Promise<OutgoingMessage[]> {
    return this.#ask("outbox", { peer, ...query });
  }

  async settle(peer: string, settlement: Settlement): Promise<void> {
    await this.#ask("settle", { peer, ...settlement });
  }

  deliver(message: IncomingMessage): Promise<Delivery> {
    return this.#ask("deliver", message);
  }

  parked(): Promise<ParkedMessage[]> {
    return this.#ask("parked", undefined);
  }

  readTable(range: StateRange): Promise<StateEntry[]> {
    return this.#ask("readTable", range);
  }

  async writeTable(writes: readonly StateWrite[]): Promise<void> {
    await this.#ask("writeTable", writes);
  }

  stateRows(after?: StateKey): Promise<StateWrite[]> {
    return this.#ask("stateRows", after);
  }

  status(): Promise<EngineStatus> {
    return this.#ask("status", undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const link = await this.#link?.catch(() => undefined);
    if (link === undefined) return;
    const { clock = systemClock, log } = this.#options;
    // Only receipts wait for this; everything that was acknowledged is durable already.
    const closing = link.request("close", undefined).catch((thrown: unknown) => {
      log.warn({ err: thrown }, "The engine did not close by itself.");
    });
    await Promise.race([closing, clock.sleep(LIMITS.engine.closeTimeoutMs)]);
    await link.end();
  }

  async #ask<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
    signal?: AbortSignal,
  ): Promise<OperationAnswer<Name>> {
    const link = await this.start();
    return link.request(name, args, signal);
  }

  #tell({ outboxPeers, events, receipts }: EngineNews): void {
    for (const listener of this.#listeners) {
      try {
        for (const receipt of receipts) listener.onReceipt?.(receipt);
        for (const event of events) listener.onEvent?.(event);
        for (const peer of outboxPeers) listener.onOutbox?.(peer);
      } catch (thrown) {
        this.#options.log.error({ err: thrown }, "A listener of the engine failed.");
      }
    }
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

function closed(): TwinError {
  return new TwinError("TWIN_ABORTED", "The engine was closed.");
}
