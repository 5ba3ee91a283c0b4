// The other twins of a host: `twins/NAME` in its data folder has for each what the data folder has for
// the first one. They live in the same engine workers; what else they have is opened when it is asked for,
// and closed when nobody has used it for long.

import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { TwinError } from "./base/errors.ts";
import { hexEncode } from "./base/bytes.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { systemClock } from "./base/clock.ts";
import { syncFolder } from "./base/sync-folder.ts";
import { createOwner, type Owner, webPartsOf } from "./create-owner.ts";
import type { Clock } from "./base/clock.ts";
import { LIMITS } from "./base/limits.ts";
import type { Engine } from "./engine/engine.ts";
import type { Engines } from "./engine/open-engines.ts";
import type { Identity } from "./identity/identity.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import type { TwinId } from "./identity/twin-id.ts";
import { createKeystore, readKeystore } from "./identity/keystore.ts";
import { ENTROPY_SIZE, formatPhrase } from "./identity/phrase.ts";
import type { Kernels } from "./kernels/kernels.ts";
import type { OpenLanes } from "./kernels/open-lanes.ts";
import { openTwinPeers } from "./network.ts";
import { otherTwinFolder } from "./other-twin-folder.ts";
import { openTwin } from "./open-twin.ts";
import { OpenedTwin } from "./opened-twin.ts";
import { keepReplica } from "./keep-replica.ts";
import { SleeperKeeper, type SleeperVisit } from "./keep-sleepers.ts";
import { visitSleeper } from "./visit-sleeper.ts";
import { twinHash } from "./peers/invite-code.ts";
import type { PeerNode } from "./peers/peer-node.ts";
import type { NewTwin, TwinListing } from "./rpc/api.ts";
import { createChangeHub } from "./rpc/change-hub.ts";
import { createSettings } from "./settings.ts";
import type { Tfchain } from "./tfchain.ts";
import { TwinOutside } from "./twin-outside.ts";
import { keepVault } from "./keep-vault.ts";
import { isTwinName } from "./web/hosts.ts";
import type { Web } from "./web/open-web.ts";
import type { TwinWebParts } from "./web/twin-web.ts";
import { toTwinError } from "./base/errors.ts";

/** What {@link OtherTwins} needs. */
export interface OtherTwinsParts {
  /** The data folder. */
  readonly folder: string;
  readonly engines: Engines;
  readonly kernels: Kernels;
  readonly kernelWorkers: number;
  readonly lanes: OpenLanes;
  /** Whether to keep copies of them in their vaults, and look after these. */
  readonly keeps: boolean;
  /** Absent: nobody outside is asked where twins are. */
  readonly tfchain?: Tfchain | undefined;
  /** By which those are closed that nobody uses. */
  readonly clock: Clock;
  readonly log: Log;
}

interface Resident {
  readonly identity: Identity;
  readonly engine: Engine;
  readonly outside: TwinOutside;
}

/** All twins of the host but the first. Disposing it closes them. */
export class OtherTwins implements AsyncDisposable {
  readonly #parts: OtherTwinsParts;
  /** In the engines, most of them asleep. */
  readonly #residents = new Map<string, Promise<Resident>>();
  readonly #opened = new Map<string, Promise<OpenedTwin>>();
  /** On their way out; each is waited for before its twin is opened again. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #owners = new Set<Owner>();
  readonly #stop = new AbortController();
  #closingIdle: Promise<void> | undefined;
  #web: Pick<Web, "other" | "otherUrl" | "closeOther"> | undefined;
  #node: PeerNode | undefined;
  /** Names by the hash of the twin's id, by which the network asks for it. */
  readonly #wanted = new Map<string, string>();
  /** Ids by name, of those that were taken in. */
  readonly #ids = new Map<string, string>();
  /** Why others could not be taken in, by name. */
  readonly #unread = new Map<string, string>();
  /** Of the copies of those that nobody has open. */
  readonly #sleepers: SleeperKeeper;

