// How segments reach the stores: packed, dispersed, some of them at a time.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { type BufferShelf, createBufferShelf } from "./buffer-shelf.ts";
import { disperse } from "./dispersal.ts";
import type { Dispersed } from "./make-known.ts";
import type { PutWork } from "./put-work.ts";
import { SEGMENT_ID_SIZE, planSegment, shardCountOf } from "./segment.ts";
import type { SegmentDraft } from "./segment-draft.ts";
import { headerSize } from "./shard.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Sends segments off. What it sent is known to be at work until it is released. */
export class SegmentLine {
  readonly #parts: VaultParts;
  readonly #work: PutWork;
  readonly #plains: BufferShelf;
  readonly #shards: BufferShelf;
  readonly #segmentIds: string[] = [];

  constructor(parts: VaultParts, work: PutWork, plains: BufferShelf) {
    this.#parts = parts;
    this.#work = work;
    this.#plains = plains;
    this.#shards = createBufferShelf(parts.slabs);
  }

  /** Makes a segment of the draft, whose buffer is taken over, and places it. Throws as `disperse`. */
  async fly(draft: SegmentDraft): Promise<Dispersed> {
    const { seal, code, random, active, dispersal } = this.#parts;
    const idBytes = random.bytes(SEGMENT_ID_SIZE);
    const id = hexEncode(idBytes);
    active.add(id);
    this.#segmentIds.push(id);
    // Nothing is larger than if nothing is compressed.
    const uncompressed = draft.blocks.map((block) => ({ ...block, storedBytes: block.sizeBytes }));
    const { shardSize } = planSegment(idBytes, code, uncompressed).shape;
    const room = headerSize(shardSize) + shardSize;
    const { shape, blocks, shards, plain } = await this.#work.pack(seal.keys, {
      id,
      code,
      blocks: draft.blocks,
      plain: draft.plain,
      shards: Array.from({ length: shardCountOf(code) }, () => this.#shards.take(room)),
    });
    this.#plains.give(plain);
    const { record, isQuiet } = await disperse(dispersal, shape, shards);
    // A store that was given up on may still be writing its shard.
    if (isQuiet) for (const shard of shards) this.#shards.give(shard);
    return { record, blocks };
  }

  /** Nothing more flies: the buffers of shards need not be kept for it. */
  giveMemoryBack(): void {
    this.#shards.rest();
  }

  /** The shards of all that flew are known, or gone. */
  release(): void {
    this.#shards.end();
    for (const id of this.#segmentIds.splice(0)) this.#parts.active.delete(id);
  }
}

/** Segments on their way to the stores. */
export class SegmentFlights {
  readonly #line: SegmentLine;
  readonly #flights: Promise<Dispersed>[] = [];
  #landedCount = 0;

  constructor(line: SegmentLine) {
    this.#line = line;
  }

  /** Sends a segment off; its buffer is taken over. Too many on their way: waits for the first of them, and throws when it fails. */
  async send(draft: SegmentDraft): Promise<void> {
    const flight = this.#line.fly(draft);
    // Its failure is met when it is waited for.
    flight.catch(() => {});
    this.#flights.push(flight);
    if (this.#flights.length - this.#landedCount < LIMITS.vault.segmentsInFlight) return;
    await this.#flights[this.#landedCount];
    this.#landedCount++;
  }

  /** All of them, in order. Throws when one fails. */
  landAll(): Promise<Dispersed[]> {
    return Promise.all(this.#flights);
  }

  /** Those that arrived, when nothing is on its way any more. */
  async landed(): Promise<Dispersed[]> {
    const settled = await Promise.allSettled(this.#flights);
    return settled.flatMap((flight) => (flight.status === "fulfilled" ? [flight.value] : []));
  }
}
