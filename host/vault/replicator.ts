// Keeps a whole copy of the twin in its vault: a snapshot as an object, the writes since then as ticks, and
// a signed root record that says where both begin. Any moment of it can be restored from
// (docs/formats/vault.md, "The twin in its vault").

import { concatBytes, hexEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { createGate } from "./gate.ts";
import { createLocator, type Locator } from "./locator.ts";
import { type ObjectInfo, SNAPSHOT_TYPE, type Vault } from "./object.ts";
import { encodeRoot, findRoots, type FoundRoot, type RootRecord } from "./root-record.ts";
import { encodeSnapshot, type SnapshotContent } from "./snapshot-stream.ts";
import { createTickChain, type TickChain } from "./tick.ts";

const EPOCH_SIZE = 16;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

/** The twin, as the replicator sees it. */
export interface ReplicaSource extends SnapshotContent {
  /**
   * Tells of every durable record from the call on, in order, until the answer is called. A number that is
   * not one more than the last says that some were missed, and so does `onGap`, also before the first one.
   */
  follow(onRecord: (sequence: number, writes: Uint8Array) => void, onGap: () => void): () => void;
}

/** What {@link openReplicator} needs. */
export interface ReplicatorParts {
  readonly vault: Pick<Vault, "put" | "find" | "forget" | "notes">;
  readonly source: ReplicaSource;
  readonly identity: Pick<Identity, "id" | "sign" | "keys">;
  /** What the root record says of the owner's stores. */
  readonly stores: () => readonly unknown[];
  readonly kernels: Kernels;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How far the copy in the vault is behind. */
export interface ReplicaStatus {
  /** Number of the root record that the copy goes on from; 0 until the first of this run stands, and after missed records. */
  readonly rootSequence: number;
  /** When the snapshot that it names was finished, in ms since 1970. */
  readonly snapshotAtMs: number | undefined;
  /** Ticks since then. */
  readonly ticks: number;
  /**
   * Age of the oldest acknowledged write that a total loss of this host would cost now; 0 when there is none. While
   * `rootSequence` is 0 it is not known, for there may be writes of an earlier run: counted from the start on.
   */
  readonly lagMs: number;
  /** Why it does not get on, in words. */
  readonly problem?: string | undefined;
}

/** A running replication. Disposing it writes what waits, once, and ends. */
export interface Replicator extends AsyncDisposable {
  status(): ReplicaStatus;
  /** Resolves when everything that was told before the call is in the vault. Rejects when that fails now. */
  flush(): Promise<void>;
  /** The twin has changed in a way that records do not tell (its files, its stores): a snapshot is due. */
  renew(): void;
}

/** Begins to replicate. The first snapshot is made in the background. */
export function openReplicator(parts: ReplicatorParts): Replicator {
  return new RunningReplicator(parts);
}

/** Writes that wait for their tick. */
class WriteQueue {
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  sinceMs: number | undefined;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(writes: Uint8Array, nowMs: number): void {
    this.sinceMs ??= nowMs;
    this.#parts.push(writes);
    this.#sizeBytes += writes.length;
  }

  /** Everything, in pieces of about a tick. */
  take(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let piece: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const part of this.#parts) {
      piece.push(part);
      sizeBytes += part.length;
      if (sizeBytes < LIMITS.vault.tickSizeBytes) continue;
      pieces.push(concatBytes(...piece));
      [piece, sizeBytes] = [[], 0];
    }
    if (piece.length > 0) pieces.push(concatBytes(...piece));
    this.#parts = [];
    this.#sizeBytes = 0;
    this.sinceMs = undefined;
    return pieces;
  }
}

/** An epoch: a snapshot's place for ticks, and how far they got. */
interface Epoch {
  readonly id: Uint8Array;
  readonly chain: TickChain;
  count: number;
  sizeBytes: number;
  previous: Uint8Array | undefined;
}

class RunningReplicator implements Replicator {
  readonly #parts: ReplicatorParts;
  readonly #locator: Locator;
  readonly #stop = new AbortController();
  /** One after the other: ticks, and the change of epochs. */
  readonly #gate = createGate(1);
  readonly #endFollowing: () => void;
  readonly #running: Promise<void>;
  /** Since the last tick of the current epoch. */
  #queue = new WriteQueue();
  /** Since when what is being written waited. */
  #inFlightSinceMs: number | undefined;
  /** Since the snapshot that is being made began. */
  #fresh: WriteQueue | undefined;
  #epoch: Epoch | undefined;
  #root: FoundRoot | undefined;
  /** A record after the root that not enough stores took. Some may have it, and it holds: the next one follows it. */
  #tried: FoundRoot | undefined;
  #snapshot: { readonly atMs: number; readonly sizeBytes: number } | undefined;
  #lastSequence: number | undefined;
  /** Since when there may be writes that no epoch has: those of the last run, or missed ones. */
  #unknownSinceMs: number | undefined;
  #isDue = true;
  #problem: string | undefined;
  #wake: (() => void) | undefined;
  #renewing: Promise<void> | undefined;

  constructor(parts: ReplicatorParts) {
    this.#parts = parts;
    this.#locator = createLocator(parts.identity.keys.locator, parts.kernels, parts.random);
    this.#unknownSinceMs = parts.clock.nowMs();
    this.#endFollowing = parts.source.follow(
      (sequence, writes) => this.#onRecord(sequence, writes),
      () => this.#onGap(),
    );
    this.#running = this.#run();
  }

  status(): ReplicaStatus {
    const nowMs = this.#parts.clock.nowMs();
    const sinceMs = Math.min(this.#unknownSinceMs ?? nowMs, this.#inFlightSinceMs ?? this.#queue.sinceMs ?? nowMs);
    return {
      rootSequence: (this.#epoch && this.#root?.record.sequence) ?? 0,
      snapshotAtMs: this.#snapshot?.atMs,
      ticks: this.#epoch?.count ?? 0,
      lagMs: Math.max(0, nowMs - sinceMs),
      problem: this.#problem,
    };
  }

  async flush(): Promise<void> {
    while (this.#isDue || this.#epoch === undefined) await this.#renewOnce();
    await this.#gate(() => this.#writeTicks());
  }

  renew(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#endFollowing();
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
    // Best effort: what is not in the vault is in the state file.
    await this.#gate(() => this.#writeTicks()).catch(() => {});
  }

  #onRecord(sequence: number, writes: Uint8Array): void {
    if (this.#lastSequence !== undefined && sequence !== this.#lastSequence + 1) {
      this.#parts.log.info({ from: this.#lastSequence, to: sequence }, "records of the state were missed");
      this.#onGap();
    }
    this.#lastSequence = sequence;
    const nowMs = this.#parts.clock.nowMs();
    this.#fresh?.add(writes, nowMs);
    this.#queue.add(writes, nowMs);
    // Without stores to take them, the state file is the better place.
    if (this.#queue.sizeBytes > LIMITS.state.capabilitySizeBytes) {
      this.#unknownSinceMs ??= this.#queue.sinceMs;
      this.#queue.take();
      this.#epoch = undefined;
      this.#isDue = true;
    }
    this.#wake?.();
  }

  /** What follows a gap must not be applied to what was before it. */
  #onGap(): void {
    this.#unknownSinceMs ??= this.#parts.clock.nowMs();
    this.#epoch = undefined;
    this.#fresh = undefined;
    this.#isDue = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    let delayMs: number = LIMITS.vault.tickMs;
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#epoch === undefined) await this.#renewOnce();
        // Beside the ticks of the epoch that still holds.
        else if (this.#isDue) this.#renewOnce().catch((thrown: unknown) => this.#note(thrown));
        await this.#gate(() => this.#writeTicks());
        this.#problem = undefined;
        delayMs = LIMITS.vault.tickMs;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        this.#note(thrown);
        delayMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS, delayMs * 2));
      }
      await this.#pause(delayMs);
    }
  }

  #note(thrown: unknown): void {
    const { code, message } = toTwinError(thrown);
    this.#problem = message;
    if (!this.#stop.signal.aborted) this.#parts.log.warn({ code }, `The copy of the twin is behind: ${message}`);
  }

  /** Sleeps for a tick; without anything to do, until there is. */
  async #pause(delayMs: number): Promise<void> {
    if (this.#queue.sinceMs === undefined && !this.#isDue) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      if (!this.#stop.signal.aborted) await promise;
      this.#wake = undefined;
    }
    if (this.#stop.signal.aborted) return;
    await this.#parts.clock.sleep(delayMs, { signal: this.#stop.signal }).catch(() => {});
  }

  async #writeTicks(): Promise<void> {
    const epoch = this.#epoch;
    if (epoch === undefined || this.#queue.sinceMs === undefined) return;
    const { sinceMs } = this.#queue;
    this.#inFlightSinceMs = sinceMs;
    const pieces = this.#queue.take();
    const later = this.#queue;
    try {
      while (pieces.length > 0) {
        await this.#writeTick(epoch, pieces[0]!);
        pieces.shift();
      }
    } catch (thrown) {
      // Back in front of what came meanwhile.
      const queue = new WriteQueue();
      for (const piece of pieces) queue.add(piece, sinceMs);
      for (const piece of later.take()) queue.add(piece, sinceMs);
      this.#queue = queue;
      throw thrown;
    } finally {
      this.#inFlightSinceMs = undefined;
    }
    const { ticksKept, ticksSizeBytes } = LIMITS.vault;
    const sizeMax = Math.max(ticksSizeBytes, (this.#snapshot?.sizeBytes ?? 0) / 4);
    if (epoch.count >= ticksKept || epoch.sizeBytes >= sizeMax) this.#isDue = true;
  }

  async #writeTick(epoch: Epoch, writes: Uint8Array): Promise<void> {
    const tick = epoch.chain.encode(epoch.count, epoch.previous, { atMs: this.#parts.clock.nowMs(), writes });
    await this.#parts.vault.notes.put(tick.name, tick.bytes);
    epoch.count++;
    epoch.sizeBytes += writes.length;
    epoch.previous = tick.hash;
  }

  /** One snapshot at a time: who asks while one is made gets that one. */
  #renewOnce(): Promise<void> {
    this.#renewing ??= this.#renewSnapshot().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Makes a snapshot, and the epoch that follows it the current one. When records are missed meanwhile, one is due again. */
  async #renewSnapshot(): Promise<void> {
    const { vault, source, kernels, clock } = this.#parts;
    this.#isDue = false;
    const fresh = (this.#fresh = new WriteQueue());
    try {
      this.#root ??= await this.#findRoot();
      const info = await vault.put(
        encodeSnapshot(source, kernels),
        { type: SNAPSHOT_TYPE, name: "" },
        // Words of strangers lie beside the twin's secrets in it.
        { signal: this.#stop.signal, compress: false },
      );
      const left = this.#epoch;
      const old = this.#root;
      if (!(await this.#gate(() => this.#beginEpoch(fresh, info)))) return;
      this.#snapshot = { atMs: clock.nowMs(), sizeBytes: info.sizeBytes };
      await this.#sweep(info, old, left);
    } catch (thrown) {
      this.#isDue = true;
      throw thrown;
    } finally {
      if (this.#fresh === fresh) this.#fresh = undefined;
    }
  }

  /** False when records were missed since the snapshot began. */
  async #beginEpoch(fresh: WriteQueue, info: ObjectInfo): Promise<boolean> {
    const { identity, kernels, random, clock, vault, stores } = this.#parts;
    if (this.#fresh !== fresh) return false;
    const id = random.bytes(EPOCH_SIZE);
    const chain = createTickChain(id, this.#locator, kernels);
    const epoch: Epoch = { id, chain, count: 0, sizeBytes: 0, previous: undefined };
    // What was written while the snapshot was read, before anybody can find the snapshot.
    for (const piece of fresh.take()) await this.#writeTick(epoch, piece);
    const before = this.#tried ?? this.#root;
    const record: RootRecord = {
      twin: identity.id,
      sequence: (before?.record.sequence ?? 0) + 1,
      atMs: clock.nowMs(),
      epoch: hexEncode(id),
      snapshot: info.id,
      previous: before?.hash ?? "",
      stores: stores(),
    };
    if (this.#fresh !== fresh) return false;
    const root = encodeRoot({ identity, locator: this.#locator, kernels }, record);
    this.#tried = { record, hash: root.hash };
    await vault.notes.put(root.name, root.bytes);
    this.#root = this.#tried;
    this.#tried = undefined;
    // From here on only what came since the last piece above is missing: it is in `fresh` again.
    if (this.#fresh !== fresh) return false;
    this.#epoch = epoch;
    this.#queue = fresh;
    this.#unknownSinceMs = undefined;
    return true;
  }

  /** Deletes what no root record names any more. Best effort: the next one tries again. */
  async #sweep(current: ObjectInfo, old: FoundRoot | undefined, left: Epoch | undefined): Promise<void> {
    const { vault, kernels, log } = this.#parts;
    try {
      const others = await vault.find(({ type, id }) => type === SNAPSHOT_TYPE && id !== current.id);
      for (const { id } of others) await vault.forget(id);
      if (old === undefined) return;
      const chain = left?.chain ?? createTickChain(Uint8Array.fromHex(old.record.epoch), this.#locator, kernels);
      for (let number = 0; await vault.notes.delete(chain.name(number)); number++);
    } catch (thrown) {
      log.warn({ code: toTwinError(thrown).code }, "old copies of the twin could not be deleted");
    }
  }

  async #findRoot(): Promise<FoundRoot | undefined> {
    const { identity, kernels, vault, log } = this.#parts;
    const search = await findRoots({ identity, locator: this.#locator, kernels }, vault.notes);
    const { newest, broken, stale, answered } = search;
    const { needed } = vault.notes;
    // Whoever goes on from what a few know makes a rival of what all the others have: a machine that slept for a while
    // has missed every deadline at once.
    if (answered < needed) {
      throw new TwinError(
        "TWIN_STORE_FAILED",
        `${answered} stores told their roots, ${needed} must: bring stores back.`,
        {
          answered,
          needed,
        },
      );
    }
    if (broken + stale > 0) log.warn({ broken, stale }, "some stores hold no valid or an old root record");
    return newest;
  }
}
