// The one list of what the main thread asks of an engine worker. Arguments and answers cross
// between threads by structured clone.

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
import type { ReceiptQuery } from "./receipt-book.ts";

/** Name -> what it takes and what it gives. The meaning is that of the same method of `Engine`. */
interface Operations {
  call(request: CallRequest): CallAnswer;
  deliver(message: IncomingMessage): Delivery;
  install(packageBytes: Uint8Array): InstalledCapability;
  upgrade(request: UpgradeRequest): UpgradeReport;
  rollBack(request: RollBackRequest): InstalledCapability;
  remove(capability: string): undefined;
  restore(capability: string): InstalledCapability;
  capabilities(query: undefined): InstalledCapability[];
  removed(query: undefined): RemovedCapability[];
  packageFile(capability: string): Uint8Array<ArrayBuffer>;
  packagePolicy(query: undefined): PackagePolicy;
  setPackagePolicy(policy: PackagePolicy): undefined;
  grants(query: undefined): Grant[];
  grant(request: GrantRequest): Grant;
  revoke(grantId: string): undefined;
  receipts(query: ReceiptQuery): Receipt[];
  recordCalls(query: { readonly capability: string; readonly count: number }): undefined;
  recordings(query: undefined): RecordingSettings[];
  replay(receipt: number): ReplayReport;
  receiptSums(query: { readonly sinceDay?: string | undefined }): ReceiptSum[];
  events(query: { readonly afterSequence: number; readonly limit?: number | undefined }): TwinEvent[];
  outboxPeers(query: undefined): ReadonlyMap<string, number>;
  outbox(query: OutboxQuery & { readonly peer: string }): OutboxPage | undefined;
  settle(settlement: Settlement & { readonly peer: string }): undefined;
  parked(query: undefined): ParkedMessage[];
  readTable(range: StateRange): StateEntry[];
  writeTable(writes: readonly StateWrite[]): undefined;
  stateRows(after: StateKey | undefined): StateWrite[];
  status(query: undefined): EngineStatus;
  /** Writes what waits and closes the state; nothing may follow. */
  close(query: undefined): undefined;
}

/** One of the names of {@link Operations}. */
export type OperationName = keyof Operations;
/** What the operation takes. */
export type OperationArgs<Name extends OperationName> = Parameters<Operations[Name]>[0];
/** What the operation gives. */
export type OperationAnswer<Name extends OperationName> = ReturnType<Operations[Name]>;

/** What happened, for who listens; told once it is durable. */
export interface EngineNews {
  readonly outboxPeers: readonly string[];
  readonly events: readonly TwinEvent[];
  readonly receipts: readonly Receipt[];
}
