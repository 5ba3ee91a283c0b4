// Workers that run kernels off the main thread, all over one compiled module. Buffers move to them and
// back without a copy. A worker that dies takes its job with it and is replaced.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { errorFromWire, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { KernelJobs } from "./kernel-job.ts";
import { compileKernels } from "./open-kernel-module.ts";
import type { PoolJob, PoolReply, PoolRequest, PoolWorkerData } from "./pool-worker.ts";
import { createSlabs, type Slabs } from "./slabs.ts";
import { isWorkerCount, usualWorkerCount } from "./worker-count.ts";

/** What {@link openKernelPool} needs. */
export interface KernelPoolOptions {
  /** A module that exports its {@link KernelJobs} as `jobs`. Ours: it is run as it is. */
  readonly jobs: URL;
  readonly clock: Clock;
  /** Workers at most, 1 to `LIMITS.kernels.workersMax`; they start when there is work. Default: as {@link usualWorkerCount}. */
  readonly workerCount?: number | undefined;
}

/** How one job is run. */
interface JobOptions {
  /** Buffers of the input that move to the worker: they are empty here from then on, also when the job fails. The rest is copied. */
  readonly transfer?: readonly ArrayBuffer[];
  readonly signal?: AbortSignal | undefined;
}

/** Runs jobs in their order of arrival, as many at once as there are workers. Disposing ends the workers. */
export interface KernelPool<Jobs extends KernelJobs> extends AsyncDisposable {
  readonly workerCount: number;
  /** Memory for inputs that its workers share with this thread: it need not move. */
  readonly slabs: Slabs;
  /** Jobs that wait for a worker. */
  readonly waitingCount: number;
  /**
   * Runs one job. Rejects with the job's own {@link TwinError}; with `TWIN_KERNEL_QUEUE` when too many
   * wait already; with `TWIN_KERNEL_RESTARTED` when its worker died; with `TWIN_ABORTED` when the
   * signal aborts or the pool is closed (a job that has begun runs to its end, unseen: shared memory of its input
   * is not to be given back). Each of these may be tried again, from the source of what was transferred. After any
   * other end nobody but the caller uses the input's memory any more.
   */
  run<Name extends keyof Jobs & string>(
    name: Name,
    input: Parameters<Jobs[Name]>[1],
    options?: JobOptions,
  ): Promise<Awaited<ReturnType<Jobs[Name]>>["value"]>;
}

/** Opens a pool. Throws `TWIN_HOST_INTERNAL` when the kernels were not built. */
export async function openKernelPool<Jobs extends KernelJobs>(options: KernelPoolOptions): Promise<KernelPool<Jobs>> {
  const { jobs, clock, workerCount = usualWorkerCount() } = options;
  if (!isWorkerCount(workerCount)) {
    throw new RangeError(`A pool has 1 to ${LIMITS.kernels.workersMax} workers, not ${workerCount}.`);
  }
  return new WorkerPool({ module: await compileKernels(), jobs: jobs.href }, clock, workerCount);
}

interface Task {
  readonly request: PoolJob;
  readonly transfer: readonly ArrayBuffer[];
  readonly settle: PromiseWithResolvers<unknown>;
}

interface Slot {
  readonly worker: Worker;
  /** What it works on. */
  task: Task | undefined;
  /** Ends the wait after which an idle worker is let go. */
  idle: AbortController | undefined;
}

class WorkerPool implements KernelPool<KernelJobs> {
  readonly workerCount: number;
  readonly slabs: Slabs = createSlabs((looseBytes) => {
    for (const { worker } of this.#slots) worker.postMessage({ looseBytes } satisfies PoolRequest);
  });
  readonly #data: PoolWorkerData;
  readonly #clock: Clock;
  readonly #slots = new Set<Slot>();
  readonly #waiting: Task[] = [];
  #closed = false;

  constructor(data: PoolWorkerData, clock: Clock, workerCount: number) {
    this.#data = data;
    this.#clock = clock;
    this.workerCount = workerCount;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  async run(name: string, input: unknown, { transfer = [], signal }: JobOptions = {}): Promise<unknown> {
    if (signal?.aborted === true || this.#closed) throw aborted(signal?.reason);
    if (this.#waiting.length >= LIMITS.kernels.jobsWaiting) {
      throw new TwinError("TWIN_KERNEL_QUEUE", "Too many jobs wait for a kernel worker. Try again a little later.");
    }
    const task = { request: { name, input }, transfer, settle: Promise.withResolvers<unknown>() };
    const stop = (): void => {
      const place = this.#waiting.indexOf(task);
      if (place !== -1) this.#waiting.splice(place, 1);
      task.settle.reject(aborted(signal?.reason));
    };
    signal?.addEventListener("abort", stop, { once: true });
    this.#waiting.push(task);
    this.#dispatch();
    try {
      return await task.settle.promise;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { settle } of this.#waiting.splice(0)) settle.reject(aborted());
    const slots = [...this.#slots];
    this.#slots.clear();
    for (const { task, idle } of slots) {
      idle?.abort();
      task?.settle.reject(aborted());
    }
    await Promise.all(slots.map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) return;
      this.#begin(slot, this.#waiting.shift()!);
    }
  }

  #freeSlot(): Slot | undefined {
    for (const slot of this.#slots) if (slot.task === undefined) return slot;
    return this.#slots.size < this.workerCount ? this.#start() : undefined;
  }

  #begin(slot: Slot, task: Task): void {
    slot.idle?.abort();
    try {
      slot.worker.postMessage(task.request, [...task.transfer]);
    } catch (thrown) {
      // Not to be cloned, or not to be transferred: nothing has left.
      task.settle.reject(thrown);
      this.#rest(slot);
      return;
    }
    slot.task = task;
    slot.worker.ref();
  }

  #start(): Slot {
    // Run from a clone the file is TypeScript, from the package JavaScript.
    const entry = new URL(`./pool-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { workerData: this.#data, name: "kernels" });
    const slot: Slot = { worker, task: undefined, idle: undefined };
    let failure: unknown;
    worker.unref();
    worker.on("message", (reply: PoolReply) => this.#finish(slot, reply));
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", () => {
      slot.idle?.abort();
      slot.task?.settle.reject(restarted(failure));
      if (this.#slots.delete(slot)) this.#dispatch();
    });
    this.#slots.add(slot);
    return slot;
  }

  #finish(slot: Slot, reply: PoolReply): void {
    const settle = slot.task?.settle;
    slot.task = undefined;
    if ("value" in reply) settle?.resolve(reply.value);
    else settle?.reject(errorFromWire(reply.error));
    this.#rest(slot);
    this.#dispatch();
  }

  /** Lets the worker go when nothing comes for a while: its memory is worth more than its start. */
  #rest(slot: Slot): void {
    slot.worker.unref();
    const idle = new AbortController();
    slot.idle = idle;
    void this.#retire(slot, idle.signal);
  }

  async #retire(slot: Slot, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(LIMITS.kernels.workerIdleMs, { signal });
    } catch {
      // There is work again.
      return;
    }
    this.#slots.delete(slot);
    await slot.worker.terminate();
  }
}

function aborted(reason?: unknown): TwinError {
  return new TwinError("TWIN_ABORTED", "The caller or the host's stop ended this before it was done.", {}, reason);
}

function restarted(cause: unknown): TwinError {
  return new TwinError(
    "TWIN_KERNEL_RESTARTED",
    "The worker died at this job; another takes over. Try again.",
    {},
    cause,
  );
}
