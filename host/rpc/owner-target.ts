// The owner's whole authority as a remote object. Only methods of the prototype can be reached from
// the other side, so all state is #private and nothing here is a getter.

import { RpcTarget } from "capnweb";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { isTwinId, type TwinId } from "../identity/twin-id.ts";
import type { ParkedMessage, Receipt, ReceiptSum, RecordingSettings, ReplayReport } from "../engine/engine.ts";
import type { Grant, GrantHolder } from "../grants/grant.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import type { InstalledCapability, RemovedCapability } from "../packages/manifest.ts";
import { checkHash, type OwnOffer } from "../packages/offer-shelf.ts";
import type { PackageOffer } from "../packages/offer.ts";
import { PACKAGE_SIZE_MAX } from "../packages/package-file.ts";
import type { PackagePolicy } from "../packages/package-policy.ts";
import type { UpgradeConsent, UpgradeReport } from "../packages/upgrade-report.ts";
import type { ObjectId, ObjectInfo, ScrubReport } from "../vault/object.ts";
import type {
  Browser,
  CallOptions,
  CallOutcome,
  HostStatus,
  Invite,
  Json,
  OnProgress,
  OpenedExperience,
  OwnerApi,
  OwnerListener,
  Paired,
  Subscription,
  UpgradeOptions,
} from "./api.ts";
import { checkBytes, checkInteger, checkRecord, checkText, checkTexts, invalid } from "./arguments.ts";
import { callThrough } from "./call-through.ts";
import { checkObjectId, unknownObject } from "./object-id.ts";
import type { OwnerDesk, OwnerParts, PeersPart } from "./owner-parts.ts";
import { openOwnerSubscription } from "./owner-subscription.ts";
import { openProgressRelay } from "./progress-relay.ts";

const CONSENTS: readonly UpgradeConsent[] = ["permissions", "breaks"];
const GRANT_HOLDER = /^(experience|capability|circle|peer):\S{1,200}$/;
const RECEIPTS_PER_PAGE = 1_000;

/** One connection of the owner. Disposing it (capnweb does, when the connection ends) ends its subscriptions and the tasks that it called. */
export class OwnerTarget extends RpcTarget implements OwnerApi, Disposable {
  readonly #parts: OwnerParts;
  readonly #desk: OwnerDesk | undefined;
  readonly #subscriptions = new Set<Disposable>();
  readonly #ended = new AbortController();

  /** `desk`: what this connection can open in a browser; absent when none is served. It stays the caller's to dispose. */
  constructor(parts: OwnerParts, desk: OwnerDesk | undefined) {
    super();
    this.#parts = parts;
    this.#desk = desk;
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  async status(): Promise<HostStatus> {
    const { about, engine, vault, peers, replica, brokenTwins } = this.#parts;
    const [engineStatus, vaultStatus, peersStatus, replicaStatus] = await Promise.all([
      engine.status(),
      vault.status(),
      peers?.status() ?? [],
      replica?.(),
    ]);
    return {
      twin: about.twin,
      name: about.name(),
      version: about.version,
      startedAtMs: about.startedAtMs,
      webUrl: about.webUrl(),
      peerAddresses: peers?.addresses ?? [],
      engine: engineStatus,
      vault: vaultStatus,
      peers: peersStatus,
      kernels: about.kernels,
      memorySizeBytes: about.memorySizeBytes(),
      ...(brokenTwins === undefined ? {} : { brokenTwins: brokenTwins() }),
      ...(replicaStatus === undefined ? {} : { replica: replicaStatus }),
    };
  }

  call(capability: string, method: string, params: Json, options?: CallOptions): Promise<CallOutcome> {
    const { signal } = this.#ended;
    return callThrough(this.#parts.engine, { kind: "owner" }, { capability, method, params, options, signal });
  }

  capabilities(): Promise<InstalledCapability[]> {
    return this.#parts.engine.capabilities();
  }

  async installCapability(file: Uint8Array): Promise<InstalledCapability> {
    const installed = await this.#parts.engine.install(checkPackage(file));
    this.#announceCapabilities();
    return installed;
  }

  async upgradeCapability(file: Uint8Array, options?: UpgradeOptions): Promise<UpgradeReport> {
    const { dryRun, accept, withhold, beside } = checkRecord(options, "options");
    const report = await this.#parts.engine.upgrade({
      packageBytes: checkPackage(file),
      accept: checkConsents(accept),
      dryRun: dryRun === true,
      withhold: withhold === true,
      beside: beside === true,
    });
    if (dryRun !== true) this.#announceCapabilities();
    return report;
  }

