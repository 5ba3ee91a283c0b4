// Many small objects: a segment of them is filled, named, packed, placed and made known at a time, in one
// commit, while the next one fills. Each stands or falls with its segment, whole.

import { hexEncode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { base58Encode } from "../identity/base58.ts";
import { abortable, throwIfAborted, unlessAborted } from "./abortable.ts";
import { type BufferShelf, createBufferShelf } from "./buffer-shelf.ts";
import { discardShards } from "./dispersal.ts";
import { createGate } from "./gate.ts";
import { type Dispersed, makeKnown, type NewObject } from "./make-known.ts";
import { manifestSize } from "./manifest.ts";
import type { ObjectInfo, SmallObject } from "./object.ts";
import { createPutWork, type PutWork } from "./put-work.ts";
import { requireRoom } from "./quota.ts";
import type { PlainBlock } from "./segment-coder.ts";
import { SegmentDraft } from "./segment-draft.ts";
import { SegmentLine } from "./segment-flights.ts";
import { namesOf, type ObjectNames, type PlacedObject, type SmallBatch, smallBatches } from "./small-batch.ts";
import { answeringStores, createStanding } from "./standing.ts";
import type { VaultParts } from "./vault-parts.ts";

/** One is named while those before it are packed and on their way; another one is being filled. */
const GROUPS_IN_FLIGHT = LIMITS.vault.segmentsInFlight + 1;

/** What a put of many is told. */
export interface BatchRequest {
  readonly source: AsyncIterable<SmallObject>;
  readonly compress?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onStored: (objects: readonly ObjectInfo[]) => void | Promise<void>;
}

/** Stores objects; see `Vault.putMany`. */
export async function putBatches(parts: VaultParts, request: BatchRequest): Promise<void> {
  const { source, signal, onStored } = request;
  throwIfAborted(signal);
  const plains = createBufferShelf(parts.slabs);
  const work = createPutWork(parts);
  const line = new SegmentLine(parts, work, plains);
  const isStanding = createStanding(parts, await answeringStores(parts));
  const groups = new GroupMaker(parts, { work, line, plains, isStanding, compress: request.compress ?? true, signal });
  const pending: Promise<readonly ObjectInfo[]>[] = [];
  // Who does not listen must not keep the vault from closing.
  const tell = async (objects: readonly ObjectInfo[]): Promise<void> => unlessAborted(onStored(objects), signal);
  try {
    for await (const batch of smallBatches(abortable(source, signal), plains)) {
      const group = groups.store(batch);
      // Its failure is met when it is waited for.
      group.catch(() => {});
      pending.push(group);
      if (pending.length >= GROUPS_IN_FLIGHT) await tell(await pending.shift()!);
    }
    for (const group of pending) await tell(await group);
  } finally {
    // Whatever failed: the others end as they may.
    await Promise.allSettled(pending);
    line.release();
    plains.end();
  }
}

/** An object whose blocks have names. */
type PlainObject = Pick<NewObject, "id" | "record" | "blocks">;

interface GroupTools {
  readonly work: PutWork;
  readonly line: SegmentLine;
  readonly plains: BufferShelf;
  readonly isStanding: (id: Uint8Array) => boolean;
  readonly compress: boolean;
  readonly signal: AbortSignal;
}

/** Stores batches, several at a time. */
class GroupMaker {
  readonly #parts: VaultParts;
  readonly #tools: GroupTools;
  /** Each segment on its way holds as much memory again for its shards. */
  readonly #flights = createGate(LIMITS.vault.segmentsInFlight);
  /** Of objects that are on their way: the census does not have them yet. */
  #comingBytes = 0;

  constructor(parts: VaultParts, tools: GroupTools) {
    this.#parts = parts;
    this.#tools = tools;
  }

  /** Stores the objects of the batch and makes them known. Throws as a put does: then nothing of what was new stays. */
  async store(batch: SmallBatch): Promise<readonly ObjectInfo[]> {
    const { work, plains } = this.#tools;
    const { ids, bytes } = await work.nameSmall(this.#parts.seal.keys, batch);
    const draft = new SegmentDraft(plains, bytes);
    const objects = this.#pick(draft, batch.objects, ids);
    if (draft.blocks.length === 0) plains.give(bytes);
    if (objects.length > 0) await this.#storeNew(draft, objects);
    return batch.objects.map(({ sizeBytes, type, name }, index) => {
      const id = base58Encode(namesOf(ids, index).root);
      return { id, sizeBytes, type, name, durability: "dispersed" };
    });
  }

  /** The objects that the vault does not have whole already. Their blocks of which it has no good copy go into `draft`. */
  #pick(draft: SegmentDraft, placed: readonly PlacedObject[], ids: Uint8Array): PlainObject[] {
    const { isStanding, compress } = this.#tools;
    const seen = new Set<string>();
    const objects: PlainObject[] = [];
    for (const [index, object] of placed.entries()) {
      const names = namesOf(ids, index);
      const blocks = blocksOf(object, names, compress);
      const missing = blocks.filter(({ id }) => !isStanding(id));
      if (missing.length === 0 && this.#parts.index.object(names.root) !== undefined) continue;
      for (const block of missing) {
        const name = hexEncode(block.id);
        if (!seen.has(name)) draft.adopt(block);
        seen.add(name);
      }
      const { sizeBytes, type, name } = object;
      const used = new Map(blocks.map(({ id }) => [hexEncode(id), id]));
      objects.push({ id: names.root, record: { sizeBytes, type, name }, blocks: used });
    }
    return objects;
  }

  async #storeNew(draft: SegmentDraft, objects: readonly PlainObject[]): Promise<void> {
    const sizeBytes = objects.reduce((sum, { record }) => sum + record.sizeBytes, 0);
    this.#comingBytes += sizeBytes;
    try {
      requireRoom(this.#parts, this.#comingBytes);
      throwIfAborted(this.#tools.signal);
      const segment = draft.blocks.length === 0 ? undefined : await this.#flights(() => this.#tools.line.fly(draft));
      await this.#makeKnown(objects, segment);
    } finally {
      this.#comingBytes -= sizeBytes;
    }
  }

  async #makeKnown(objects: readonly PlainObject[], segment: Dispersed | undefined): Promise<void> {
    const { isStanding, signal } = this.#tools;
    const { dispersal } = this.#parts;
    const placed = new Map(segment?.blocks.map((block) => [hexEncode(block.id), block]));
    const complete = objects.map((object): NewObject => {
      const own = [...object.blocks.keys()].flatMap((name) => placed.get(name) ?? []);
      return {
        ...object,
        isStanding,
        segments: segment === undefined ? [] : [{ record: segment.record, blocks: own }],
      };
    });
    const known = await Promise.try(() => {
      throwIfAborted(signal);
      return makeKnown(this.#parts, complete);
    }).catch(async (thrown: unknown) => {
      if (segment !== undefined) await discardShards(dispersal, segment.record);
      throw thrown;
    });
    for (const record of known.spare) await discardShards(dispersal, record);
    const failure = known.failures.find((each) => each !== undefined);
    if (failure !== undefined) throw failure;
  }
}

/** An object's content and its manifest, where they lie. */
function blocksOf(object: PlacedObject, { root, data }: ObjectNames, compress: boolean): PlainBlock[] {
  const { at, sizeBytes } = object;
  const entryCount = sizeBytes === 0 ? 0 : 1;
  // Manifests are hashes: nothing to be saved.
  const manifest = { id: root, kind: "root", sizeBytes: manifestSize(entryCount, object), at: at + sizeBytes } as const;
  const blocks: PlainBlock[] = [{ ...manifest, compress: false }];
  if (sizeBytes > 0) blocks.unshift({ id: data, kind: "data", sizeBytes, at, compress });
  return blocks;
}
