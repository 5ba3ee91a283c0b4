// How many workers a pool of kernels has: as the owner says, else as many as did most on this machine,
// else as the cores suggest.

import { availableParallelism } from "node:os";
import { LIMITS } from "../base/limits.ts";

/** A number of workers, and who chose it: the owner, the bench, or nobody but the number of cores. */
export interface WorkerCount {
  readonly count: number;
  readonly chosenBy: "config" | "bench" | "cores";
}

/** One less than the machine's cores, which leaves one to the host's own thread; at least 1, at most 4. */
export function usualWorkerCount(): number {
  return Math.max(1, Math.min(4, availableParallelism() - 1));
}

/** Whether a pool can have `count` workers. */
export function isWorkerCount(count: unknown): boolean {
  return Number.isSafeInteger(count) && (count as number) >= 1 && (count as number) <= LIMITS.kernels.workersMax;
}

/** The count that `setting` says, or else what was `measured` on this machine. */
export function chooseWorkerCount(setting: number | "auto", measured: number | undefined): WorkerCount {
  if (setting !== "auto") return { count: setting, chosenBy: "config" };
  if (measured !== undefined) return { count: measured, chosenBy: "bench" };
  return { count: usualWorkerCount(), chosenBy: "cores" };
}
