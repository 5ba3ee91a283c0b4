// Small objects side by side in one buffer, each with room for its manifest behind it: a segment of them is
// read, named and packed as one piece. None has more than one chunk, so nothing has to be cut.

import { copyBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { BufferShelf } from "./buffer-shelf.ts";
import { encodeManifest, manifestSize } from "./manifest.ts";
import type { SmallObject } from "./object.ts";
import { checkMeta, type CheckedMeta } from "./object-meta.ts";
import type { Pace } from "./pace.ts";
import { sealedSize } from "./sealed-block.ts";
import { fitsSegment } from "./segment.ts";
import type { VaultKeys } from "./vault-keys.ts";

const ID_SIZE = 32;

/** An object whose bytes begin at byte `at` of the batch's buffer, and whose manifest has room right behind them. */
export interface PlacedObject extends CheckedMeta {
  readonly at: number;
  readonly sizeBytes: number;
}

/** Objects that fit into one segment together. */
export interface SmallBatch {
  readonly bytes: Uint8Array;
  readonly objects: readonly PlacedObject[];
}

/** What an object is called, and its content; that of an empty one is of no use. */
export interface ObjectNames {
  readonly root: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * The objects of `source` in order, in batches of a segment or `smallBatchCount` at most, none of them empty. The next
 * one is filled while the consumer is at work with this one, whose buffer is from then on the consumer's. Throws
 * `TWIN_LIMIT_EXCEEDED` for an object that is not small, or whose name or type is too long.
 */
export async function* smallBatches(
  source: AsyncIterable<SmallObject>,
  shelf: BufferShelf,
): AsyncGenerator<SmallBatch, void, undefined> {
  let filling: BatchInMaking | undefined;
  for await (const { bytes, meta = {} } of source) {
    const { smallObjectSizeBytes } = LIMITS.vault;
    if (bytes.length > smallObjectSizeBytes) {
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `An object of a batch has at most ${smallObjectSizeBytes} bytes, not ${bytes.length}: put it alone.`,
      );
    }
    const checked = checkMeta(meta);
    if (filling?.take(bytes, checked) === true) continue;
    if (filling !== undefined) yield filling.batch();
    filling = new BatchInMaking(shelf.take(LIMITS.vault.segmentSizeBytes));
    filling.take(bytes, checked);
  }
  if (filling !== undefined) yield filling.batch();
}

class BatchInMaking {
  readonly #bytes: Uint8Array;
  readonly #objects: PlacedObject[] = [];
  #end = 0;
  #blockCount = 0;
  #sealedBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Copies the object in. False, and nothing is taken, when there is no room for it; the first one always has it. */
  take(bytes: Uint8Array, meta: CheckedMeta): boolean {
    const manifestBytes = manifestSize(bytes.length === 0 ? 0 : 1, meta);
    // Whatever of it turns out to be known already, it is planned for.
    const sealedBytes = this.#sealedBytes + sealedSize(bytes.length) + sealedSize(manifestBytes);
    const isFull = this.#objects.length >= LIMITS.vault.smallBatchCount;
    if (isFull || !fitsSegment(this.#blockCount + 2, sealedBytes)) return false;
    copyBytes(bytes, this.#bytes, this.#end);
    this.#objects.push({ ...meta, at: this.#end, sizeBytes: bytes.length });
    this.#end += bytes.length + manifestBytes;
    this.#blockCount += 2;
    this.#sealedBytes = sealedBytes;
    return true;
  }

  batch(): SmallBatch {
    return { bytes: this.#bytes, objects: this.#objects };
  }
}

/** Names the objects and writes their manifests into their room. Answers two ids for each, of root and content, one behind the other. */
export async function nameSmall(
  kernels: Pick<Kernels, "keyedHash">,
  { dataId, manifestId }: Pick<VaultKeys, "dataId" | "manifestId">,
  { bytes, objects }: SmallBatch,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>> {
  const ids = new Uint8Array(objects.length * 2 * ID_SIZE);
  for (const [index, { at, sizeBytes, type, name }] of objects.entries()) {
    const rootAt = index * 2 * ID_SIZE;
    const data = ids.subarray(rootAt + ID_SIZE, rootAt + 2 * ID_SIZE);
    data.set(kernels.keyedHash(dataId, bytes.subarray(at, at + sizeBytes)));
    const entries = sizeBytes === 0 ? [] : [{ id: data, sizeBytes }];
    const manifest = encodeManifest({ level: 0, entries, type, name });
    bytes.set(manifest, at + sizeBytes);
    ids.set(kernels.keyedHash(manifestId, manifest), rootAt);
    await pace();
  }
  return ids;
}

/** The names of object `index` in what {@link nameSmall} gave: views. */
export function namesOf(ids: Uint8Array, index: number): ObjectNames {
  const at = index * 2 * ID_SIZE;
  return { root: ids.subarray(at, at + ID_SIZE), data: ids.subarray(at + ID_SIZE, at + 2 * ID_SIZE) };
}
