// The segments of one put: filled, sent to the stores while the next one fills, and made known all at
// once at the end. Until then nothing refers to them, and an abandoned put takes them back.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateWrite } from "../state/state-store.ts";
import { standingStores } from "./census.ts";
import { discardShards, disperse } from "./dispersal.ts";
import { type Pace, createPace } from "./pace.ts";
import {
  type BlockKind,
  type SegmentBlock,
  type SegmentDraft,
  SEGMENT_ID_SIZE,
  createSegmentDraft,
} from "./segment.ts";
import { encodeShards } from "./segment-coder.ts";
import { sealBlock } from "./sealed-block.ts";
import { type ObjectRecord, type SegmentRecord, indexWrites } from "./vault-index.ts";
import { blockKey } from "./vault-keys.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Blocks on their way into the vault. One caller at a time. */
export interface PutSession {
  /** Stores a block unless the vault has it in good health. Answers its id. `plain` may be reused afterwards. */
  store(kind: BlockKind, plain: Uint8Array): Promise<Uint8Array>;
  /** Waits for the stores, then makes object and blocks known in one commit. */
  commit(id: Uint8Array, object: ObjectRecord): Promise<void>;
  /** Takes back what was sent. Never throws. */
  abandon(): Promise<void>;
}

/** A segment that every store has taken, and what is in it. */
interface Dispersed {
  readonly record: SegmentRecord;
  readonly blocks: readonly SegmentBlock[];
}

/** Begins a put. `answering`: whether a store holds what the index says. */
export function createPutSession(parts: VaultParts, answering: (store: string) => boolean): PutSession {
  const { seal, index, active } = parts;
  const { keys, kernels } = seal;
  const pace = createPace(parts.clock);
  const own = new Set<string>();
  const flights: Promise<Dispersed>[] = [];
  const landed: Dispersed[] = [];
  const segmentIds: string[] = [];
  let draft: SegmentDraft | undefined;

  /** Whether the block needs no second copy: its segment stands as a fresh one would. */
  function isStanding(id: Uint8Array): boolean {
    const place = index.block(id);
    const segment = place && index.segment(place.segment);
    if (segment === undefined) return false;
    return new Set(standingStores(segment).filter(answering)).size >= parts.shardsNeeded;
  }

  function openDraft(): SegmentDraft {
    const opened = createSegmentDraft(parts.random.bytes(SEGMENT_ID_SIZE), parts.code, keys, kernels);
    active.add(opened.id);
    segmentIds.push(opened.id);
    return opened;
  }

  async function send(): Promise<void> {
    if (draft === undefined) return;
    const flight = fly(parts, draft, pace);
    // Its failure is met when it is waited for.
    flight.catch(() => {});
    flights.push(flight);
    draft = undefined;
    if (flights.length >= LIMITS.vault.segmentsInFlight) await land();
  }

  async function land(): Promise<void> {
    const flight = flights[0];
    if (flight === undefined) return;
    landed.push(await flight);
    void flights.shift();
  }

  function release(): void {
    for (const id of segmentIds) active.delete(id);
  }

  return {
    async store(kind, plain) {
      await pace();
      const id = kernels.keyedHash(kind === "data" ? keys.dataId : keys.manifestId, plain);
      const name = hexEncode(id);
      if (own.has(name) || isStanding(id)) return id;
      if (draft?.fits(plain.length) === false) await send();
      draft ??= openDraft();
      await pace();
      const sealed = sealBlock(kernels, blockKey(keys, kernels, id, draft.idBytes), plain);
      draft.append({ id, kind, sizeBytes: plain.length }, sealed);
      own.add(name);
      await pace();
      return id;
    },
    async commit(id, object) {
      await send();
      while (flights.length > 0) await land();
      const spare = await parts.changes(() => makeKnown(parts, landed, isStanding, { id, record: object }));
      release();
      for (const record of spare) await discardShards(parts.dispersal, record);
    },
    async abandon() {
      const settled = await Promise.allSettled(flights);
      const sent = settled.flatMap((flight) => (flight.status === "fulfilled" ? [flight.value] : []));
      for (const { record } of [...landed, ...sent]) await discardShards(parts.dispersal, record);
      release();
    },
  };
}

async function fly(parts: VaultParts, draft: SegmentDraft, pace: Pace): Promise<Dispersed> {
  const closed = draft.close();
  const shards = await encodeShards(parts.seal, closed, pace);
  return { record: await disperse(parts.dispersal, closed.shape, shards), blocks: draft.blocks };
}

/**
 * Commits the segments that hold a block which does not stand elsewhere, and the object. Answers the
 * segments that another put of the same content made needless.
 */
async function makeKnown(
  parts: VaultParts,
  segments: readonly Dispersed[],
  isStanding: (id: Uint8Array) => boolean,
  object: { readonly id: Uint8Array; readonly record: ObjectRecord },
): Promise<SegmentRecord[]> {
  const writes: StateWrite[] = [];
  const kept: SegmentRecord[] = [];
  const spare: SegmentRecord[] = [];
  for (const { record, blocks } of segments) {
    const fresh = blocks.filter(({ id }) => !isStanding(id));
    if (fresh.length === 0) {
      spare.push(record);
      continue;
    }
    kept.push(record);
    writes.push(indexWrites.segment(record), ...fresh.map((block) => indexWrites.block(record.id, block)));
  }
  const isNew = parts.index.object(object.id) === undefined;
  await parts.index.commit([...writes, indexWrites.object(object.id, object.record)]);
  if (isNew) parts.census.addObject(object.record.sizeBytes);
  for (const record of kept) parts.census.add(record);
  return spare;
}
