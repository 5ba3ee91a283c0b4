// Opens blocks wherever they stand. The seal of each frame is the final judge: a byte that was not
// sealed under this vault's key for this block never leaves here.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Pace } from "./pace.ts";
import { frameSpan, openFrames } from "./sealed-block.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { ShardSeal } from "./shard.ts";
import type { BlockPlace, VaultIndex } from "./vault-index.ts";
import { blockKey } from "./vault-keys.ts";

const FRAME_SIZE = LIMITS.vault.frameSizeBytes;

/** Reads of blocks by id. */
export interface BlockReader {
  /** The bytes [offset, offset + size) of the block's plaintext. Throws `TWIN_OBJECT_LOST` when they cannot be had. */
  read(id: Uint8Array, offset: number, size: number, pace: Pace): Promise<Uint8Array>;
  /** The whole block. */
  readWhole(id: Uint8Array, pace: Pace): Promise<Uint8Array>;
}

/** A reader of the blocks that `index` names. */
export function createBlockReader(
  seal: ShardSeal,
  index: Pick<VaultIndex, "block" | "segment">,
  segments: SegmentReader,
): BlockReader {
  const placeOf = (id: Uint8Array): BlockPlace => {
    const place = index.block(id);
    if (place === undefined)
      throw lost("A block of it is not in the index: stop the host, then run twin vault reindex.");
    return place;
  };
  /** Again when the block was moved meanwhile: its old shards are gone then. */
  async function read(id: Uint8Array, offset: number, size: number, pace: Pace): Promise<Uint8Array> {
    for (;;) {
      const place = placeOf(id);
      try {
        return await readAt(id, place, { offset, size }, pace);
      } catch (thrown) {
        const now = index.block(id)?.segment;
        if (now === undefined || now === place.segment) throw thrown;
      }
    }
  }

  async function readAt(
    id: Uint8Array,
    place: BlockPlace,
    { offset, size }: { readonly offset: number; readonly size: number },
    pace: Pace,
  ): Promise<Uint8Array> {
    const segment = index.segment(place.segment);
    if (segment === undefined)
      throw lost("A segment of it is not in the index: stop the host, then run twin vault reindex.");
    const { firstFrame, ...span } = frameSpan(place.sizeBytes, offset, size);
    const key = blockKey(seal.keys, seal.kernels, id, Uint8Array.fromHex(segment.id));
    const open = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
      bytes && orBroken(() => openFrames(seal.kernels, key, place.sizeBytes, { firstFrame, bytes }));

    const start = place.offset + span.offset;
    const plain =
      open(await segments.readFast(segment, start, span.sizeBytes)) ??
      open(await segments.readVerified(segment, start, span.sizeBytes, pace));
    await pace();
    if (plain === undefined) throw lost(`The seal of a block in segment ${segment.id} does not hold.`);
    const skip = offset - firstFrame * FRAME_SIZE;
    return plain.subarray(skip, skip + size);
  }
  return { read, readWhole: async (id, pace) => read(id, 0, placeOf(id).sizeBytes, pace) };
}

function orBroken<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (thrown) {
    if (thrown instanceof TwinError && thrown.code === "TWIN_SEAL_BROKEN") return undefined;
    throw thrown;
  }
}

function lost(message: string): TwinError {
  return new TwinError("TWIN_OBJECT_LOST", message);
}
