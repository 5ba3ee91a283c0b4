// The engine's contract: calls as transactions, messages with exactly-once effect, events, receipts.
// The main thread's view; the work happens in the twin's engine worker.

import type { ErrorWire, TwinErrorCode } from "../base/errors.ts";
import type { Grant, Holder } from "../grants/grant.ts";
import type { InstalledCapability, RemovedCapability } from "../packages/manifest.ts";
import type { PackagePolicy } from "../packages/package-policy.ts";
import type { UpgradeReport } from "../packages/upgrade-report.ts";
import type { StateEntry, StateKey, StateRange, StateWrite } from "../state/state-store.ts";
import type { TraceSpan } from "./trace.ts";
import type { RollBackRequest, UpgradeRequest } from "./version-change.ts";

/** A call of one method. `payload` is UTF-8 JSON and belongs to the engine from the call on. */
export interface CallRequest {
  readonly holder: Holder;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Idempotency: a command, or a task that has ended, repeated under the same id (1 to 64 characters, scoped by holder) returns the recorded answer. */
  readonly callId?: string | undefined;
  /** `traceparent` of what led to it (W3C Trace Context); what is none is ignored. */
  readonly trace?: string | undefined;
  readonly budget?: { readonly fuel?: number | undefined; readonly timeoutMs?: number | undefined } | undefined;
}

/** A durable answer: when it is here, a command's effects are on disk. */
export interface CallAnswer {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly receipt: Receipt;
}

/** A call within a call, in its transaction. JSON. */
export interface NestedCallReceipt {
  readonly capability: string;
  readonly method: string;
  /** Id of its span, and of the one that it was called from. */
  readonly span: string;
  readonly parent: string;
  /** Including what it called itself. */
  readonly fuel: number;
  /** Since the outermost call began. */
  readonly startMs: number;
  readonly runMs: number;
}

/** The account of one call. JSON. */
export interface Receipt {
  /** Grows with every call of the twin. */
  readonly sequence: number;
  readonly atMs: number;
  /** `owner`, `experience:chat`, `peer:did:key:...`, `capability:chat`, `timer:chat` */
  readonly caller: string;
  readonly grantId?: string | undefined;
  readonly capability: string;
  readonly version: string;
  readonly moduleHash: string;
  readonly method: string;
  readonly outcome: "ok" | "error";
  readonly code?: TwinErrorCode | undefined;
  readonly fuel: number;
  readonly memorySizeBytes: number;
  readonly hostCalls: Readonly<Record<string, number>>;
  readonly bytes: {
    readonly in: number;
    readonly out: number;
    readonly read: number;
    readonly written: number;
    /** From the outside, by a task. */
    readonly received: number;
    /** To the outside, by a task. */
    readonly sent: number;
  };
  readonly queueMs: number;
  readonly runMs: number;
  readonly trace: TraceSpan;
  /** The first ones, in the order in which they ended; absent when there were none. */
  readonly nested?: readonly NestedCallReceipt[] | undefined;
}

/** Of which capability calls are recorded. JSON. */
export interface RecordingSettings {
  readonly capability: string;
  /** How many of its last calls are kept. */
  readonly count: number;
  /** Numbers of the receipts of those that are, oldest first. */
  readonly kept: readonly number[];
}

/** How a guest came out of a call. JSON. */
export interface ReplayedOutcome {
  readonly outcome: "ok" | "error";
  readonly code?: TwinErrorCode | undefined;
  /** Hex hash of the answer. */
  readonly answerHash?: string | undefined;
  /** Of the guest, with all that it was charged for. */
  readonly fuel: number;
  readonly memorySizeBytes: number;
}

/** What running a recorded call again has shown. JSON. */
export interface ReplayReport {
  /** Number of the call's receipt. */
  readonly receipt: number;
  readonly capability: string;
  readonly method: string;
  /** Whether the guest asked the host for the same and came out the same, bit for bit. */
  readonly isSame: boolean;
  /** The first difference, in words. */
  readonly difference?: string | undefined;
  readonly recorded: ReplayedOutcome;
  readonly replayed: ReplayedOutcome;
}

