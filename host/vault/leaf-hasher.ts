// Hashes the leaves of what a store gave: here, or on a worker when it is much.

import type { Kernels } from "../kernels/kernels.ts";
import type { KernelPool } from "../kernels/pool.ts";
import { shared, WORKER_SIZE } from "./movable.ts";
import { hashLeaves } from "./shard.ts";
import type { VaultJobs } from "./vault-jobs.ts";

/** Leaves behind byte `skip` of what was fetched. */
export interface FetchedLeaves {
  readonly all: Uint8Array;
  readonly skip: number;
}

/** Leaves and their hashes, one behind the other. */
export interface HashedLeaves {
  readonly bytes: Uint8Array;
  readonly hashes: Uint8Array;
}

/** Hashes leaves, which stay where they are or are copied. */
export type LeafHasher = (fetched: FetchedLeaves) => Promise<HashedLeaves>;

/** A hasher on `pool`; without one it works here. */
export function createLeafHasher(kernels: Kernels, pool: KernelPool<VaultJobs> | undefined): LeafHasher {
  return async ({ all, skip }) => {
    const bytes = all.subarray(skip);
    if (pool === undefined || bytes.length < WORKER_SIZE) return { bytes, hashes: hashLeaves(kernels, bytes) };
    return { bytes, hashes: await pool.run("hash", shared(bytes)) };
  };
}
