// One twin among the others: its sessions, invites and deliveries, over the node of its host.

import { multiaddr } from "@multiformats/multiaddr";
import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { Identity } from "../identity/identity.ts";
import { isTwinId, type TwinId } from "../identity/twin-id.ts";
import type { ContactsPhonebook } from "../phonebook/contacts-phonebook.ts";
import type { Directory } from "../phonebook/directory.ts";
import type { SignedTwinRecord, TwinRecord } from "../phonebook/phonebook.ts";
import { decodeTwinRecord } from "../phonebook/twin-record.ts";
import type { Invite, Paired, PeerStatus } from "../rpc/api.ts";
import { remoteAnswer } from "../rpc/frame-session.ts";
import { PeerTarget, type PeerTargetParts } from "../rpc/peer-target.ts";
import { DeliveryWorker } from "./delivery-worker.ts";
import { dialCandidates, withoutPeer } from "./dialer.ts";
import { InviteBook } from "./invite-book.ts";
import { decodeInvite, encodeInvite, twinHash } from "./invite-code.ts";
import { issueOwnRecord } from "./own-record.ts";
import { acceptInvite, answerAcceptor, PAIR_PROTOCOL, type PairingParts } from "./pairing.ts";
import type { PeerNode, PeerProtocol } from "./peer-node.ts";
import type { PeerStream } from "./peer-stream.ts";
import { openPeerSession, type PeerSession, RPC_PROTOCOL, withinDeadline } from "./peer-session.ts";
import type { ShardHolder } from "./shard-holder.ts";
import { answerForShards, askForShards } from "./shard-streams.ts";
import { SHARDS_PROTOCOL } from "./shard-wire.ts";
import { createTwinShardStore, type TwinShardStore } from "./twin-shard-store.ts";
import { SessionTable } from "./session-table.ts";
import { Sightings } from "./sightings.ts";

/** What the peers of a twin need of their host. */
export interface PeersParts {
  /** Stays open for at least as long. */
  readonly node: PeerNode;
  readonly identity: Identity;
  readonly engine: Pick<
    Engine,
    "call" | "outboxPeers" | "outbox" | "settle" | "deliver" | "listen" | "readTable" | "writeTable"
  >;
  readonly phonebook: ContactsPhonebook;
  /** Over the same contacts: who is not among them may be found elsewhere. */
  readonly directory: Directory;
  /** The circles that the owner put this twin in. */
  circlesOf(twin: TwinId): Promise<readonly string[]>;
  /** Two twins have become contacts; durable when it resolves. May be told again of the same one. */
  onPaired(paired: Paired): Promise<void>;
  /** Something that `status` tells has changed. */
  onChange?(): void;
  /** Packages that other twins may take. */
  readonly offers: PeerTargetParts["offers"];
  /** Holds shards of other twins. */
  readonly holder: ShardHolder;
  /** Shown to other twins, at most `LIMITS.phonebook.nameLength` characters. */
  ownName(): string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The other twins, as the owner's interface sees them. Disposing it ends all of its sessions. */
export interface Peers extends AsyncDisposable {
  /** Multiaddrs under which this host listens, each with its PeerId. */
  readonly addresses: readonly string[];
  /** Whether there is a session with another twin, or something is on its way to one or from one. Messages that wait do not count. */
  readonly isInUse: boolean;
  /** A fresh one-time code. */
  invite(): Promise<Invite>;
  /** Pairs with the twin that made the code. Throws `TWIN_INVITE_*`, `TWIN_PEER_OFFLINE` or `TWIN_TIMEOUT`; trying the same code again is safe. */
  accept(code: string): Promise<Paired>;
  /** All contacts, in the order of their ids. */
  status(): Promise<PeerStatus[]>;
  /**
   * Asks the host of a contact, which is reached for if need be. The answer may be anything. Waits as long
   * as a request may take, or until `signal` aborts. Throws `TWIN_PEER_*`, `TWIN_TIMEOUT`, or the other
   * side's error.
   */
  ask<Answer>(
    twin: TwinId,
    question: (host: PeerSession["remote"]) => Question<Answer>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Answer>;
  /** The newest record of this twin, issued now if the last one no longer holds. */
  ownRecord(): Promise<SignedTwinRecord>;
  /** A contact as a place for shards. It is reached when the store is first used. */
  shardStore(place: { readonly name: string; readonly domain: string; readonly twin: TwinId }): TwinShardStore;
}

/** A call of another host, on its way. */
type Question<Answer> = PromiseLike<Answer> & Disposable;

/** Joins the host's node, reaches for all contacts and delivers what waits for them. */
export async function openPeers(parts: PeersParts): Promise<Peers> {
  const peers = new OpenPeers(parts);
  try {
    await peers.start();
  } catch (error) {
    await peers[Symbol.asyncDispose]();
    throw error;
  }
  return peers;
}

class OpenPeers implements Peers {
  readonly #parts: PeersParts;
  readonly #sessions: SessionTable;
  readonly #sightings: Sightings;
  readonly #invites: InviteBook;
  readonly #workers = new Map<TwinId, DeliveryWorker>();
  readonly #stop = new AbortController();
  readonly #leave = new DisposableStack();
  /** Streams of others that are being answered. */
  #answering = 0;

