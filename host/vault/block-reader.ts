// Opens blocks wherever they stand. The seal of each frame is the final judge: a byte that was not
// sealed under this vault's key for this block never leaves here.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { zstdAside } from "./compression.ts";
import { movable, WORKER_SIZE } from "./movable.ts";
import type { Pace } from "./pace.ts";
import { createReadBuffers, type ReadBuffers } from "./read-buffers.ts";
import type { RebuiltSegments } from "./rebuilt-segments.ts";
import { frameSpan } from "./sealed-block.ts";
import { openSealed, type PackedBlock, type SealedFrames } from "./sealed-frames.ts";
import { isCompressed } from "./segment.ts";
import type { SegmentReader } from "./segment-reader.ts";
import type { ShardSeal } from "./shard.ts";
import type { BlockPlace, SegmentRecord, VaultIndex } from "./vault-index.ts";
import type { VaultJobs } from "./vault-jobs.ts";
import { blockKey } from "./vault-keys.ts";

const FRAME_SIZE = LIMITS.vault.frameSizeBytes;

/** Reads of blocks by id. */
export interface BlockReader {
  /** The bytes [offset, offset + size) of the block's plaintext. Throws `TWIN_OBJECT_LOST` when they cannot be had. */
  read(id: Uint8Array, offset: number, size: number, how: ReadHow): Promise<Uint8Array>;
  /** The whole block. */
  readWhole(id: Uint8Array, pace: Pace): Promise<Uint8Array>;
}

/** How a block is read. */
interface ReadHow {
  readonly pace: Pace;
  /** Of a long read: whole segments are rebuilt here, and workers open what is large. */
  readonly rebuilt?: RebuiltSegments | undefined;
}

/** What reading blocks needs. */
export interface BlockReaderParts {
  readonly seal: ShardSeal;
  readonly index: Pick<VaultIndex, "block" | "segment">;
  readonly segments: SegmentReader;
  /** Of the reader's own when absent. */
  readonly buffers?: ReadBuffers | undefined;
  /** Workers for long reads; without them the work is done here. */
  readonly pool?: KernelPool<VaultJobs> | undefined;
}

/** A reader of the blocks that `index` names. */
export function createBlockReader(parts: BlockReaderParts): BlockReader {
  const { seal, index, segments, pool, buffers = createReadBuffers() } = parts;
  const placeOf = (id: Uint8Array): BlockPlace => {
    const place = index.block(id);
    if (place === undefined)
      throw lost("A block of it is not in the index: stop the host, then run twin vault reindex.");
    return place;
  };
  /** Again when the block was moved meanwhile: its old shards are gone then. */
  async function read(id: Uint8Array, offset: number, size: number, how: ReadHow): Promise<Uint8Array> {
    for (;;) {
      const place = placeOf(id);
      try {
        return await readAt(id, place, { offset, size }, how);
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
    { pace, rebuilt }: ReadHow,
  ): Promise<Uint8Array> {
    const segment = index.segment(place.segment);
    if (segment === undefined)
      throw lost("A segment of it is not in the index: stop the host, then run twin vault reindex.");
    const packed = isCompressed(place) ? packedOf(id, place) : undefined;
    const { storedBytes } = place;
    // A zstd frame is read as a whole.
    const { firstFrame, ...span } =
      packed === undefined ? frameSpan(storedBytes, offset, size) : frameSpan(storedBytes, 0, storedBytes);
    const key = blockKey(seal.keys, seal.kernels, id, Uint8Array.fromHex(segment.id));
    const open: Opener = async (bytes) => {
      if (bytes === undefined) return undefined;
      const frames = { key, storedBytes, span: { firstFrame, bytes }, packed };
      const plain = await orBroken(rebuilt === undefined ? openHere(frames) : openLong(frames));
      if (plain?.buffer !== bytes.buffer) buffers.give(bytes);
      return plain;
    };
    const range = { offset: place.offset + span.offset, size: span.sizeBytes };
    const memory = rebuilt === undefined ? { buffers } : { rebuilt };
    const plain =
      (await open(await segments.readFast(segment, range, memory))) ??
      (await openDoubtful({ segments, open }, segment, range, { pace, buffers }));
    await pace();
    const skip = packed === undefined ? offset - firstFrame * FRAME_SIZE : offset;
    return buffers.keep(plain.subarray(skip, skip + size));
  }

  function packedOf(id: Uint8Array, { kind, sizeBytes }: BlockPlace): PackedBlock {
    return { id, sizeBytes, idKey: kind === "data" ? seal.keys.dataId : seal.keys.manifestId };
  }

  function openHere(frames: SealedFrames): Promise<Uint8Array> {
    return openSealed(seal.kernels, zstdAside, frames);
  }

  function openLong(frames: SealedFrames): Promise<Uint8Array> {
    const { bytes, firstFrame } = frames.span;
    if (pool === undefined || bytes.length < WORKER_SIZE) return openHere(frames);
    const own = movable(bytes);
    return pool.run("open", { ...frames, span: { firstFrame, bytes: own } }, { transfer: [own.buffer] });
  }

  return { read, readWhole: async (id, pace) => read(id, 0, placeOf(id).sizeBytes, { pace }) };
}

/** The plaintext of sealed bytes, or undefined when there are none or their seals do not hold. */
type Opener = (bytes: Uint8Array | undefined) => Promise<Uint8Array | undefined>;

/** What does not open at once: leaf by verified leaf, or as it stands in shards that cannot prove themselves and may be whole all the same. */
async function openDoubtful(
  { segments, open }: { readonly segments: SegmentReader; readonly open: Opener },
  segment: SegmentRecord,
  range: { readonly offset: number; readonly size: number },
  { pace, buffers }: { readonly pace: Pace; readonly buffers: ReadBuffers },
): Promise<Uint8Array> {
  try {
    const plain = await open(await segments.readVerified(segment, range.offset, range.size, pace));
    if (plain !== undefined) return plain;
    throw lost(`The seal of a block in segment ${segment.id} does not hold.`);
  } catch (thrown) {
    const plain = await open(await segments.readFast({ ...segment, absent: [] }, range, { buffers }));
    if (plain !== undefined) return plain;
    throw thrown;
  }
}

async function orBroken<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (thrown) {
    if (thrown instanceof TwinError && thrown.code === "TWIN_SEAL_BROKEN") return undefined;
    throw thrown;
  }
}

function lost(message: string): TwinError {
  return new TwinError("TWIN_OBJECT_LOST", message);
}
