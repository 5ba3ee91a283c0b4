// The segments of one put: filled, sent to the stores while the next one fills, and made known all at
// once at the end. Until then nothing refers to them, and an abandoned put takes them back.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { standingStores } from "./census.ts";
import { discardShards, disperse } from "./dispersal.ts";
import { type Dispersed, makeKnown } from "./make-known.ts";
import { createPacedWork, createPooledWork, type PutWork } from "./put-work.ts";
import {
  type BlockKind,
  type SegmentBlock,
  type SegmentDraft,
  SEGMENT_ID_SIZE,
  createSegmentDraft,
} from "./segment.ts";
import type { ObjectRecord } from "./vault-index.ts";
import { blockKey } from "./vault-keys.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Blocks on their way into the vault. One caller at a time. */
export interface PutSession {
  /** Stores a block unless the vault has it in good health. Answers its id. `plain` may be reused afterwards. */
  store(kind: BlockKind, plain: Uint8Array): Promise<Uint8Array>;
  /** Waits for the stores, then makes object and blocks known in one commit. */
  commit(id: Uint8Array, object: ObjectRecord): Promise<void>;
  /** Waits for the stores. Answers what stands there now; it stays the session's until {@link PutSession.release}. */
  land(): Promise<Dispersed[]>;
  /** What was stored is known, or no longer wanted. */
  release(): void;
  /** Takes back what was sent. Never throws. */
  abandon(): Promise<void>;
}

/** Begins a put. `answering`: whether a store holds what the index says. */
export function createPutSession(parts: VaultParts, answering: (store: string) => boolean): PutSession {
  const { seal, active } = parts;
  const { keys, kernels } = seal;
  const work = parts.pool === undefined ? createPacedWork(kernels, parts.clock) : createPooledWork(parts.pool);
  const isStanding = (id: Uint8Array): boolean => stands(parts, id, answering);
  const stored = new Set<string>();
  const used = new Map<string, Uint8Array>();
  const flights = new Flights();
  const segmentIds: string[] = [];
  let draft: SegmentDraft | undefined;
  /** The last block of the draft, on its way: the next one is cut and named meanwhile. */
  let sealing: { readonly block: Omit<SegmentBlock, "offset">; readonly sealed: Promise<Uint8Array> } | undefined;

  function openDraft(): SegmentDraft {
    const opened = createSegmentDraft(parts.random.bytes(SEGMENT_ID_SIZE), parts.code, keys, kernels);
    active.add(opened.id);
    segmentIds.push(opened.id);
    return opened;
  }

  async function settle(): Promise<void> {
    if (sealing === undefined) return;
    const { block, sealed } = sealing;
    draft!.append(block, await sealed);
    sealing = undefined;
  }

  async function send(): Promise<void> {
    await settle();
    if (draft === undefined) return;
    const flight = fly(parts, draft, work);
    draft = undefined;
    await flights.add(flight);
  }

  function release(): void {
    for (const id of segmentIds) active.delete(id);
  }

  return {
    async store(kind, plain) {
      const { id, plain: own } = await work.identify(kind === "data" ? keys.dataId : keys.manifestId, plain);
      const name = hexEncode(id);
      used.set(name, id);
      if (stored.has(name) || isStanding(id)) return id;
      await settle();
      if (draft?.fits(plain.length) === false) await send();
      draft ??= openDraft();
      const sizeBytes = own.length;
      const sealed = work.seal(blockKey(keys, kernels, id, draft.idBytes), own);
      // Its failure is met when it is waited for.
      sealed.catch(() => {});
      sealing = { block: { id, kind, sizeBytes }, sealed };
      stored.add(name);
      return id;
    },
    release,
    async land() {
      await send();
      return await flights.landAll();
    },
    async commit(id, object) {
      await send();
      const segments = await flights.landAll();
      const spare = await makeKnown(parts, { id, record: object, blocks: used, segments, isStanding });
      release();
      for (const record of spare) await discardShards(parts.dispersal, record);
    },
    async abandon() {
      for (const { record } of await flights.landed()) await discardShards(parts.dispersal, record);
      release();
    },
  };
}

/** Whether a block needs no second copy: its segment stands as a fresh one would. */
function stands(
  { index, shardsNeeded }: Pick<VaultParts, "index" | "shardsNeeded">,
  id: Uint8Array,
  answering: (store: string) => boolean,
): boolean {
  const place = index.block(id);
  const segment = place && index.segment(place.segment);
  if (segment === undefined || segment.adopted === true) return false;
  return new Set(standingStores(segment).filter(answering)).size >= shardsNeeded;
}

/** Segments on their way to the stores. */
class Flights {
  readonly #flights: Promise<Dispersed>[] = [];
  #landedCount = 0;

  /** Takes one in. Too many on their way: waits for the first of them, and throws when it fails. */
  async add(flight: Promise<Dispersed>): Promise<void> {
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

async function fly(parts: VaultParts, draft: SegmentDraft, work: PutWork): Promise<Dispersed> {
  const closed = draft.close();
  const shards = await work.encode(parts.seal.keys, closed);
  return { record: await disperse(parts.dispersal, closed.shape, shards), blocks: draft.blocks };
}