  constructor(parts: PeersParts) {
    this.#parts = parts;
    this.#sightings = new Sightings(parts.engine);
    this.#invites = new InviteBook(parts.engine, parts.clock, parts.random);
    this.#sessions = new SessionTable({ peerId: parts.node.localPeer, twin: parts.identity.id }, parts.clock, {
      onStart: (session) => this.#onSession(session),
      onEnd: (session) => this.#note(session),
    });
  }

  async start(): Promise<void> {
    const { node, engine, phonebook, identity } = this.#parts;
    await this.#sightings.load();
    this.#leave.defer(
      node.join({ twin: identity.id, accept: (protocol, stream) => this.#acceptStream(protocol, stream) }),
    );
    await this.ownRecord();
    this.#leave.defer(engine.listen({ onOutbox: (peer) => this.#workerOf(peer)?.onMessage() }));
    for (const { twin } of await phonebook.records()) if (twin !== identity.id) this.#workerOf(twin);
    for (const peer of (await engine.outboxPeers()).keys()) this.#workerOf(peer);
  }

  get addresses(): readonly string[] {
    return this.#parts.node.multiaddrs().map(String);
  }

  get isInUse(): boolean {
    return this.#answering > 0 || this.#sessions.count > 0;
  }

  async invite(): Promise<Invite> {
    const addresses = this.#parts.node.multiaddrs().map((address) => multiaddr(withoutPeer(address)));
    if (addresses.length === 0)
      throw new TwinError(
        "TWIN_PEER_OFFLINE",
        "This host does not listen for other twins, so nobody could accept an invite.",
      );
    const { secret, expiresAtMs } = await this.#invites.create();
    return { code: encodeInvite(secret, this.#parts.identity.id, addresses), expiresAtMs };
  }

  async accept(code: string): Promise<Paired> {
    const invite = decodeInvite(code);
    if (Buffer.compare(invite.twinHash, twinHash(this.#parts.identity.id)) === 0)
      throw new TwinError(
        "TWIN_INVITE_INVALID",
        "This invite is your own; give it to the person that you want to invite.",
      );
    const where = { candidates: invite.addresses.map((address) => ({ address })), signal: this.#stop.signal };
    const twin = await this.#parts.node.reach(PAIR_PROTOCOL, invite.twinHash, where, ({ frames, peerId }) =>
      withinDeadline(frames, async () => {
        const accepted = await acceptInvite(frames, this.#ends(PAIR_PROTOCOL, peerId), invite, this.#pairing);
        frames.close(new TwinError("TWIN_ABORTED", "The pairing is done."));
        return accepted;
      }),
    );
    this.#workerOf(twin);
    return this.#paired(twin);
  }

  async status(): Promise<PeerStatus[]> {
    const { phonebook, engine, identity } = this.#parts;
    const waiting = await engine.outboxPeers();
    const records = (await phonebook.records()).filter(({ twin }) => twin !== identity.id);
    return records.map((record) => this.#statusOf(record, waiting.get(record.twin) ?? 0));
  }

  async ask<Answer>(
    twin: TwinId,
    question: (host: PeerSession["remote"]) => Question<Answer>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Answer> {
    const end = options.signal ?? AbortSignal.timeout(LIMITS.peers.requestTimeoutMs);
    const signal = AbortSignal.any([this.#stop.signal, end]);
    const session = this.#sessions.get(twin) ?? (await this.#connect(twin, signal));
    return await remoteAnswer(question(session.remote), { signal });
  }

  shardStore({ twin, ...place }: { name: string; domain: string; twin: TwinId }): TwinShardStore {
    const { clock } = this.#parts;
    return createTwinShardStore({ ...place, clock }, () =>
      this.#reach(SHARDS_PROTOCOL, twin, this.#stop.signal, (stream) => askForShards(stream, twin, this.#shardParts)),
    );
  }

  ownRecord(): Promise<SignedTwinRecord> {
    const { node, identity, phonebook, clock } = this.#parts;
    return issueOwnRecord({
      identity,
      phonebook,
      clock,
      ownName: () => this.#parts.ownName(),
      ownHost: () => ({
        peerId: node.localPeer,
        multiaddrs: node.multiaddrs().map((address) => withoutPeer(address)),
      }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.dispose();
    this.#stop.abort();
    this.#sessions[Symbol.dispose]();
    await Promise.all([...this.#workers.values()].map(({ stopped }) => stopped));
  }

  #statusOf(record: TwinRecord, waiting: number): PeerStatus {
    const { twin } = record;
    const session = this.#sessions.get(twin);
    const seen = this.#sightings.of(twin);
    const problem = this.#workers.get(twin)?.problem;
    const lastSeenAtMs = session === undefined ? seen?.atMs : this.#parts.clock.nowMs();
    return {
      twin,
      name: nameOf(record),
      online: session !== undefined,
      address: session?.address ?? seen?.address ?? record.hosts[0]?.multiaddrs[0],
      ...(lastSeenAtMs === undefined ? {} : { lastSeenAtMs }),
      waiting,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  async #acceptStream(protocol: PeerProtocol, stream: PeerStream): Promise<void> {
    this.#answering += 1;
    try {
      await this.#answer(protocol, stream);
    } finally {
      this.#answering -= 1;
    }
  }

  async #answer(protocol: PeerProtocol, stream: PeerStream): Promise<void> {
    if (protocol === RPC_PROTOCOL) {
      const session = await openPeerSession(stream, this.#sessionParts);
      this.#sessions.add(session);
      if ((await this.#parts.circlesOf(session.twin)).length > 0) stream.vouch();
    } else if (protocol === PAIR_PROTOCOL) this.#workerOf(await this.#answerAcceptor(stream));
    else await answerForShards(stream, { ...this.#shardParts, holder: this.#parts.holder });
  }

  #answerAcceptor({ frames, peerId }: PeerStream): Promise<TwinId> {
    const ends = this.#ends(PAIR_PROTOCOL, peerId);
    return withinDeadline(frames, () => answerAcceptor(frames, ends, this.#invites, this.#pairing));
  }

  #onSession(session: PeerSession): void {
    this.#workers.get(session.twin)?.onOnline();
    this.#note(session);
    void this.#learnRecord(session);
  }

  /** Takes the contact's newest record, so that it is found again wherever it goes. Strangers are not kept. */
  async #learnRecord({ twin, remote }: PeerSession): Promise<void> {
    try {
      if ((await this.#parts.phonebook.resolve(twin)) === undefined) return;
      const signed = await remoteAnswer(remote.record(), {
        signal: AbortSignal.timeout(LIMITS.peers.requestTimeoutMs),
      });
      const bytes = new Uint8Array(signed);
      if (decodeTwinRecord(bytes).twin === twin) await this.#parts.phonebook.publish(bytes);
    } catch (thrown) {
      const { code, message } = toTwinError(thrown);
      this.#parts.log.debug({ peer: twin, code }, message);
    }
  }

  #note({ twin, peerId, address, outbound }: PeerSession): void {
    this.#parts.onChange?.();
    if (!this.#workers.has(twin)) return;
    const sighting = { atMs: this.#parts.clock.nowMs(), peerId, ...(outbound ? { address } : {}) };
    this.#sightings.note(twin, sighting).catch((thrown: unknown) => {
      const { code, message } = toTwinError(thrown);
      this.#parts.log.debug({ peer: twin, code }, message);
    });
  }

  /** The worker of a contact or of whom a message waits for; undefined for what is no twin or this one. */
  #workerOf(peer: string): DeliveryWorker | undefined {
    if (!isTwinId(peer) || peer === this.#parts.identity.id || this.#stop.signal.aborted) return undefined;
    let worker = this.#workers.get(peer);
    if (worker === undefined) {
      const { engine, clock, random, log } = this.#parts;
      worker = new DeliveryWorker(
        peer,
        {
          engine,
          clock,
          random,
          log,
          session: (twin) => this.#sessions.get(twin),
          connect: (twin, signal) => this.#connect(twin, signal),
          onChange: () => this.#parts.onChange?.(),
        },
        this.#stop.signal,
      );
      this.#workers.set(peer, worker);
    }
    return worker;
  }

  #connect(twin: TwinId, signal: AbortSignal): Promise<PeerSession> {
    return this.#reach(RPC_PROTOCOL, twin, signal, (stream) => this.#openSession(twin, stream));
  }

  /** What `use` makes of a stream for the twin, wherever it lives. */
  async #reach<Made>(
    protocol: PeerProtocol,
    twin: TwinId,
    signal: AbortSignal,
    use: (stream: PeerStream) => Promise<Made>,
  ): Promise<Made> {
    const { directory, node } = this.#parts;
    const { record } = (await directory.find(twin, { signal })) ?? {};
    if (record === undefined)
      throw new TwinError("TWIN_PEER_UNKNOWN", "Nothing is known of where this twin lives; pair with it by an invite.");
    const candidates = dialCandidates(record, this.#sightings.of(twin));
    if (candidates.length === 0)
      throw new TwinError("TWIN_PEER_OFFLINE", "This twin's record names no address; wait for it to connect.");
    try {
      return await node.reach(protocol, twinHash(twin), { candidates, signal }, use);
    } catch (thrown) {
      // It may have moved since it gave us its record. Nobody waits for the answer.
      if (!signal.aborted) directory.doubt(twin);
      throw thrown;
    }
  }

  async #openSession(twin: TwinId, stream: PeerStream): Promise<PeerSession> {
    const session = await openPeerSession(stream, this.#sessionParts);
    if (session.twin !== twin) {
      session[Symbol.dispose]();
      throw new TwinError("TWIN_PEER_IMPOSTOR", "Another twin answers at the address of this contact.");
    }
    this.#sessions.add(session);
    return this.#sessions.get(twin) ?? session;
  }

  get #shardParts() {
    const { node, identity, random, clock } = this.#parts;
    return { identity, random, clock, localPeer: node.localPeer };
  }

  get #sessionParts() {
    const { node, identity, random, log, engine } = this.#parts;
    return {
      identity,
      random,
      log,
      localPeer: node.localPeer,
      targetFor: (twin: TwinId) =>
        new PeerTarget({
          twin,
          engine,
          circlesOf: (other) => this.#parts.circlesOf(other),
          ownRecord: () => this.ownRecord(),
          offers: this.#parts.offers,
        }),
    };
  }

  get #pairing(): PairingParts {
    const { identity, random, phonebook } = this.#parts;
    return {
      identity,
      random,
      ownRecord: () => this.ownRecord(),
      welcome: async (twin, record) => {
        await phonebook.publish(record);
        await this.#parts.onPaired(await this.#paired(twin));
        this.#parts.onChange?.();
      },
    };
  }

  async #paired(twin: TwinId): Promise<Paired> {
    const record = await this.#parts.phonebook.resolve(twin);
    return { twin, name: record === undefined ? twin.slice(-8) : nameOf(record) };
  }

  #ends(protocol: string, remotePeer: string) {
    return { protocol, localPeer: this.#parts.node.localPeer, remotePeer };
  }
}

/** What to call a twin: the name in its record, else the end of its id. */
function nameOf({ twin, name }: TwinRecord): string {
  return name ?? twin.slice(-8);
}
