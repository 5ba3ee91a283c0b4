// The contract, types only: all that an owner's client (the shell, the command line), an experience
// or another twin's host can reach over capnweb. Values are JSON unless they are stubs. A receiver
// checks every argument at run time: these types bind nobody on the other side.

import type { ErrorWire } from "../base/errors.ts";
import type {
  EngineStatus,
  ParkedMessage,
  Receipt,
  ReceiptSum,
  RecordingSettings,
  ReplayReport,
  TwinEvent,
} from "../engine/engine.ts";
import type { Grant, GrantHolder } from "../grants/grant.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { InstalledCapability, RemovedCapability } from "../packages/manifest.ts";
import type { OwnOffer, PackagePart } from "../packages/offer-shelf.ts";
import type { PackageOffer } from "../packages/offer.ts";
import type { PackagePolicy } from "../packages/package-policy.ts";
import type { UpgradeConsent, UpgradeReport } from "../packages/upgrade-report.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import type { ReplicaStatus } from "../vault/replicator.ts";
import type { DrainReport, ObjectId, ObjectInfo, ScrubReport, StoreStatus, VaultStatus } from "../vault/object.ts";

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How to call. */
export interface CallOptions {
  readonly callId?: string | undefined;
  readonly fuel?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** What led to the call (W3C Trace Context): it and the receipts of what it leads to have this trace. */
  readonly traceparent?: string | undefined;
}

/** A call's durable result and its account. */
export interface CallOutcome {
  readonly result: Json;
  readonly receipt: Receipt;
}

/** What the owner sees of another twin. */
export interface PeerStatus {
  readonly twin: TwinId;
  readonly name: string;
  readonly online: boolean;
  readonly address?: string | undefined;
  readonly lastSeenAtMs?: number | undefined;
  /** Messages waiting for it. */
  readonly waiting: number;
  /** Why it is not online, in words. */
  readonly problem?: string | undefined;
}

/** A one-time code that pairs two twins. */
export interface Invite {
  readonly code: string;
  readonly expiresAtMs: number;
}

/** The other side of a pairing. */
export interface Paired {
  readonly twin: TwinId;
  readonly name: string;
}

/** Which lane of the kernels does one operation, by the size of its input; ascending. */
export interface LaneChoice {
  /** Bytes; null: any size beyond the others. */
  readonly upToSizeBytes: number | null;
  /** `wasm`: ours, `native`: Node's own. */
  readonly lane: string;
}

/** How the host does its cryptography. */
export interface KernelStatus {
  /** `start`: by a quick measurement at the first start; `bench`: by `bench --apply`; `config`: by the owner. */
  readonly lanesChosenBy: string;
  readonly lanes: Readonly<Record<string, readonly LaneChoice[]>>;
  /** `bench`: by `bench --apply`; `config`: by the owner; `cores`: by their number. */
  readonly workersChosenBy: string;
  /** Workers at most; they start when there is bulk work. */
  readonly workers: number;
}

/** Everything the status line and `twin status` tell. */
export interface HostStatus {
  readonly twin: TwinId;
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** Where browsers and peers reach this host; empty when it does not listen. */
  readonly webUrl: string;
  readonly peerAddresses: readonly string[];
  readonly engine: EngineStatus;
  readonly vault: VaultStatus;
  readonly peers: readonly PeerStatus[];
  readonly kernels: KernelStatus;
  readonly memorySizeBytes: number;
  /** Other twins of the host that cannot be used. Only the host's first twin is told. */
  readonly brokenTwins?: readonly TwinListing[] | undefined;
  /** The whole twin's copy in its vault; absent while the host does not run for long. */
  readonly replica?: (ReplicaStatus & { readonly lastDrillAtMs?: number | undefined }) | undefined;
}

/** An experience that was opened for the shell: it lives until closed or until the socket that opened it ends. */
export interface OpenedExperience {
  /** 26 lower-case base32 characters, unguessable: names the origin `NAME--TOKEN.localhost` (with the longest name one DNS label holds no more). */
  readonly token: string;
  /** Page of the shell's origin to put into the closed shadow root. */
  readonly wrapperPath: string;
  /** Path of the WebSocket that is scoped to its grants. */
  readonly doorPath: string;
}

