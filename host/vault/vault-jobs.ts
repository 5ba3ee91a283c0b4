// What the vault gives to the kernel workers: plaintext becomes shards, and sealed frames plaintext. Buffers
// come and go with each job, so that they can be filled again.

import type { KernelJob, KernelJobs } from "../kernels/kernel-job.ts";
import { type ChunkName, nameChunks } from "./chunk-names.ts";
import { type RemakeOrder, packSegment, remakeShards, type SegmentOrder } from "./segment-coder.ts";
import { hashLeaves } from "./shard.ts";
import { openFrames } from "./sealed-block.ts";
import type { StreamBatch } from "./stream-batches.ts";
import type { VaultKeys } from "./vault-keys.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Nobody else waits in a worker. */
const atOnce = async (): Promise<void> => {};

/** The chunks of a batch, whose bytes come back. */
const name: KernelJob<
  { readonly key: Uint8Array; readonly batch: StreamBatch },
  { readonly chunks: readonly ChunkName[]; readonly bytes: Bytes }
> = async (kernels, { key, batch: { bytes, start, end, isLast } }) => {
  const chunks = await nameChunks(kernels, key, { bytes: bytes.subarray(start, end), isLast }, atOnce);
  return { value: { chunks, bytes }, transfer: [bytes.buffer] };
};

/** The shards of a segment; the buffer of its plaintext comes back. */
const pack: KernelJob<
  { readonly keys: VaultKeys; readonly order: SegmentOrder },
  Pick<SegmentOrder, "shards" | "plain">
> = async (kernels, { keys, order }) => {
  await packSegment({ keys, kernels }, order, atOnce);
  const { shards, plain } = order;
  return { value: { shards, plain }, transfer: [plain, ...shards].map(({ buffer }) => buffer) };
};

/** The plaintext of frames, in the buffer in which they came. */
const open: KernelJob<
  {
    readonly key: Uint8Array;
    readonly plainSize: number;
    readonly span: { readonly firstFrame: number; readonly bytes: Bytes };
  },
  Bytes
> = (kernels, { key, plainSize, span }) => {
  const plain = openFrames(kernels, key, plainSize, span) as Bytes;
  return { value: plain, transfer: [plain.buffer] };
};

/** The hashes of the leaves of what lies behind byte `skip` of `all`, which comes back. */
const hash: KernelJob<
  { readonly all: Bytes; readonly skip: number },
  { readonly all: Bytes; readonly hashes: Bytes }
> = (kernels, { all, skip }) => ({
  value: { all, hashes: hashLeaves(kernels, all.subarray(skip)) },
  transfer: [all.buffer],
});

/** Shards made again; what they were made of stays in the worker. */
const remake: KernelJob<{ readonly keys: VaultKeys; readonly order: RemakeOrder }, readonly Bytes[]> = async (
  kernels,
  { keys, order },
) => {
  const shards = await remakeShards({ keys, kernels }, order, atOnce);
  return { value: shards, transfer: shards.map(({ buffer }) => buffer) };
};

/** All of them, under the name by which a worker finds them. */
export const jobs = { name, pack, open, hash, remake } satisfies KernelJobs;

/** The vault's jobs. */
export type VaultJobs = typeof jobs;
