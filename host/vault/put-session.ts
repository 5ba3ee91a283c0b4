// The segments of one put: filled, sent to the stores while the next one fills, and made known all at
// once at the end. Until then nothing refers to them, and an abandoned put takes them back.

import { setImmediate } from "node:timers/promises";
import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { type BufferShelf, createBufferShelf } from "./buffer-shelf.ts";
import type { ChunkName } from "./chunk-names.ts";
import { discardShards } from "./dispersal.ts";
import type { Gate } from "./gate.ts";
import { type Dispersed, makeKnown } from "./make-known.ts";
import { type PutWork, createPutWork } from "./put-work.ts";
import type { BlockKind } from "./segment.ts";
import type { PlainBlock } from "./segment-coder.ts";
import { SegmentDraft } from "./segment-draft.ts";
import { SegmentFlights, SegmentLine } from "./segment-flights.ts";
import type { SharedTail } from "./shared-tail.ts";
import { createStanding } from "./standing.ts";
import { type SizeGates, type StreamBatch, streamBatches, withRest } from "./stream-batches.ts";
import type { ObjectRecord } from "./vault-index.ts";
import type { VaultParts } from "./vault-parts.ts";

/** A batch that fills this much of a segment goes at once; less waits for company. */
const FULL_SIZE = (LIMITS.vault.segmentSizeBytes * 3) / 4;

/** Blocks on their way into the vault. One caller at a time. */
export interface PutSession {
  /**
   * Stores a block unless the vault has it in good health, with `compress` as a zstd frame if that pays. Answers its
   * id. `plain` may be reused afterwards.
   */
  store(kind: BlockKind, plain: Uint8Array, compress: boolean): Promise<Uint8Array>;
  /** Uses a block of the vault again. False when it does not stand as a fresh one would: it must be stored then. */
  reuse(id: Uint8Array): boolean;
  /** Stores the content of a stream likewise. Gives its chunks in order, as soon as they have names. */
  storeStream(source: AsyncIterable<Uint8Array>, compress: boolean): AsyncGenerator<ChunkName, void, undefined>;
  /** Waits for the stores, then makes object and blocks known in one commit. A small end goes with others by way of `tail`. */
  commit(id: Uint8Array, object: ObjectRecord, tail: SharedTail): Promise<void>;
  /** Waits for the stores. Answers what stands there now; it stays the session's until {@link PutSession.release}. */
  land(): Promise<Dispersed[]>;
  /** What was stored is known, or no longer wanted. */
  release(): void;
  /** Takes back what was sent. Never throws. */
  abandon(): Promise<void>;
}

/** Begins a put. `answering`: whether a store holds what the index says. */
export function createPutSession(parts: VaultParts, answering: (store: string) => boolean): PutSession {
  return new OpenSession(parts, answering);
}

class OpenSession implements PutSession {
  readonly #parts: VaultParts;
  readonly #isStanding: (id: Uint8Array) => boolean;
  readonly #work: PutWork;
  readonly #plains: BufferShelf;
  readonly #gates: SizeGates;
  readonly #line: SegmentLine;
  readonly #flights: SegmentFlights;
  readonly #done = Promise.withResolvers<void>();
  readonly #stored = new Set<string>();
  readonly #used = new Map<string, Uint8Array>();
  #draft: SegmentDraft | undefined;

