// A worker of the pool: loads the jobs it was told of and runs one at a time.

import { parentPort, workerData } from "node:worker_threads";
import { type ErrorWire, toTwinError } from "../base/errors.ts";
import type { JobResult } from "./kernel-job.ts";
import type { Kernels } from "./kernels.ts";
import { createKernels } from "./open-kernels.ts";
import { tellCollector } from "./slabs.ts";

/** What a worker is started with. */
export interface PoolWorkerData {
  readonly module: WebAssembly.Module;
  /** Address of the module that exports `jobs`. */
  readonly jobs: string;
}

/** A job to do. */
export interface PoolJob {
  readonly name: string;
  readonly input: unknown;
}

/** What a worker is sent: a job, or how much shared memory nobody keeps any more. */
export type PoolRequest = PoolJob | { readonly looseBytes: number };

/** What came of it. */
export type PoolReply = { readonly value: unknown } | { readonly error: ErrorWire };

type LoadedJobs = Readonly<
  Record<string, (kernels: Kernels, input: unknown) => JobResult<unknown> | Promise<JobResult<unknown>>>
>;

const { module, jobs: address } = workerData as PoolWorkerData;
const port = parentPort!;
const kernels = createKernels(module);
// Requests wait in the port until the jobs are loaded: it is read from when it has a listener.
const { jobs } = (await import(address)) as { readonly jobs: LoadedJobs };

async function run({ name, input }: PoolJob): Promise<void> {
  try {
    const { value, transfer = [] } = await jobs[name]!(kernels, input);
    port.postMessage({ value } satisfies PoolReply, [...transfer]);
  } catch (thrown) {
    port.postMessage({ error: toTwinError(thrown).toWire() } satisfies PoolReply);
  }
}

port.on("message", (request: PoolRequest) => {
  if ("looseBytes" in request) tellCollector(request.looseBytes);
  else void run(request);
});