/** Receives what happens, in order: a plain object of functions. Dispose the subscription to end it. */
export interface OwnerListener {
  onEvent?(event: TwinEvent): void;
  onReceipt?(receipt: Receipt): void;
  /** Something changed: ask for it again. */
  onChange?(what: Change): void;
  /** The host ended the subscription, which fell behind or failed: subscribe again after the last event seen. */
  onEnd?(reason: ErrorWire): void;
}

/** What an `onChange` hint can speak of. */
export type Change = "peers" | "vault" | "stores" | "capabilities" | "experiences" | "grants" | "browsers";

/** A browser that a one-time link has logged in: it holds a key of its own. */
export interface Browser {
  /** Id of its key. */
  readonly id: string;
  /** What it called itself. */
  readonly label: string;
  readonly registeredAtMs: number;
  readonly lastUsedAtMs: number;
}

/** A live subscription. */
export interface Subscription extends Disposable {
  /** Ends it; the same as disposing the stub. */
  end(): void;
}

/** A store and where it is, without secrets. */
export interface StoreListing extends StoreStatus {
  readonly location: string;
}

/** A store to take in. */
export interface StoreRequest {
  /** 1 to 32 of a-z, 0-9, point and hyphen. */
  readonly name: string;
  /** An absolute path, or a URL that may hold a secret (docs/formats/vault.md, "Stores"). */
  readonly location: string;
  /** What fails together with it; when absent, its disk or service. */
  readonly domain?: string | undefined;
  /** So many bytes it takes; when absent, as many as there is room for. */
  readonly capacityBytes?: number | undefined;
}

/** Reports the progress of long work. */
export type OnProgress = (done: number, total: number | undefined) => void;

/** Hears of objects that were stored. */
export type OnStored = (objects: readonly ObjectInfo[]) => void;

/** A file, or a folder, that could not be stored. */
export interface FileFailure {
  readonly path: string;
  /** What the system says, for example `EACCES`. */
  readonly reason: string;
}

/** What became of the files of a folder. */
export interface FolderReport {
  readonly objectCount: number;
  readonly sizeBytes: number;
  /** Links, sockets and the like, which were left out. */
  readonly otherCount: number;
  /** Files and folders that could not be read. */
  readonly failedCount: number;
  /** The first hundred of these. */
  readonly failures: readonly FileFailure[];
}

/** How to upgrade a capability. */
export interface UpgradeOptions {
  readonly dryRun?: boolean | undefined;
  /** What the owner has said yes to. */
  readonly accept?: readonly UpgradeConsent[] | undefined;
  /** Without the permissions that are new in it. */
  readonly withhold?: boolean | undefined;
  /** Next to another major version, as `name@MAJOR`. */
  readonly beside?: boolean | undefined;
}

/** The owner's whole authority. */
export interface OwnerApi {
  status(): Promise<HostStatus>;
  call(capability: string, method: string, params: Json, options?: CallOptions): Promise<CallOutcome>;

  capabilities(): Promise<InstalledCapability[]>;
  installCapability(file: Uint8Array): Promise<InstalledCapability>;
  /** Installs a package in the place of another version, or beside it; with `dryRun` it only tells what would change. */
  upgradeCapability(file: Uint8Array, options?: UpgradeOptions): Promise<UpgradeReport>;
  /** Back to a version that was left, with its data: the last one unless named; a second time goes forth again. */
  rollBackCapability(
    name: string,
    options?: { readonly version?: string | undefined; readonly accept?: readonly UpgradeConsent[] | undefined },
  ): Promise<InstalledCapability>;
  removeCapability(name: string): Promise<void>;
  /** Takes a removal back, with data and grants. */
  restoreCapability(name: string): Promise<InstalledCapability>;
  /** What can be restored, the last removed first. */
  removedCapabilities(): Promise<RemovedCapability[]>;
  /** The package of an installed capability, with its reviews. */
  capabilityFile(name: string): Promise<Uint8Array>;
  /** Packages that the twins of these circles may take. */
  offerPackage(file: Uint8Array, circles: readonly string[]): Promise<OwnOffer>;
  /** Newest first. */
  offers(): Promise<readonly OwnOffer[]>;
  withdrawOffer(hash: string): Promise<void>;
  /** What another twin says that it offers to this one. */
  offersOf(twin: TwinId): Promise<readonly PackageOffer[]>;
  /** The package of that hash, from another twin: whole, and the very one. */
  takePackage(twin: TwinId, hash: string): Promise<Uint8Array>;
  /** What a package needs before it is installed, and whose packages never are. */
  packagePolicy(): Promise<PackagePolicy>;
  setPackagePolicy(policy: PackagePolicy): Promise<void>;

