// The local socket's interface: the owner's authority, and files of this machine, read and written
// as the host's user (whom the socket's file permissions have proven the caller to be).

import { isAbsolute } from "node:path";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { publicKeyOf, type TwinId } from "../identity/twin-id.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import type { DrainReport, ObjectId, ObjectInfo, Progress } from "../vault/object.ts";
import type {
  AnnouncementCost,
  AnnouncementRequest,
  ControlApi,
  ExportReport,
  FolderReport,
  FoundTwin,
  NewTwin,
  PhonebookStatus,
  TwinListing,
  LentRoom,
  OnProgress,
  OnStored,
  StoreListing,
  StoreRequest,
} from "./api.ts";
import { checkRecord, checkText, invalid } from "./arguments.ts";
import { storeFolderAsObjects } from "./folder-objects.ts";
import { fetchObjectToFile, storeFileAsObject } from "./object-files.ts";
import type { HolderPart, OwnerDesk, OwnerParts, PhonebookPart, StoresPart } from "./owner-parts.ts";
import { checkObjectId } from "./object-id.ts";
import { OwnerTarget } from "./owner-target.ts";
import { openProgressRelay } from "./progress-relay.ts";
import { holdFunction } from "./remote-function.ts";

/** The other twins of the host. */
export interface OthersPart {
  list(): Promise<readonly TwinListing[]>;
  create(name: string, person: string | undefined): Promise<NewTwin>;
  /** It stays open until `release` is called. Throws `TWIN_CONFIG_INVALID` when there is none of that name. */
  open(name: string): Promise<{ readonly parts: ControlParts; readonly release: () => void }>;
}

/** What the local socket needs beyond the owner's parts. */
export interface ControlParts extends OwnerParts {
  readonly random: Random;
  readonly log: Log;
  readonly stores: StoresPart;
  readonly holder: HolderPart;
  readonly phonebook: PhonebookPart;
  /** Absent for all twins but the host's first. */
  readonly others?: OthersPart | undefined;
  /** Absent while no copy is kept. */
  readonly drill?: (() => Promise<void>) | undefined;
  exportTo(path: string, onProgress: Progress): Promise<ExportReport>;
  /** Absent when no host runs, only a command. */
  readonly metrics?: (() => Promise<string>) | undefined;
  /** Makes a login link. Absent when no browser is served. */
  readonly loginLink?: (() => Promise<string>) | undefined;
}

/** One connection to the local socket. */
export class ControlTarget extends OwnerTarget implements ControlApi {
  readonly #parts: ControlParts;
  readonly #release: (() => void) | undefined;

  /** `release` is called when it is disposed. */
  constructor(parts: ControlParts, desk: OwnerDesk | undefined, release?: () => void) {
    super(parts, desk);
    this.#parts = parts;
    this.#release = release;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#release?.();
  }

