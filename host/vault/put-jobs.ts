// What a put gives to the kernel workers: the jobs by which plaintext becomes shards.

import type { KernelJob, KernelJobs } from "../kernels/kernel-job.ts";
import { encodeShards } from "./segment-coder.ts";
import type { ClosedSegment } from "./segment.ts";
import { sealBlock } from "./sealed-block.ts";
import type { ShardSeal } from "./shard.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The id of a block; its plaintext comes back with it. */
const identify: KernelJob<{ readonly key: Uint8Array; readonly plain: Bytes }, { id: Uint8Array; plain: Bytes }> = (
  kernels,
  { key, plain },
) => ({ value: { id: kernels.keyedHash(key, plain), plain }, transfer: [plain.buffer] });

/** The sealed form of a block. */
const seal: KernelJob<{ readonly key: Uint8Array; readonly plain: Bytes }, Bytes> = (kernels, { key, plain }) => {
  const sealed = sealBlock(kernels, key, plain);
  return { value: sealed, transfer: [sealed.buffer] };
};

/** The shards of a closed segment. */
const encode: KernelJob<{ readonly keys: ShardSeal["keys"]; readonly closed: ClosedSegment }, Bytes[]> = async (
  kernels,
  { keys, closed },
) => {
  const shards = await encodeShards({ keys, kernels }, closed, async () => {});
  return { value: shards, transfer: shards.map(({ buffer }) => buffer) };
};

/** All of them, under the name by which a worker finds them. */
export const jobs = { identify, seal, encode } satisfies KernelJobs;

/** The jobs of a put. */
export type PutJobs = typeof jobs;