  experiences(): Promise<ExperienceInfo[]>;
  removeExperience(name: string): Promise<void>;
  openExperience(name: string): Promise<OpenedExperience>;
  closeExperience(token: string): Promise<void>;

  grants(): Promise<Grant[]>;
  grant(holder: GrantHolder, capability: string, methods: readonly string[], reason: string): Promise<Grant>;
  revoke(grantId: string): Promise<void>;

  receipts(query?: {
    readonly beforeSequence?: number;
    readonly limit?: number;
    readonly capability?: string;
    readonly caller?: string;
    /** Id of a trace. */
    readonly trace?: string;
  }): Promise<Receipt[]>;
  /** What calls have cost per day, capability and caller, newest day first, down to `sinceDay` (`2026-01-31`). */
  receiptSums(query?: { readonly sinceDay?: string }): Promise<ReceiptSum[]>;
  /** Keeps what the last `count` calls of the capability saw, so that they can be replayed; 0 ends that and forgets. */
  recordCalls(capability: string, count: number): Promise<void>;
  recordings(): Promise<RecordingSettings[]>;
  /** Runs the recorded call of that receipt again in a throw-away guest, and compares. Nothing takes effect. */
  replay(receipt: number): Promise<ReplayReport>;
  /** Events after `afterSequence` first, then live ones without a gap; `-1` for live ones only. */
  subscribe(afterSequence: number, listener: OwnerListener): Promise<Subscription>;

  browsers(): Promise<Browser[]>;
  /** Its key is worth nothing from now on; its sockets end. */
  forgetBrowser(id: string): Promise<void>;

  invite(): Promise<Invite>;
  accept(code: string): Promise<Paired>;
  parked(): Promise<ParkedMessage[]>;

  statObject(id: ObjectId): Promise<ObjectInfo | undefined>;
  /** Bearer for one upload (`PUT /objects`), valid for a minute. */
  uploadTicket(): Promise<string>;
  /** Path with a bearer in it, for downloads of this object by range, valid for a minute; `asName` offers it as a file. */
  downloadPath(id: ObjectId, asName: string, type: string): Promise<string>;
  scrub(onProgress?: OnProgress): Promise<ScrubReport>;
}

/** Room on this host that is lent to another twin for its shards, in bytes. */
export interface LentRoom {
  readonly twin: TwinId;
  readonly quotaBytes: number;
  readonly usedBytes: number;
}

/** What an export holds. */
export interface ExportReport {
  readonly twin: TwinId;
  /** When it was begun, in ms since 1970. */
  readonly atMs: number;
  /** Hexadecimal SHA-256 that names the content: an import of it, exported again, has the same. */
  readonly root: string;
  readonly fileCount: number;
  readonly rows: number;
  readonly objects: number;
  /** Of objects, packages and experiences. */
  readonly sizeBytes: number;
}

/** One of the other twins of a host. */
export interface TwinListing {
  /** In the host, and in its web address. */
  readonly name: string;
  /** Id of the twin; empty when its keystore cannot be read. */
  readonly twin: string;
  /** Why it cannot be used, in one sentence; absent when nothing is known to be wrong. */
  readonly problem?: string | undefined;
}

