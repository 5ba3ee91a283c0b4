// A worker of the pool: loads the jobs it was told of and runs one at a time.

import { parentPort, workerData } from "node:worker_threads";
import { type ErrorWire, toTwinError } from "../base/errors.ts";
import type { JobResult } from "./kernel-job.ts";
import type { Kernels } from "./kernels.ts";
import { createKernels } from "./open-kernels.ts";

/** What a worker is started with. */
export interface PoolWorkerData {
  readonly module: WebAssembly.Module;
  /** Address of the module that exports `jobs`. */
  readonly jobs: string;
}

/** A job to do. */
export interface PoolRequest {
  readonly name: string;
  readonly input: unknown;
}

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

async function run({ name, input }: PoolRequest): Promise<void> {
  try {
    const { value, transfer = [] } = await jobs[name]!(kernels, input);
    port.postMessage({ value } satisfies PoolReply, [...transfer]);
  } catch (thrown) {
    port.postMessage({ error: toTwinError(thrown).toWire() } satisfies PoolReply);
  }
}

port.on("message", (request: PoolRequest) => void run(request));
