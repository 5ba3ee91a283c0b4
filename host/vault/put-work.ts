// The heavy part of a put: large pieces on the kernel workers, small ones (and all, where there are no
// workers) here between two breaths.

import type { Clock } from "../base/clock.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { type ChunkName, nameChunks } from "./chunk-names.ts";
import { zstdAside } from "./compression.ts";
import { moving, returned, WORKER_SIZE } from "./movable.ts";
import { createPace } from "./pace.ts";
import type { VaultJobs } from "./vault-jobs.ts";
import { type PackedSegment, packSegment, type SegmentOrder } from "./segment-coder.ts";
import { nameSmall, type SmallBatch } from "./small-batch.ts";
import type { StreamBatch } from "./stream-batches.ts";
import type { VaultKeys } from "./vault-keys.ts";
import type { VaultParts } from "./vault-parts.ts";

/** How plaintext becomes shards. One put, one of these. Buffers that threads share stay where they are, others move: they are those of the answer from then on. */
export interface PutWork {
  /** The chunks of a batch, as `nameChunks`. */
  name(
    key: Uint8Array,
    batch: StreamBatch,
  ): Promise<{ readonly chunks: readonly ChunkName[]; readonly bytes: Uint8Array }>;
  /** The ids of small objects, as `nameSmall`. */
  nameSmall(keys: VaultKeys, batch: SmallBatch): Promise<{ readonly ids: Uint8Array; readonly bytes: Uint8Array }>;
  /** The segment, as `packSegment`. */
  pack(keys: VaultKeys, order: SegmentOrder): Promise<PackedSegment>;
}

/** On the vault's workers if it has some. */
export function createPutWork({ seal, clock, pool }: Pick<VaultParts, "seal" | "clock" | "pool">): PutWork {
  const here = createPacedWork(seal.kernels, clock);
  return pool === undefined ? here : createPooledWork(pool, here);
}

/** Works on this thread, with pauses. */
function createPacedWork(kernels: Kernels, clock: Clock): PutWork {
  const pace = createPace(clock);
  return {
    async name(key, { bytes, start, end, isLast }) {
      const chunks = await nameChunks(kernels, key, { bytes: bytes.subarray(start, end), isLast }, pace);
      return { chunks, bytes };
    },
    nameSmall: async (keys, batch) => ({ ids: await nameSmall(kernels, keys, batch, pace), bytes: batch.bytes }),
    pack: (keys, order) => packSegment({ keys, kernels }, order, { zstd: zstdAside, pace }),
  };
}

/** Works on the workers of `pool`; what is small, as `here` does. */
function createPooledWork(pool: KernelPool<VaultJobs>, here: PutWork): PutWork {
  return {
    async name(key, batch) {
      if (batch.end - batch.start < WORKER_SIZE) return here.name(key, batch);
      const { chunks, bytes } = await pool.run("name", { key, batch }, { transfer: moving([batch.bytes]) });
      return { chunks, bytes: returned(batch.bytes, bytes) };
    },
    async nameSmall(keys, batch) {
      if (batch.objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < WORKER_SIZE)
        return here.nameSmall(keys, batch);
      const { ids, bytes } = await pool.run("nameSmall", { keys, batch }, { transfer: moving([batch.bytes]) });
      return { ids, bytes: returned(batch.bytes, bytes) };
    },
    async pack(keys, order) {
      if (order.blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < WORKER_SIZE) return here.pack(keys, order);
      const transfer = moving([order.plain, ...order.shards]);
      const { plain, shards, ...packed } = await pool.run("pack", { keys, order }, { transfer });
      return {
        ...packed,
        plain: returned(order.plain, plain),
        shards: shards.map((shard, index) => returned(order.shards[index]!, shard)),
      };
    },
  };
}