  async rollBackCapability(
    name: string,
    options?: { readonly version?: string | undefined; readonly accept?: readonly UpgradeConsent[] | undefined },
  ): Promise<InstalledCapability> {
    const { version, accept } = checkRecord(options, "options");
    const now = await this.#parts.engine.rollBack({
      name: checkText(name, "name", { max: 64 }),
      version: version === undefined ? undefined : checkText(version, "options.version", { max: 64 }),
      accept: checkConsents(accept),
    });
    this.#announceCapabilities();
    return now;
  }

  async removeCapability(name: string): Promise<void> {
    await this.#parts.engine.remove(checkText(name, "name", { max: 64 }));
    this.#announceCapabilities();
  }

  async restoreCapability(name: string): Promise<InstalledCapability> {
    const restored = await this.#parts.engine.restore(checkText(name, "name", { max: 64 }));
    this.#announceCapabilities();
    return restored;
  }

  removedCapabilities(): Promise<RemovedCapability[]> {
    return this.#parts.engine.removed();
  }

  async capabilityFile(name: string): Promise<Uint8Array> {
    return await this.#parts.engine.packageFile(checkText(name, "name", { max: 64 }));
  }

  async offerPackage(file: Uint8Array, circles: readonly string[]): Promise<OwnOffer> {
    return await this.#parts.packages.offer(checkPackage(file), checkTexts(circles, "circles", 16));
  }

  async offers(): Promise<readonly OwnOffer[]> {
    return await this.#parts.packages.list();
  }

  async withdrawOffer(hash: string): Promise<void> {
    await this.#parts.packages.withdraw(checkHash(hash));
  }

  async offersOf(twin: TwinId): Promise<readonly PackageOffer[]> {
    return await this.#parts.packages.offersOf(checkTwin(twin));
  }

  async takePackage(twin: TwinId, hash: string): Promise<Uint8Array> {
    return await this.#parts.packages.take(checkTwin(twin), checkHash(hash));
  }

  packagePolicy(): Promise<PackagePolicy> {
    return this.#parts.engine.packagePolicy();
  }

  async setPackagePolicy(policy: PackagePolicy): Promise<void> {
    const { reviewers, required, refused } = checkRecord(policy, "policy");
    const { reviewCount, refusedPublisherCount } = LIMITS.packages;
    await this.#parts.engine.setPackagePolicy({
      reviewers: isEmptyList(reviewers) ? [] : checkTexts(reviewers, "policy.reviewers", reviewCount),
      required: checkInteger(required, "policy.required", { min: 0, max: reviewCount }),
      refused: isEmptyList(refused) ? [] : checkTexts(refused, "policy.refused", refusedPublisherCount),
    });
    this.#announceCapabilities();
  }

  async experiences(): Promise<ExperienceInfo[]> {
    return [...(await this.#parts.experiences.list())];
  }

  async removeExperience(name: string): Promise<void> {
    const { experiences, engine, changes } = this.#parts;
    const removed = checkText(name, "name", { max: 64 });
    await experiences.remove(removed);
    const holder: GrantHolder = `experience:${removed}`;
    // An experience of that name that comes later must not inherit what the owner told this one.
    for (const grant of await engine.grants()) if (grant.holder === holder) await engine.revoke(grant.id);
    changes.announce("experiences");
    changes.announce("grants");
  }

  async openExperience(name: string): Promise<OpenedExperience> {
    const wanted = checkText(name, "name", { max: 64 });
    const desk = this.#needDesk();
    const found = (await this.#parts.experiences.list()).find((experience) => experience.name === wanted);
    if (found !== undefined) return desk.open(found);
    throw new TwinError("TWIN_EXPERIENCE_UNKNOWN", "No experience of that name is installed.");
  }

  async closeExperience(token: string): Promise<void> {
    this.#needDesk().close(checkText(token, "token", { max: 64 }));
  }

  grants(): Promise<Grant[]> {
    return this.#parts.engine.grants();
  }

  async grant(holder: GrantHolder, capability: string, methods: readonly string[], reason: string): Promise<Grant> {
    if (typeof holder !== "string" || !GRANT_HOLDER.test(holder))
      throw invalid("holder", "experience:NAME, capability:NAME, circle:NAME or peer:DID", holder);
    const granted = await this.#parts.engine.grant({
      holder,
      capability: checkText(capability, "capability", { max: 64 }),
      methods: checkTexts(methods, "methods", LIMITS.packages.methodCount),
      reason: checkText(reason, "reason"),
    });
    this.#parts.changes.announce("grants");
    return granted;
  }

  async revoke(grantId: string): Promise<void> {
    await this.#parts.engine.revoke(checkText(grantId, "grantId", { max: 128 }));
    this.#parts.changes.announce("grants");
  }

  async receipts(query?: {
    readonly beforeSequence?: number;
    readonly limit?: number;
    readonly capability?: string;
    readonly caller?: string;
    readonly trace?: string;
  }): Promise<Receipt[]> {
    const { beforeSequence, limit, capability, caller, trace } = checkRecord(query, "query");
    const whole = { min: 1, max: Number.MAX_SAFE_INTEGER };
    return await this.#parts.engine.receipts({
      beforeSequence: beforeSequence === undefined ? undefined : checkInteger(beforeSequence, "beforeSequence", whole),
      limit: limit === undefined ? undefined : checkInteger(limit, "limit", { min: 1, max: RECEIPTS_PER_PAGE }),
      capability: capability === undefined ? undefined : checkText(capability, "capability", { max: 64 }),
      caller: caller === undefined ? undefined : checkText(caller, "caller", { max: 256 }),
      trace: trace === undefined ? undefined : checkText(trace, "trace", { max: 32 }),
    });
  }

  async receiptSums(query?: { readonly sinceDay?: string }): Promise<ReceiptSum[]> {
    const { sinceDay } = checkRecord(query, "query");
    return await this.#parts.engine.receiptSums({
      sinceDay: sinceDay === undefined ? undefined : checkText(sinceDay, "sinceDay", { max: 10 }),
    });
  }

  async recordCalls(capability: string, count: number): Promise<void> {
    const kept = checkInteger(count, "count", { min: 0, max: LIMITS.engine.recordingsKept });
    await this.#parts.engine.recordCalls(checkText(capability, "capability", { max: 64 }), kept);
  }

  recordings(): Promise<RecordingSettings[]> {
    return this.#parts.engine.recordings();
  }

  async replay(receipt: number): Promise<ReplayReport> {
    const whole = { min: 1, max: Number.MAX_SAFE_INTEGER };
    return await this.#parts.engine.replay(checkInteger(receipt, "receipt", whole));
  }

  subscribe(afterSequence: number, listener: OwnerListener): Promise<Subscription> {
    return openOwnerSubscription(this.#parts, { afterSequence, listener }, this.#subscriptions);
  }

  browsers(): Promise<Browser[]> {
    return this.#parts.browsers.list();
  }

  async forgetBrowser(id: string): Promise<void> {
    await this.#parts.browsers.forget(checkText(id, "id", { max: 64 }));
    this.#parts.changes.announce("browsers");
  }

  invite(): Promise<Invite> {
    return this.#needPeers().invite();
  }

  async accept(code: string): Promise<Paired> {
    const text = checkText(code, "code", { max: 4_096 });
    const paired = await this.#needPeers().accept(text);
    this.#parts.changes.announce("peers");
    return paired;
  }

  parked(): Promise<ParkedMessage[]> {
    return this.#parts.engine.parked();
  }

  async statObject(id: ObjectId): Promise<ObjectInfo | undefined> {
    return await this.#parts.vault.stat(checkObjectId(id));
  }

  async uploadTicket(): Promise<string> {
    return this.#needDesk().uploadTicket();
  }

  async downloadPath(id: ObjectId, asName: string, type: string): Promise<string> {
    const object = checkObjectId(id);
    const name = checkText(asName, "asName", { max: LIMITS.vault.objectNameSizeBytes });
    const media = checkText(type, "type", { min: 0, max: 256 });
    const desk = this.#needDesk();
    if ((await this.#parts.vault.stat(object)) === undefined) throw unknownObject();
    return desk.downloadPath(object, name, media);
  }

  async scrub(onProgress?: OnProgress): Promise<ScrubReport> {
    await using progress = openProgressRelay(onProgress);
    try {
      return await this.#parts.vault.scrub({ onProgress: progress.report });
    } finally {
      this.#parts.changes.announce("vault");
    }
  }

  #announceCapabilities(): void {
    this.#parts.changes.announce("capabilities");
    this.#parts.changes.announce("grants");
  }

  #needDesk(): OwnerDesk {
    if (this.#desk !== undefined) return this.#desk;
    throw new TwinError("TWIN_HOST_BUSY", "This host serves no browser: start it with `twin start`, then try again.");
  }

  #needPeers(): PeersPart {
    if (this.#parts.peers !== undefined) return this.#parts.peers;
    throw new TwinError("TWIN_HOST_BUSY", "This host has no network open: start it with `twin start`, then try again.");
  }
}

/** The owner's interface over `parts`, for one connection. */
export function createOwnerTarget(parts: OwnerParts, desk?: OwnerDesk): OwnerTarget {
  return new OwnerTarget(parts, desk);
}

/** A copy: what arrives may be a piece of a buffer that others share, and the engine hands it on. */
function checkPackage(file: unknown): Uint8Array {
  return new Uint8Array(checkBytes(file, "file", PACKAGE_SIZE_MAX));
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function checkTwin(value: unknown): TwinId {
  if (typeof value === "string" && isTwinId(value)) return value;
  throw invalid("twin", "the id of a twin (did:key:z6Mk...)", value);
}

function checkConsents(accept: unknown): UpgradeConsent[] {
  const consents: unknown = accept ?? [];
  if (!Array.isArray(consents) || !consents.every(isConsent)) throw invalid("accept", CONSENTS.join(" or "), accept);
  return consents;
}

function isConsent(value: unknown): value is UpgradeConsent {
  return CONSENTS.includes(value as UpgradeConsent);
}