  constructor(parts: VaultParts, answering: (store: string) => boolean) {
    this.#parts = parts;
    this.#isStanding = createStanding(parts, answering);
    this.#work = createPutWork(parts);
    this.#plains = createBufferShelf(parts.slabs);
    this.#gates = {
      enterMiddle: () => this.#enter(parts.middlePuts),
      enterLarge: () => this.#enter(parts.largePuts),
    };
    this.#line = new SegmentLine(parts, this.#work, this.#plains);
    this.#flights = new SegmentFlights(this.#line);
  }

  async store(kind: BlockKind, plain: Uint8Array, compress: boolean): Promise<Uint8Array> {
    const { keys, kernels } = this.#parts.seal;
    const id = kernels.keyedHash(kind === "data" ? keys.dataId : keys.manifestId, plain);
    if (this.#isWanted(id)) await this.#append({ id, kind, sizeBytes: plain.length, compress }, plain);
    return id;
  }

  reuse(id: Uint8Array): boolean {
    if (!this.#isStanding(id)) return false;
    this.#used.set(hexEncode(id), id);
    return true;
  }

  async *storeStream(source: AsyncIterable<Uint8Array>, compress: boolean): AsyncGenerator<ChunkName, void, undefined> {
    let naming: NamingBatch | undefined;
    for await (const next of streamBatches(source, this.#plains, this.#gates)) {
      // Filled while the one before was being named.
      const batch = naming === undefined ? next : yield* this.#takeNamed(naming, next);
      naming = { batch, compress, named: this.#work.name(this.#parts.seal.keys.dataId, batch) };
      // Its failure is met when it is waited for.
      naming.named.catch(() => {});
    }
    if (naming !== undefined) yield* this.#takeNamed(naming, undefined);
  }

  async land(): Promise<Dispersed[]> {
    if (this.#draft !== undefined) await this.#flights.send(this.#draft);
    this.#draft = undefined;
    return await this.#flights.landAll();
  }

  async commit(id: Uint8Array, record: ObjectRecord, tail: SharedTail): Promise<void> {
    const parts = this.#parts;
    const object = { id, record, blocks: this.#used, isStanding: this.#isStanding };
    const draft = this.#draft;
    if (draft !== undefined && tail.takes(draft)) {
      const segments = await this.#flights.landAll();
      await this.#giveMemoryBack();
      await tail.commit({ object: { ...object, segments }, draft });
      this.#plains.give(draft.plain);
    } else {
      const segments = await this.land();
      await this.#giveMemoryBack();
      const { failures, spare } = await makeKnown(parts, [{ ...object, segments }]);
      for (const segment of spare) await discardShards(parts.dispersal, segment);
      if (failures[0] !== undefined) throw failures[0];
    }
    this.release();
  }

  release(): void {
    this.#plains.end();
    this.#line.release();
    this.#done.resolve();
  }

  /** Of what has landed. The rows of a large object want memory too: the collectors come before these are made. */
  async #giveMemoryBack(): Promise<void> {
    this.#plains.rest();
    this.#line.giveMemoryBack();
    await setImmediate();
  }

  /** Waits for a place behind the gate, which is kept until the end. */
  #enter(gate: Gate): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    void gate(async () => {
      resolve();
      await this.#done.promise;
    });
    return promise;
  }

  async abandon(): Promise<void> {
    for (const { record } of await this.#flights.landed()) await discardShards(this.#parts.dispersal, record);
    this.release();
  }

  /** Whether the block must be stored; says yes once. */
  #isWanted(id: Uint8Array): boolean {
    const name = hexEncode(id);
    this.#used.set(name, id);
    if (this.#stored.has(name) || this.#isStanding(id)) return false;
    this.#stored.add(name);
    return true;
  }

  /** Gives the chunks of a batch and stores them. Answers `next` with what was left in front. */
  async *#takeNamed<Next extends StreamBatch | undefined>(
    naming: NamingBatch,
    next: Next,
  ): AsyncGenerator<ChunkName, Next, undefined> {
    const { chunks, bytes } = await naming.named;
    const batch = { ...naming.batch, bytes };
    const fresh: PlainBlock[] = [];
    let at = batch.start;
    for (const chunk of chunks) {
      if (this.#isWanted(chunk.id)) fresh.push({ ...chunk, kind: "data", at, compress: naming.compress });
      at += chunk.sizeBytes;
    }
    const joined = next === undefined ? next : (withRest(next, batch, at) as Next);
    await this.#takeBlocks(batch, fresh);
    yield* chunks;
    return joined;
  }

  /** Stores blocks of a batch, whose buffer is taken over. */
  async #takeBlocks({ bytes, isLast }: StreamBatch, fresh: readonly PlainBlock[]): Promise<void> {
    const plainOf = ({ at, sizeBytes }: PlainBlock): Uint8Array => bytes.subarray(at, at + sizeBytes);
    if (fresh.length === 0 || this.#draft?.fits(fresh) === true) {
      for (const block of fresh) this.#draft!.append(block, plainOf(block));
      this.#plains.give(bytes);
      return;
    }
    // As they lie; only what is too much is copied.
    const whole = new SegmentDraft(this.#plains, bytes);
    for (const block of fresh) {
      if (whole.fits([block])) whole.adopt(block);
      else await this.#append(block, plainOf(block));
    }
    if (!isLast && whole.sealedBytes >= FULL_SIZE) return await this.#flights.send(whole);
    if (this.#draft === undefined) this.#draft = whole;
    else await this.#sendFuller(this.#draft, whole);
  }

  async #sendFuller(old: SegmentDraft, young: SegmentDraft): Promise<void> {
    const isOld = old.sealedBytes >= young.sealedBytes;
    this.#draft = isOld ? young : old;
    await this.#flights.send(isOld ? old : young);
  }

  async #append(block: Omit<PlainBlock, "at">, plain: Uint8Array): Promise<void> {
    if (this.#draft?.fits([block]) === false) {
      const full = this.#draft;
      this.#draft = undefined;
      await this.#flights.send(full);
    }
    this.#draft ??= new SegmentDraft(this.#plains);
    this.#draft.append(block, plain);
  }
}

/** A batch whose buffer is on its way. */
interface NamingBatch {
  readonly batch: StreamBatch;
  readonly compress: boolean;
  readonly named: ReturnType<PutWork["name"]>;
}