/** A twin that was made. */
export interface NewTwin extends TwinListing {
  readonly folder: string;
  /** The 24 words. Secret; told this once. */
  readonly phrase: string;
}

/** What the phonebook of a chain is to be told by the twin's owner. */
export interface AnnouncementRequest {
  /** The DNS name at which the record is served; null: none from now on. */
  readonly relay: string | null;
  /** The chain's terms that the owner has read and accepts: needed once per account. */
  readonly terms?: { readonly link: string; readonly hash: string } | undefined;
}

/** What an announcement takes. Amounts are TFT, written as decimals. */
export interface AnnouncementCost {
  /** What the node calls the chain. */
  readonly chain: string;
  /** The twin's account (SS58), from which it is paid. */
  readonly account: string;
  readonly balance: string;
  readonly steps: readonly { readonly call: string; readonly fee: string }[];
  readonly fee: string;
}

/** How strangers find this twin, and it them. */
export interface PhonebookStatus {
  /** The node that is asked; absent: none. */
  readonly tfchain?: string | undefined;
  /** The twin's account there (SS58). */
  readonly account: string;
  /** The name at which this host serves the twin's record to anybody; absent: at none. */
  readonly relay?: string | undefined;
  /** The path of it. */
  readonly path: string;
}

/** Where a twin is, as it has signed. */
export interface FoundTwin {
  readonly twin: TwinId;
  readonly name?: string | undefined;
  readonly addresses: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly source: "contacts" | "tfchain";
}

/** What the local socket offers beyond {@link OwnerApi}: paths are of this machine, read and written as the host's user. */
export interface ControlApi extends OwnerApi {
  /** A fresh link with a one-time token that logs a browser in as the owner. Throws `TWIN_HOST_BUSY` when the host serves no web. */
  loginLink(): Promise<string>;
  /** The host's figures in Prometheus's text format. Throws `TWIN_HOST_BUSY` when no host runs. */
  metrics(): Promise<string>;
  /** The other twins of the host, by name. */
  twins(): Promise<readonly TwinListing[]>;
  /** Makes another twin in the host; `person` is what its contacts see first, else its name is. Throws `TWIN_CONFIG_INVALID` for a name that is taken or none. */
  createTwin(name: string, person?: string): Promise<NewTwin>;
  /** The same authority over another twin of the host. Throws `TWIN_CONFIG_INVALID` when there is none of that name. */
  as(name: string): Promise<ControlApi>;
  putFile(path: string, onProgress?: OnProgress): Promise<ObjectInfo>;
  /**
   * Stores every file below the folder: each becomes an object whose name begins with the folder's. `onStored` is told
   * of them when they are durable, some hundred at a time; run again after whatever ended it, only what is new is stored.
   * Links and what is no file are left out; files that cannot be read too, and are named in the report.
   */
  putFolder(path: string, onStored?: OnStored, onProgress?: OnProgress): Promise<FolderReport>;
  /** Writes beside `path` and renames, so that a broken download never stands under its name. */
  getFile(id: ObjectId, path: string, onProgress?: OnProgress): Promise<ObjectInfo>;
  installExperienceFolder(path: string): Promise<ExperienceInfo>;
  stores(): Promise<readonly StoreListing[]>;
  /** New segments use it from now on. Throws `TWIN_CONFIG_INVALID` or `TWIN_STORE_FAILED`; nothing is changed then. */
  addStore(store: StoreRequest): Promise<void>;
  /** Moves what it holds to others; also when it is ended early, it takes nothing new until `keepStore`. */
  drainStore(name: string, onProgress?: OnProgress): Promise<DrainReport>;
  keepStore(name: string): Promise<void>;
  /** Bounds the bytes of all objects together; null: no bound. What is there stays. */
  setQuota(quotaBytes: number | null): Promise<void>;
  /** Restores the twin into a throw-away place, from its stores as they are. Throws what is wrong. */
  drill(): Promise<void>;
  /** Lends another twin room for its shards, sealed as they are; 0: it may take them back and put nothing. Throws `TWIN_ID_INVALID`. */
  lend(twin: string, quotaBytes: number): Promise<void>;
  /** All room that is or was lent. */
  lent(): Promise<readonly LentRoom[]>;
  /** Asks nobody. */
  phonebook(): Promise<PhonebookStatus>;
  /** Looks for a twin among the contacts, then outside; null when nobody knows of it. Throws `TWIN_ID_INVALID` or `TWIN_CHAIN_*`. */
  findTwin(twin: string): Promise<FoundTwin | null>;
  /** What {@link announce} would do and cost. Nothing is signed. Throws `TWIN_INPUT_INVALID`, `TWIN_CONFIG_INVALID` or `TWIN_CHAIN_*`. */
  planAnnouncement(request: AnnouncementRequest): Promise<AnnouncementCost>;
  /**
   * Serves the twin's record at the name, looks whether it is found there, and says so on the chain, paid from the
   * twin's account; told are the transactions that are final. With null it takes the name away and serves it no more.
   */
  announce(request: AnnouncementRequest, onProgress?: OnProgress): Promise<void>;
  /** The newest signed record of this twin, for any web server to serve. */
  ownRecord(): Promise<Uint8Array>;
  /** Writes the whole twin, in the clear, into a folder that is absent or empty; it is there whole or not at all. */
  exportTo(path: string, onProgress?: OnProgress): Promise<ExportReport>;
  /** Throws `TWIN_STORE_NEEDED` unless it is empty, or `lost`. */
  removeStore(name: string, options?: { readonly lost?: boolean | undefined }): Promise<void>;
}

