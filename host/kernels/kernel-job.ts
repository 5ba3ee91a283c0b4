// What a worker of the pool can be asked to do: a module of functions over kernels.

import type { Kernels } from "./kernels.ts";

/** What a job gives: `value` is copied to the caller, but for the buffers of `transfer`, which move. */
export interface JobResult<Value> {
  readonly value: Value;
  readonly transfer?: readonly ArrayBuffer[];
}

/**
 * One job, with an instance of the kernels that it has alone until it is done. Its input is its own.
 * What it throws reaches the caller as a `TwinError`.
 */
export type KernelJob<Input, Value> = (kernels: Kernels, input: Input) => JobResult<Value> | Promise<JobResult<Value>>;

/** Jobs by name. */
export type KernelJobs = Readonly<Record<string, KernelJob<never, unknown>>>;
