// The case by which `--apply` chooses how many workers the pool of kernels gets: the heavy part of a
// put, by pools of one worker to as many as there are cores.

import { availableParallelism } from "node:os";
import { systemClock } from "../../../host/base/clock.ts";
import { type KernelPool, openKernelPool } from "../../../host/kernels/pool.ts";
import { isWorkerCount, usualWorkerCount } from "../../../host/kernels/worker-count.ts";
import { VAULT_JOBS } from "../../../host/vault/open-vault.ts";
import type { VaultJobs } from "../../../host/vault/vault-jobs.ts";
import type { Case, SampledContender } from "../../measure.ts";
import type { Row } from "../../report.ts";
import { UsageError } from "../../usage-error.ts";

/** Its name begins as those of all cases that `--apply` needs. */
const NAME = "lane-workers";
const CHUNK_SIZE = 1_048_576;
/** More are not tried: a host has other work for its cores. */
const COUNT_MAX = 8;
/** A sample lasts at least this long: workers take turns, and the first of them begin alone. */
const SAMPLE_MS_MIN = 50;
/** A pool must do so much more than a smaller one to be preferred: each worker costs memory. */
const ADVANTAGE = 1.05;

/** The case; its pools are closed with `stack`. */
export async function workersCase(stack: AsyncDisposableStack): Promise<Case> {
  const usual = usualWorkerCount();
  const counts = Array.from(
    { length: Math.min(COUNT_MAX, Math.max(availableParallelism(), 2)) },
    (_, index) => index + 1,
  );
  const contender = async (count: number): Promise<SampledContender> => {
    const pool = stack.use(
      await openKernelPool<VaultJobs>({ jobs: VAULT_JOBS, clock: systemClock, workerCount: count }),
    );
    return { name: nameOf(count), kind: "wasm", version: "ours", sample: (sliceMs) => samplePool(pool, sliceMs) };
  };
  const others = await Promise.all(counts.filter((count) => count !== usual).map(contender));
  return { suite: "kernels", name: NAME, sizeBytes: CHUNK_SIZE, ours: await contender(usual), others };
}

/** Seconds for one chunk, when every worker has one and another one waits for it. */
async function samplePool(pool: KernelPool<VaultJobs>, sliceMs: number): Promise<number> {
  const key = new Uint8Array(32).fill(1);
  const inputs = Array.from({ length: 2 * pool.workerCount }, () => pool.slabs.take(CHUNK_SIZE).fill(2));
  const startMs = systemClock.elapsedMs();
  const endMs = startMs + Math.max(sliceMs, SAMPLE_MS_MIN);
  let chunks = 0;
  const feed = async (bytes: Uint8Array): Promise<void> => {
    const batch = { bytes, start: 0, end: bytes.length, isLast: true };
    do {
      await pool.run("name", { key, batch });
      chunks++;
    } while (systemClock.elapsedMs() < endMs);
  };
  await Promise.all(inputs.map(feed));
  for (const input of inputs) pool.slabs.give(input);
  return (systemClock.elapsedMs() - startMs) / 1_000 / chunks;
}

function nameOf(count: number): string {
  return `${count} ${count === 1 ? "worker" : "workers"}`;
}

/** The smallest count that does about as much as the best one. Throws when `rows` do not tell. */
export function workerCountOf(rows: readonly Row[]): number {
  const row = rows.find(({ case: name }) => name === NAME);
  const measured = row === undefined ? [] : [row.ours, ...row.others];
  const best = Math.max(...measured.map(({ median }) => median));
  const counts = measured
    .filter(({ median }) => median * ADVANTAGE >= best)
    .map(({ name }) => Number.parseInt(name, 10));
  const count = Math.min(...counts);
  if (!isWorkerCount(count)) throw new UsageError(`The hardware profile needs the case "${NAME}": measure it too.`);
  return count;
}