/** What an experience reaches: the methods that its grants name, and nothing else. */
export interface DoorApi {
  /** The experience's own name and what it was granted. */
  about(): Promise<{
    readonly experience: string;
    readonly granted: readonly { readonly capability: string; readonly methods: readonly string[] }[];
  }>;
  call(capability: string, method: string, params: Json, options?: CallOptions): Promise<CallOutcome>;
  /** Events of capabilities that it holds a grant for: first those after `afterSequence`, then live ones; `-1` for live ones only. */
  subscribe(
    afterSequence: number,
    onEvent: (event: TwinEvent) => void,
    onEnd?: (reason: ErrorWire) => void,
  ): Promise<Subscription>;
}

/** A call that a task of one twin makes of another. */
export interface PeerCall {
  readonly capability: string;
  readonly method: string;
  /** UTF-8 JSON. */
  readonly payload: Uint8Array;
  /** `traceparent` of the task. */
  readonly trace?: string | undefined;
}

/** Messages of one twin to another; their sequences follow each other. */
export interface MessageBatch {
  readonly firstSequence: number;
  /** JSON: of each message `{ capability, method, sizeBytes }`. */
  readonly heads: string;
  /** Their payloads, one behind the other. */
  readonly payloads: Uint8Array;
}

/** What the receiver says of a batch, all of it durable. */
export interface BatchAnswer {
  /** How many of the first messages it has done or refused. */
  readonly settledCount: number;
  /** Which of these it refused, by position. */
  readonly refused: readonly { readonly index: number; readonly error: ErrorWire }[];
  /** Why it did not go on: it waits for another sequence, or has a trouble that may pass. Absent when all are settled. */
  readonly stopped?: { readonly expected: number } | { readonly error: ErrorWire } | undefined;
}

/** What the host of another twin, whose identity the connection has proven, reaches. */
export interface PeerApi {
  /** Handles the messages in order, up to the first that it cannot. Batches that are sent one behind the other are handled in that order. */
  deliver(batch: MessageBatch): Promise<BatchAnswer>;
  /** The newest signed record of this twin. */
  record(): Promise<Uint8Array>;
  /** Calls a method that this twin's owner lets the other one call. The answer is UTF-8 JSON. It ends with the connection. */
  call(call: PeerCall): Promise<Uint8Array>;
  /** The packages that this twin offers to the other one. */
  offers(): Promise<readonly PackageOffer[]>;
  /** The bytes of such a package from `offset` on: 0, or where an earlier part ended. */
  packagePart(hash: string, offset: number): Promise<PackagePart>;
}