/** What calls have cost in one day. JSON. */
export interface ReceiptSum {
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  readonly capability: string;
  /** As in {@link Receipt}. */
  readonly caller: string;
  readonly calls: number;
  readonly errors: number;
  readonly fuel: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly bytesWritten: number;
  readonly runMs: number;
}

/** A durable event that a command emitted. */
export interface TwinEvent {
  /** Without gaps, from 1, for the twin's life. */
  readonly sequence: number;
  readonly atMs: number;
  readonly capability: string;
  readonly topic: string;
  /** JSON text. */
  readonly payload: string;
}

/** A message in the outbox, on its way to another twin. */
export interface OutgoingMessage {
  readonly peer: string;
  /** From 1, without gaps, per peer. */
  readonly sequence: number;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly queuedAtMs: number;
  /** `traceparent` of the command that sent it. */
  readonly trace?: string | undefined;
}

/** Messages of the outbox as they travel (docs/formats/peer-protocol.md, "Messages"): at least one, their sequences follow each other. */
export interface OutboxPage {
  readonly firstSequence: number;
  readonly count: number;
  /** JSON: of each message `{ capability, method, sizeBytes, trace? }`. */
  readonly heads: string;
  /** Their payloads, one behind the other. */
  readonly payloads: Uint8Array;
}

/** A message from another twin, whose identity the connection has proven. */
export interface IncomingMessage {
  readonly from: string;
  readonly circles: readonly string[];
  readonly sequence: number;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** As its sender said. */
  readonly trace?: string | undefined;
}

/** Which of the messages for a peer to show. */
export interface OutboxQuery {
  /** 0 when absent: from the first. */
  readonly afterSequence?: number | undefined;
  readonly limit: number;
}

/** What a receiver has said of the first messages that wait for it. */
export interface Settlement {
  /** Of the last one of them. */
  readonly throughSequence: number;
  /** Those that can never take effect there; the others did. */
  readonly refused: readonly { readonly sequence: number; readonly error: ErrorWire }[];
}

/** What the receiver says of a message once that answer is durable. */
export type Delivery =
  /** It took effect, now or at an earlier delivery. */
  | { readonly status: "done" }
  /** It can never take effect (denied, unknown method, bad payload, guest fault): parked at the sender, not blocking the next. */
  | { readonly status: "refused"; readonly error: ErrorWire }
  /** Not the next one: send again from `expected`. */
  | { readonly status: "gap"; readonly expected: number };

/** A message that its receiver refused for good, kept for the owner to see. */
export interface ParkedMessage {
  readonly peer: string;
  readonly sequence: number;
  readonly capability: string;
  readonly method: string;
  readonly code: string;
  readonly message: string;
  readonly parkedAtMs: number;
}

/** Totals since the twin began, from its receipts. */
export interface EngineStatus {
  readonly calls: number;
  readonly errors: number;
  readonly fuel: number;
  readonly outbox: number;
  readonly parked: number;
  /** Timers that wait. */
  readonly timers: number;
  /** Tasks that run or wait for the outside. */
  readonly tasks: number;
  readonly guests: number;
  readonly guestMemorySizeBytes: number;
  readonly lastEventSequence: number;
}

/** What the engine tells the main thread unasked. All are hints: the truth is in the tables. */
export interface EngineListener {
  /** The outbox for `peer` has something new. */
  onOutbox?(peer: string): void;
  onEvent?(event: TwinEvent): void;
  onReceipt?(receipt: Receipt): void;
  /**
   * Of an engine that was opened to be followed: durable writes of the whole state, as `decodeWrites` reads
   * them. A number that is not one more than the last says that some were not told.
   */
  onRecord?(sequence: number, writes: Uint8Array): void;
  /** The worker has died: what it did last may be durable and not told. */
  onRestart?(): void;
}

