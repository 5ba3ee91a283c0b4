// Jobs with which tests try a pool of kernel workers: some work, some fail, some take the worker with them.

import { threadId } from "node:worker_threads";
import { isErrorCode, TwinError } from "../../host/base/errors.ts";
import type { KernelJob, KernelJobs } from "../../host/kernels/kernel-job.ts";

const hash: KernelJob<Uint8Array, Uint8Array> = (kernels, data) => ({ value: kernels.hash(data) });

const thread: KernelJob<null, number> = () => ({ value: threadId });

const invert: KernelJob<Uint8Array<ArrayBuffer>, Uint8Array> = (_kernels, bytes) => {
  for (const [index, byte] of bytes.entries()) bytes[index] = byte ^ 0xff;
  return { value: bytes, transfer: [bytes.buffer] };
};

const fail: KernelJob<string, never> = (_kernels, what) => {
  throw isErrorCode(what) ? new TwinError(what, "Failed as asked.") : new Error(what);
};

/** Sleeps until the first number is not 0. */
const wait: KernelJob<Int32Array<SharedArrayBuffer>, null> = (_kernels, gate) => {
  Atomics.wait(gate, 0, 0);
  return { value: null };
};

const die: KernelJob<null, never> = () => process.exit(1);

const throwLater: KernelJob<null, never> = () =>
  new Promise((_resolve, reject) => {
    setImmediate(() => {
      // Outside of the job: nothing catches it.
      setImmediate(() => reject(new Error("unreachable")));
      throw new Error("The worker itself fails.");
    });
  });

/** All of them. */
export const jobs = { hash, thread, invert, fail, wait, die, throwLater } satisfies KernelJobs;

/** Their type. */
export type PoolJobs = typeof jobs;