  constructor(parts: OtherTwinsParts) {
    this.#parts = parts;
    this.#sleepers = new SleeperKeeper({
      names: () => this.#names(),
      folderOf: (name) => this.#folderOf(name),
      visit: (name) => this.#visit(name),
      clock: systemClock,
      log: parts.log,
    });
  }

  /** From now on browsers reach them. */
  connect(web: Pick<Web, "other" | "otherUrl" | "closeOther">): void {
    this.#web = web;
  }

  /** From now on they are reached by other twins, and reach them. */
  join(node: PeerNode): void {
    this.#node = node;
  }

  /** Opens the twin of that hash, as somebody wants to talk to it. Does nothing for one that does not live here. */
  async wake(wanted: string): Promise<void> {
    const name = this.#wanted.get(wanted);
    if (name !== undefined) await this.open(name);
  }

  /** Has all of them live in the engines, one after the other and behind other work: their timers may be due. From then on their vaults are kept. */
  takeInAll(): void {
    this.#sleepers.start();
    void this.#takeInAll().catch((thrown: unknown) => {
      this.#parts.log.error({ err: thrown }, "The other twins of this host could not be listed.");
    });
  }

  /** Names and ids, by name, also of those that cannot be used. */
  async list(): Promise<TwinListing[]> {
    const names = await this.#names();
    await Promise.all(names.map((name) => this.#resident(name).catch(() => {})));
    const broken = new Map(this.broken().map((listing) => [listing.name, listing]));
    return names.map((name) => broken.get(name) ?? { name, twin: this.#ids.get(name) ?? "" });
  }

  /** Those that could not be used when that was tried last, by name. */
  broken(): TwinListing[] {
    const refused = this.#parts.engines.refused();
    const living = [...this.#ids].flatMap(([name, twin]) => {
      const problem = refused.get(twin)?.message;
      return problem === undefined ? [] : [{ name, twin, problem }];
    });
    const unread = [...this.#unread].map(([name, problem]) => ({ name, twin: "", problem }));
    return [...living, ...unread].toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Makes a twin with a fresh phrase; its contacts see `person`, or its name. Throws `TWIN_CONFIG_INVALID` for a name that is taken or none. */
  async create(name: string, person?: string): Promise<NewTwin> {
    if (!isTwinName(name)) {
      throw new TwinError(
        "TWIN_CONFIG_INVALID",
        "A twin's name here has 1 to 32 small letters, digits and single hyphens, and begins with a letter.",
      );
    }
    const folder = this.#folderOf(name);
    if (existsSync(folder)) throw new TwinError("TWIN_CONFIG_INVALID", `This host has a twin named ${name} already.`);
    const entropy = systemRandom.bytes(ENTROPY_SIZE);
    const making = `${folder}.making`;
    await rm(making, { recursive: true, force: true });
    await mkdir(join(making, "twin"), { recursive: true, mode: 0o700 });
    await createKeystore(join(making, "keystore.json"), entropy, this.#parts.kernels);
    await rename(making, folder);
    await syncFolder(join(this.#parts.folder, "twins"));
    if (person !== undefined) await createSettings((await this.#resident(name)).engine).set("name", person);
    const { owner } = await this.open(name);
    return { name, twin: owner.about.twin, folder, phrase: formatPhrase(entropy) };
  }

  /** The twin of that name, with everything that it has. Throws `TWIN_CONFIG_INVALID` when there is none. */
  open(name: string): Promise<OpenedTwin> {
    const opened = this.#opened.getOrInsertComputed(name, () => this.#open(name));
    opened.then(
      (twin) => twin.touch(),
      () => this.#opened.delete(name),
    );
    this.#closingIdle ??= this.#closeIdle().catch(() => {});
    return opened;
  }

  /** The same for browsers: undefined when there is none. */
  async find(name: string): Promise<TwinWebParts | undefined> {
    return this.#has(name) ? (await this.open(name)).web : undefined;
  }

  /** The record of that twin, if it lives here and its owner has it served to anybody. */
  async servedRecord(twin: TwinId): Promise<Uint8Array | undefined> {
    const name = this.#wanted.get(hexEncode(twinHash(twin)));
    if (name === undefined) return undefined;
    const { identity, engine } = await this.#resident(name);
    // A stranger does not open what is not served.
    if (identity.id !== twin || !(await createSettings(engine).get("relay"))) return undefined;
    return (await this.open(name)).owner.phonebook.servedRecord();
  }

  /** Owners of the ones that are open. */
  opened(): readonly Owner[] {
    return [...this.#owners];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#sleepers[Symbol.asyncDispose](), this.#closingIdle]);
    await using stack = new AsyncDisposableStack();
    for (const outcome of await Promise.allSettled(this.#opened.values())) {
      if (outcome.status === "fulfilled") stack.use(outcome.value);
    }
  }

  get #closed(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Looks now and then for those that nobody uses, until the host ends. */
  async #closeIdle(): Promise<void> {
    for (;;) {
      await this.#parts.clock.sleep(LIMITS.engine.openIdleLookMs, { signal: this.#stop.signal });
      for (const [name, opening] of this.#opened) {
        const twin = await opening.catch(() => undefined);
        if (twin === undefined || !(await this.#isIdle(name, twin)) || this.#closed) continue;
        await this.#close(name, twin).catch((thrown: unknown) => {
          this.#parts.log.error({ err: thrown, name }, "A twin that nobody uses could not be closed.");
        });
      }
    }
  }

  /** Messages that wait are sent only while it is open. */
  async #isIdle(name: string, twin: OpenedTwin): Promise<boolean> {
    const isIdle = (): boolean => twin.idleMs() >= LIMITS.engine.openIdleMs;
    if (!isIdle()) return false;
    try {
      const waiting = await twin.owner.engine.outboxPeers();
      return waiting.size === 0 && isIdle();
    } catch (thrown) {
      this.#parts.log.warn({ code: toTwinError(thrown).code, name }, "A twin that nobody uses does not answer.");
      return false;
    }
  }

  async #close(name: string, twin: OpenedTwin): Promise<void> {
    this.#opened.delete(name);
    this.#owners.delete(twin.owner);
    const closing = this.#end(name, twin);
    this.#closing.set(
      name,
      closing.catch(() => {}),
    );
    await closing.finally(() => this.#closing.delete(name));
  }

  async #end(name: string, twin: OpenedTwin): Promise<void> {
    const { outside, engine } = await this.#resident(name);
    outside.disconnect();
    {
      await using stack = new AsyncDisposableStack();
      stack.use(twin);
      stack.defer(() => this.#web?.closeOther(name));
    }
    // One may have come in between, and told nobody but the twin that was closed.
    if ((await engine.outboxPeers()).size > 0) setImmediate(() => void this.#openForMessages(name));
  }

  async #takeInAll(): Promise<void> {
    for (const name of await this.#names()) {
      if (this.#closed) return;
      await this.#resident(name).catch((thrown: unknown) => {
        this.#parts.log.error({ err: thrown, name }, "A twin of this host cannot be opened.");
      });
    }
  }

  async #names(): Promise<string[]> {
    const names = await readdir(join(this.#parts.folder, "twins")).catch(() => []);
    return names.filter((name) => this.#has(name)).toSorted();
  }

  #has(name: string): boolean {
    return isTwinName(name) && existsSync(join(this.#folderOf(name), "keystore.json"));
  }

  #folderOf(name: string): string {
    return otherTwinFolder(this.#parts.folder, name);
  }

  #resident(name: string): Promise<Resident> {
    const resident = this.#residents.getOrInsertComputed(name, () => this.#takeIn(name));
    resident.catch((thrown: unknown) => {
      this.#residents.delete(name);
      if (this.#has(name)) this.#unread.set(name, toTwinError(thrown).message);
    });
    return resident;
  }

  async #takeIn(name: string): Promise<Resident> {
    const folder = this.#folderOf(name);
    const entropy = await readKeystore(join(folder, "keystore.json"), this.#parts.kernels);
    if (entropy === undefined) throw new TwinError("TWIN_CONFIG_INVALID", `This host has no twin named ${name}.`);
    const identity = deriveIdentity(entropy, this.#parts.kernels);
    const outside = new TwinOutside(() => this.#joinFor(name));
    const { id, keys } = identity;
    const engine = this.#parts.engines.takeIn({
      folder: join(folder, "twin"),
      twin: id,
      stateKey: keys.state,
      follow: true,
      outside,
    });
    this.#wanted.set(hexEncode(twinHash(id)), name);
    this.#ids.set(name, id);
    this.#unread.delete(name);
    // Messages wait, from now or from an earlier life: they need its place in the network.
    engine.listen({ onOutbox: () => void this.#openForMessages(name) });
    engine.listen({
      onRecord: () => this.#noteChange(name),
      // One that has died may have had more to tell; one that is closed has told all.
      onRestart: () => {
        if (!this.#closed) this.#noteChange(name);
      },
    });
    return { identity, engine, outside };
  }

  /** For a task that calls another twin. */
  async #joinFor(name: string): Promise<void> {
    if (this.#node !== undefined && !this.#closed) await this.open(name);
  }

  /** Of one that is open or being opened, that was noted. */
  #noteChange(name: string): void {
    if (this.#opened.has(name)) return;
    this.#sleepers.changed(name).catch((thrown: unknown) => {
      this.#parts.log.error({ err: thrown, name }, "That a twin's copy is behind could not be noted.");
    });
  }

  /** Its vault alone. A twin whose stores are other twins needs the network, and is opened for good. */
  async #visit(name: string): Promise<SleeperVisit | undefined> {
    if (this.#opened.has(name) || this.#closing.has(name)) return undefined;
    const { identity, engine } = await this.#resident(name);
    const visit = await visitSleeper({ ...this.#parts, folder: this.#folderOf(name), identity, engine });
    if (visit !== undefined || this.#closed) return visit;
    // It waits until this visit has ended.
    this.open(name).catch((thrown: unknown) => {
      this.#parts.log.error({ err: thrown, name }, "A twin of this host cannot be opened.");
    });
    return undefined;
  }

  async #openForMessages(name: string): Promise<void> {
    if (this.#node === undefined || this.#closed || this.#opened.has(name)) return;
    await this.open(name).catch((thrown: unknown) => {
      this.#parts.log.error({ err: thrown, name }, "A twin of this host has messages, and cannot be opened.");
    });
  }

  async #open(name: string): Promise<OpenedTwin> {
    if (!this.#has(name)) {
      throw new TwinError(
        "TWIN_CONFIG_INVALID",
        "This host has no twin of that name: `twin list` shows them, `twin init NAME` makes one.",
      );
    }
    const { lanes, keeps, clock, log } = this.#parts;
    await this.#closing.get(name);
    const resident = await this.#resident(name);
    await this.#sleepers.claim(name);
    await using stack = new AsyncDisposableStack();
    const twin = await openTwin(stack, {
      ...this.#parts,
      ...resident,
      folder: this.#folderOf(name),
      // Its own, also when it came from elsewhere; else as the host calls it.
      givenName: (await createSettings(resident.engine).get("name")) ?? name,
    });
    const web = this.#web;
    const changes = createChangeHub();
    const node = this.#node;
    // Before what may need them to its end.
    const peers = node && (await openTwinPeers(stack, { node, twin, changes, log }));
    const replica = keeps ? stack.use(keepReplica({ ...twin, changes, log })) : undefined;
    if (keeps) stack.use(keepVault({ vault: twin.vault, changes, clock: systemClock, log }));
    const owner = createOwner(twin, {
      lanes,
      log,
      peers,
      changes,
      replica: replica && (() => replica.status()),
      drill: replica && (() => replica.drill()),
      webUrl: () => web?.otherUrl(name) ?? "",
      loginLink: web && (async () => (await web.other(name))!.loginLink()),
    });
    this.#owners.add(owner);
    const { stores } = twin;
    return new OpenedTwin({ owner, web: webPartsOf(twin, owner), stores, peers, resources: stack.move(), clock });
  }
}