  async loginLink(): Promise<string> {
    if (this.#parts.loginLink !== undefined) return await this.#parts.loginLink();
    throw new TwinError("TWIN_HOST_BUSY", "This host serves no browser: start it with `twin start`, then ask again.");
  }

  async metrics(): Promise<string> {
    if (this.#parts.metrics !== undefined) return await this.#parts.metrics();
    throw new TwinError("TWIN_HOST_BUSY", "No host runs that could be measured: start it with `twin start`.");
  }

  twins(): Promise<readonly TwinListing[]> {
    return this.#others.list();
  }

  createTwin(name: string, person?: string): Promise<NewTwin> {
    const called = person === undefined ? undefined : checkText(person, "person", { max: 64 });
    return this.#others.create(checkText(name, "name", { max: 32 }), called);
  }

  async as(name: string): Promise<ControlTarget> {
    const { parts, release } = await this.#others.open(checkText(name, "name", { max: 32 }));
    return new ControlTarget(parts, undefined, release);
  }

  async putFile(path: string, onProgress?: OnProgress): Promise<ObjectInfo> {
    await using progress = openProgressRelay(onProgress);
    const stored = await storeFileAsObject(this.#parts.vault, checkPath(path), progress.report);
    this.#parts.changes.announce("vault");
    return stored;
  }

  async putFolder(path: string, onStored?: OnStored, onProgress?: OnProgress): Promise<FolderReport> {
    await using progress = openProgressRelay(onProgress);
    using listener = holdFunction<[objects: readonly ObjectInfo[]]>(onStored, "onStored");
    try {
      return await storeFolderAsObjects(this.#parts.vault, checkPath(path), {
        onStored: (objects) => listener?.call(objects),
        onProgress: progress.report,
      });
    } finally {
      this.#parts.changes.announce("vault");
    }
  }

  async getFile(id: ObjectId, path: string, onProgress?: OnProgress): Promise<ObjectInfo> {
    await using progress = openProgressRelay(onProgress);
    const target = { id: checkObjectId(id), path: checkPath(path) };
    return await fetchObjectToFile(this.#parts, target, progress.report);
  }

  async installExperienceFolder(path: string): Promise<ExperienceInfo> {
    const installed = await this.#parts.experiences.install(checkPath(path));
    this.#parts.changes.announce("experiences");
    return installed;
  }

  stores(): Promise<readonly StoreListing[]> {
    return this.#parts.stores.list();
  }

  async addStore(store: StoreRequest): Promise<void> {
    const { name, location, domain, capacityBytes } = checkRecord(store, "store");
    await this.#parts.stores.add({
      name: checkText(name, "store.name", { max: 32 }),
      location: checkText(location, "store.location", { max: 4_096 }),
      domain: domain === undefined ? undefined : checkText(domain, "store.domain", { max: 64 }),
      capacityBytes: capacityBytes === undefined ? undefined : checkBytes(capacityBytes, "store.capacityBytes"),
    });
    this.#parts.changes.announce("vault");
    this.#parts.changes.announce("stores");
  }

  async drainStore(name: string, onProgress?: OnProgress): Promise<DrainReport> {
    await using progress = openProgressRelay(onProgress);
    try {
      return await this.#parts.stores.drain(checkText(name, "name", { max: 32 }), { onProgress: progress.report });
    } finally {
      this.#parts.changes.announce("vault");
      this.#parts.changes.announce("stores");
    }
  }

  async keepStore(name: string): Promise<void> {
    await this.#parts.stores.keep(checkText(name, "name", { max: 32 }));
    this.#parts.changes.announce("vault");
    this.#parts.changes.announce("stores");
  }

  async setQuota(quotaBytes: number | null): Promise<void> {
    await this.#parts.stores.setQuota(quotaBytes === null ? undefined : checkBytes(quotaBytes, "quotaBytes"));
    this.#parts.changes.announce("vault");
    this.#parts.changes.announce("stores");
  }

  async drill(): Promise<void> {
    if (this.#parts.drill !== undefined) return await this.#parts.drill();
    throw new TwinError("TWIN_HOST_BUSY", "No copy of the twin is kept here: start the host with `twin start`.");
  }

  async lend(twin: string, quotaBytes: number): Promise<void> {
    publicKeyOf(twin);
    await this.#parts.holder.lend(twin as TwinId, checkBytes(quotaBytes, "quotaBytes"));
  }

  lent(): Promise<readonly LentRoom[]> {
    return this.#parts.holder.lent();
  }

  phonebook(): Promise<PhonebookStatus> {
    return this.#parts.phonebook.status();
  }

  async findTwin(twin: string): Promise<FoundTwin | null> {
    publicKeyOf(checkText(twin, "twin", { max: 128 }));
    return (await this.#parts.phonebook.find(twin as TwinId)) ?? null;
  }

  async planAnnouncement(request: AnnouncementRequest): Promise<AnnouncementCost> {
    return await this.#parts.phonebook.plan(checkAnnouncement(request));
  }

  async announce(request: AnnouncementRequest, onProgress?: OnProgress): Promise<void> {
    await using progress = openProgressRelay(onProgress);
    await this.#parts.phonebook.announce(checkAnnouncement(request), progress.report);
  }

  ownRecord(): Promise<Uint8Array> {
    return this.#parts.phonebook.ownRecord();
  }

  async exportTo(path: string, onProgress?: OnProgress): Promise<ExportReport> {
    await using progress = openProgressRelay(onProgress);
    return await this.#parts.exportTo(checkPath(path), progress.report);
  }

  async removeStore(name: string, options?: { readonly lost?: boolean | undefined }): Promise<void> {
    const { lost } = checkRecord(options, "options");
    await this.#parts.stores.remove(checkText(name, "name", { max: 32 }), { lost: lost === true });
    this.#parts.changes.announce("vault");
    this.#parts.changes.announce("stores");
  }

  get #others(): OthersPart {
    if (this.#parts.others !== undefined) return this.#parts.others;
    throw new TwinError("TWIN_INPUT_INVALID", "Only the host's first twin knows the others: leave out --as.");
  }
}

/** The local socket's interface over `parts`, for one connection. */
export function createControlTarget(parts: ControlParts, desk?: OwnerDesk): ControlTarget {
  return new ControlTarget(parts, desk);
}

function checkAnnouncement(value: unknown): AnnouncementRequest {
  const { relay, terms } = checkRecord(value, "request");
  const checked = {
    relay: relay === null ? null : checkText(relay, "request.relay", { max: LIMITS.phonebook.relayLength }),
  };
  if (terms === undefined) return checked;
  const { link, hash } = checkRecord(terms, "request.terms");
  const size = { max: LIMITS.phonebook.termsLength };
  return {
    ...checked,
    terms: { link: checkText(link, "request.terms.link", size), hash: checkText(hash, "request.terms.hash", size) },
  };
}

function checkBytes(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(name, "a whole number of bytes", value);
}

/** The host's working directory is not the caller's: a relative path would name another file. */
function checkPath(value: unknown): string {
  const path = checkText(value, "path", { max: 4_096 });
  if (isAbsolute(path) && !path.includes("\0")) return path;
  throw invalid("path", "an absolute path", value);
}
