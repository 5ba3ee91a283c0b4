// The slices of the host that the owner's interface is made of. The composition root supplies them.

import type { Clock } from "../base/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import type { OfferShelf } from "../packages/offer-shelf.ts";
import type { PackageOffer } from "../packages/offer.ts";
import type { DrainOptions, DrainReport, ObjectId, Progress, Vault } from "../vault/object.ts";
import type {
  AnnouncementCost,
  AnnouncementRequest,
  Browser,
  FoundTwin,
  HostStatus,
  Invite,
  KernelStatus,
  LentRoom,
  OpenedExperience,
  Paired,
  PeerStatus,
  PhonebookStatus,
  StoreListing,
  StoreRequest,
  TwinListing,
} from "./api.ts";
import type { ChangeHub } from "./change-hub.ts";

/** What the host says of itself. Functions, where the answer may change. */
interface AboutHost {
  readonly twin: TwinId;
  readonly version: string;
  readonly startedAtMs: number;
  name(): string;
  /** Empty when no browser is served. */
  webUrl(): string;
  readonly kernels: KernelStatus;
  memorySizeBytes(): number;
}

/** The owner's view of other twins. */
export interface PeersPart {
  readonly addresses: readonly string[];
  invite(): Promise<Invite>;
  accept(code: string): Promise<Paired>;
  status(): Promise<readonly PeerStatus[]>;
}

/** Packages that go from twin to twin. */
export interface PackagesPart extends Pick<OfferShelf, "offer" | "list" | "withdraw"> {
  offersOf(twin: TwinId): Promise<readonly PackageOffer[]>;
  take(twin: TwinId, hash: string): Promise<Uint8Array>;
}

/** The installed experiences. */
interface ExperiencesPart {
  list(): Promise<readonly ExperienceInfo[]>;
  /** Takes in the experience of a folder of this machine. */
  install(folder: string): Promise<ExperienceInfo>;
  remove(name: string): Promise<void>;
}

/** The places that hold the twin's data. */
export interface StoresPart {
  list(): Promise<readonly StoreListing[]>;
  add(store: StoreRequest): Promise<void>;
  drain(name: string, options: Pick<DrainOptions, "onProgress">): Promise<DrainReport>;
  keep(name: string): Promise<void>;
  setQuota(quotaBytes: number | undefined): Promise<void>;
  remove(name: string, options: { readonly lost?: boolean | undefined }): Promise<void>;
}

/** Room for the shards of other twins. */
export interface HolderPart {
  lend(twin: TwinId, quotaBytes: number): Promise<void>;
  lent(): Promise<readonly LentRoom[]>;
}

/** How strangers find the twin, and it them. */
export interface PhonebookPart {
  status(): Promise<PhonebookStatus>;
  find(twin: TwinId): Promise<FoundTwin | undefined>;
  plan(request: AnnouncementRequest): Promise<AnnouncementCost>;
  announce(request: AnnouncementRequest, onProgress: Progress): Promise<void>;
  ownRecord(): Promise<Uint8Array>;
  /** For anybody who asks the web: undefined unless the owner has announced that it is served. */
  servedRecord(): Promise<Uint8Array | undefined>;
}

/** The browsers that hold a key of the owner. */
export interface BrowsersPart {
  list(): Promise<Browser[]>;
  forget(id: string): Promise<void>;
}

/** What one connection of the owner can open in a browser. It all ends when the desk is disposed. */
export interface OwnerDesk extends Disposable {
  open(experience: ExperienceInfo): OpenedExperience;
  /** Does nothing when the token is not one of this desk's. */
  close(token: string): void;
  uploadTicket(): string;
  downloadPath(id: ObjectId, asName: string, type: string): string;
}

/** All of them. */
export interface OwnerParts {
  readonly about: AboutHost;
  readonly engine: Engine;
  readonly vault: Vault;
  /** Absent while the host has no network. */
  readonly peers?: PeersPart | undefined;
  readonly packages: PackagesPart;
  readonly experiences: ExperiencesPart;
  readonly browsers: BrowsersPart;
  readonly changes: ChangeHub;
  readonly clock: Clock;
  /** Of the copy of the twin in its vault. Absent while none is kept. */
  readonly replica?: (() => Promise<HostStatus["replica"]>) | undefined;
  /** Other twins of the host that cannot be used, by name. Absent for all twins but the host's first. */
  readonly brokenTwins?: (() => readonly TwinListing[]) | undefined;
}