/** One twin's engine. All methods reject with `TwinError`; `TWIN_ENGINE_RESTARTED` when the worker died under them. */
export interface Engine extends AsyncDisposable {
  /** When `signal` aborts, a call that has not begun never does, a task ends, and a query or command runs to its end unheard. */
  call(request: CallRequest, options?: { readonly signal?: AbortSignal | undefined }): Promise<CallAnswer>;
  /** Returns a function that ends the listening. */
  listen(listener: EngineListener): () => void;

  install(packageBytes: Uint8Array): Promise<InstalledCapability>;
  /** Installs a package in the place of another version, or with `dryRun` only says what would change. */
  upgrade(request: UpgradeRequest): Promise<UpgradeReport>;
  /** Back to a version that was left, with its data: the last one unless named. A second time goes forth again. */
  rollBack(request: RollBackRequest): Promise<InstalledCapability>;
  /** Its data stays for 30 days. */
  remove(capability: string): Promise<void>;
  /** Takes a removal back, with data and grants. */
  restore(capability: string): Promise<InstalledCapability>;
  capabilities(): Promise<InstalledCapability[]>;
  /** What can be restored, the last removed first. */
  removed(): Promise<RemovedCapability[]>;
  /** The package of an installed capability, with its reviews. */
  packageFile(capability: string): Promise<Uint8Array<ArrayBuffer>>;
  /** What a package needs before it is installed, and whose packages never are. */
  packagePolicy(): Promise<PackagePolicy>;
  setPackagePolicy(policy: PackagePolicy): Promise<void>;

  grants(): Promise<Grant[]>;
  grant(grant: Omit<Grant, "id" | "grantedAtMs">): Promise<Grant>;
  revoke(grantId: string): Promise<void>;

  /** Newest first. Of very many queries in a short time only the last ones are kept; their sums are kept of all. */
  receipts(query?: {
    readonly beforeSequence?: number | undefined;
    readonly limit?: number | undefined;
    readonly capability?: string | undefined;
    readonly caller?: string | undefined;
    /** Id of a trace. */
    readonly trace?: string | undefined;
  }): Promise<Receipt[]>;
  /** Sums per day, capability and caller of all calls since the twin began, newest day first, down to `sinceDay` (`2026-01-31`). */
  receiptSums(query?: { readonly sinceDay?: string | undefined }): Promise<ReceiptSum[]>;
  /** Keeps what the last `count` calls of the capability saw, so that they can be run again; 0 ends that and forgets. Such calls begin with a fresh guest. */
  recordCalls(capability: string, count: number): Promise<void>;
  recordings(): Promise<RecordingSettings[]>;
  /** Runs the recorded call of that receipt again in a throw-away guest: nothing takes effect. Throws `TWIN_INPUT_INVALID` when it was not recorded. */
  replay(receipt: number): Promise<ReplayReport>;
  /** Oldest first, after `afterSequence`. Throws `TWIN_LIMIT_EXCEEDED` with `details.oldest` when some of them are no longer kept. */
  events(query: { readonly afterSequence: number; readonly limit?: number | undefined }): Promise<TwinEvent[]>;

  /** Peers with something in the outbox, and how many messages wait for each. */
  outboxPeers(): Promise<ReadonlyMap<string, number>>;
  /** The oldest messages for `peer` behind `afterSequence`, in order; fewer than `limit` when they are large, and undefined only when there is none. */
  outbox(peer: string, query: OutboxQuery): Promise<OutboxPage | undefined>;
  /** Deletes (or, when refused, parks) the messages, all in one commit. Durable. Those that are gone already count as settled. */
  settle(peer: string, settlement: Settlement): Promise<void>;
  /** Handles a message with exactly-once effect. */
  deliver(message: IncomingMessage): Promise<Delivery>;
  parked(): Promise<ParkedMessage[]>;

  /** The host's own small tables (namespaces that begin with `$`): peers, invites, experiences, settings. */
  readTable(range: StateRange): Promise<StateEntry[]>;
  writeTable(writes: readonly StateWrite[]): Promise<void>;
  /** A page of all rows of the state behind `after`; none at the end. For copies of the whole twin. */
  stateRows(after?: StateKey): Promise<StateWrite[]>;

  status(): Promise<EngineStatus>;
}
