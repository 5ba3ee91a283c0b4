// The heavy part of a put: large pieces on the kernel workers, small ones (and all, where there are no
// workers) here between two breaths.

import type { Clock } from "../base/clock.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { type ChunkName, nameChunks } from "./chunk-names.ts";
import { zstdAside } from "./compression.ts";
import { WORKER_SIZE } from "./movable.ts";
import { createPace } from "./pace.ts";
import type { VaultJobs } from "./vault-jobs.ts";
import { type PackedSegment, packSegment, type SegmentOrder } from "./segment-coder.ts";
import { nameSmall, type SmallBatch } from "./small-batch.ts";
import type { StreamBatch } from "./stream-batches.ts";
import type { VaultKeys } from "./vault-keys.ts";
import type { VaultParts } from "./vault-parts.ts";

/** How plaintext becomes shards. One put, one of these. */
export interface PutWork {
  /** The chunks of a batch, as `nameChunks`. The batch's buffer moves: it is the one of the answer from then on. */
  name(
    key: Uint8Array,
    batch: StreamBatch,
  ): Promise<{ readonly chunks: readonly ChunkName[]; readonly bytes: Uint8Array<ArrayBuffer> }>;
  /** The ids of small objects, as `nameSmall`. The batch's buffer moves likewise. */
  nameSmall(
    keys: VaultKeys,
    batch: SmallBatch,
  ): Promise<{ readonly ids: Uint8Array; readonly bytes: Uint8Array<ArrayBuffer> }>;
  /** The segment, as `packSegment`. The order's buffers move: they are those of the answer from then on. */
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
    name(key, batch) {
      if (batch.end - batch.start < WORKER_SIZE) return here.name(key, batch);
      return pool.run("name", { key, batch }, { transfer: [batch.bytes.buffer] });
    },
    nameSmall(keys, batch) {
      if (batch.objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < WORKER_SIZE)
        return here.nameSmall(keys, batch);
      return pool.run("nameSmall", { keys, batch }, { transfer: [batch.bytes.buffer] });
    },
    pack(keys, order) {
      if (order.blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < WORKER_SIZE) return here.pack(keys, order);
      const transfer = [order.plain, ...order.shards].map(({ buffer }) => buffer);
      return pool.run("pack", { keys, order }, { transfer });
    },
  };
}
