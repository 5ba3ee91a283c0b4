// What the vault gives to the kernel workers: plaintext becomes shards, and sealed frames plaintext. Buffers
// that threads do not share come and go with each job, so that they can be filled again.

import type { KernelJob, KernelJobs } from "../kernels/kernel-job.ts";
import { type ChunkName, nameChunks } from "./chunk-names.ts";
import { zstdAtOnce } from "./compression.ts";
import { moving } from "./movable.ts";
import { type PackedSegment, type RemakeOrder, packSegment, remakeShards, type SegmentOrder } from "./segment-coder.ts";
import { hashLeaves } from "./shard.ts";
import { openSealed, type SealedFrames } from "./sealed-frames.ts";
import { nameSmall as nameSmallBatch, type SmallBatch } from "./small-batch.ts";
import type { StreamBatch } from "./stream-batches.ts";
import type { VaultKeys } from "./vault-keys.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Nobody else waits in a worker. */
const atOnce = async (): Promise<void> => {};

/** The chunks of a batch, whose bytes come back. */
const name: KernelJob<
  { readonly key: Uint8Array; readonly batch: StreamBatch },
  { readonly chunks: readonly ChunkName[]; readonly bytes: Uint8Array }
> = async (kernels, { key, batch: { bytes, start, end, isLast } }) => {
  const chunks = await nameChunks(kernels, key, { bytes: bytes.subarray(start, end), isLast }, atOnce);
  return { value: { chunks, bytes }, transfer: moving([bytes]) };
};

/** The ids of small objects, whose bytes come back with their manifests. */
const nameSmall: KernelJob<
  { readonly keys: VaultKeys; readonly batch: SmallBatch },
  { readonly ids: Bytes; readonly bytes: Uint8Array }
> = async (kernels, { keys, batch }) => {
  const ids = await nameSmallBatch(kernels, keys, batch, atOnce);
  return { value: { ids, bytes: batch.bytes }, transfer: moving([ids, batch.bytes]) };
};

/** The shards of a segment; the buffer of its plaintext comes back. */
const pack: KernelJob<{ readonly keys: VaultKeys; readonly order: SegmentOrder }, PackedSegment> = async (
  kernels,
  { keys, order },
) => {
  const packed = await packSegment({ keys, kernels }, order, { zstd: zstdAtOnce, pace: atOnce });
  return { value: packed, transfer: moving([packed.plain, ...packed.shards]) };
};

/** The plaintext of frames: in the buffer in which they came, or in a new one when they were compressed. */
const open: KernelJob<SealedFrames & { readonly span: { readonly bytes: Bytes } }, Bytes> = async (kernels, frames) => {
  const plain = await openSealed(kernels, zstdAtOnce, frames);
  return { value: plain, transfer: [plain.buffer] };
};

/** The hashes of leaves, which are only looked at. */
const hash: KernelJob<Uint8Array<SharedArrayBuffer>, Bytes> = (kernels, leaves) => ({
  value: hashLeaves(kernels, leaves),
});

/** Shards made again; what they are made of is only looked at. */
const remake: KernelJob<{ readonly keys: VaultKeys; readonly order: RemakeOrder }, readonly Bytes[]> = async (
  kernels,
  { keys, order },
) => {
  const shards = await remakeShards({ keys, kernels }, order, atOnce);
  return { value: shards, transfer: shards.map(({ buffer }) => buffer) };
};

/** All of them, under the name by which a worker finds them. */
export const jobs = { name, nameSmall, pack, open, hash, remake } satisfies KernelJobs;

/** The vault's jobs. */
export type VaultJobs = typeof jobs;
